/** What the simulated Anka host is made of and how it can be told to misbehave. */

/** What delays and faults are set for. `pull-check` is `anka pull … --check-download-size`; `*` is every command. */
export type AnkaOperation =
  | 'help'
  | 'version'
  | 'license'
  | 'config'
  | 'list'
  | 'show'
  | 'registry-list'
  | 'registry-show'
  | 'registry-pull'
  | 'pull-check'
  | 'clone'
  | 'start'
  | 'stop'
  | 'suspend'
  | 'mount'
  | 'cp'
  | 'run'
  | 'modify'
  | 'delete';

/** How a template's runner misbehaves. */
export interface RunnerBehaviour {
  /** The listener ends with this code at once. */
  readonly exitCode?: number;
  /** GitHub refuses the version: code 7 where the environment asks for it, else 1. */
  readonly deprecated?: boolean;
  /** It runs but never opens a session. */
  readonly neverConnects?: boolean;
  /** The listener is killed so many ms after a job began. */
  readonly crashAfterMs?: number;
  /** How long it tries to open a session with a server that does not answer, in ms; 30,000 unless set. */
  readonly connectForMs?: number;
  /** `run.sh` hands on the listener's exit code, which the real one does not. */
  readonly exitCodes?: boolean;
  /** The simulated GitHub for `config.sh --url https://github.com/…`. */
  readonly serverUrl?: string;
}

export interface TemplateFile {
  readonly content: string;
  /** Permission bits; 0o644 unless set. */
  readonly mode?: number;
}

/** A template and its tag. Sizes are in bytes. */
export interface AnkaTemplate {
  readonly uuid: string;
  readonly name: string;
  /** Absent: an untagged template, which a registry cannot have. */
  readonly tag?: string;
  /** Whether `~/actions-runner` is there; true unless set. */
  readonly runner?: boolean | RunnerBehaviour;
  /** Further files of the guest's home, by path. */
  readonly files?: Readonly<Record<string, TemplateFile>>;
  readonly cpuCores?: number;
  readonly ramBytes?: number;
  readonly diskBytes?: number;
  readonly imageBytes?: number;
  /** `failed`: a damaged template. */
  readonly status?: 'stopped' | 'failed' | 'suspended';
}

type FaultKind =
  /** Waits before it answers. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Never answers; the process has to be killed. */
  | { readonly kind: 'hang' }
  /** Does its work and answers, but does not end; the process has to be killed. */
  | { readonly kind: 'endless' }
  /** Fails without doing anything. `exit` is `code` unless set. */
  | { readonly kind: 'error'; readonly code?: number; readonly exit?: number; readonly message?: string }
  /** Prints something that is not JSON and does nothing; `exit` is 0 unless set. */
  | { readonly kind: 'garbage'; readonly exit?: number; readonly message?: string }
  /** Does its work, answers OK, and ends with this exit code. */
  | { readonly kind: 'exit'; readonly exit: number }
  /** Answers OK without doing anything. */
  | { readonly kind: 'lie' }
  /** `clone` leaves a failed VM, `start` too, a pull is interrupted; each with an error. */
  | { readonly kind: 'partial'; readonly code?: number; readonly message?: string }
  /** `run` only: the guest dies so many ms after the command began. */
  | { readonly kind: 'crash'; readonly ms: number }
  /** `start` only: the guest is not reachable for so many ms afterwards. */
  | { readonly kind: 'unready'; readonly ms: number }
  /** Pulls only: takes longer and prints progress, `steps` lines (10 unless set). */
  | { readonly kind: 'slow'; readonly ms: number; readonly steps?: number }
  /** A line on standard error after the answer. */
  | { readonly kind: 'chatter'; readonly message?: string };

export type AnkaFault = FaultKind & {
  readonly command: AnkaOperation | '*';
  /** Only calls whose arguments contain this; no blanks. */
  readonly match?: string;
  /** How many calls it hits; always unless set. */
  readonly times?: number;
};

export type AnkaDelays = Readonly<Partial<Record<AnkaOperation, number>>>;

export interface AnkaHostOptions {
  /** The host's folder; made when it is missing. One folder is one host. */
  readonly dir: string;
  /** What is in the library from the start. */
  readonly templates?: readonly AnkaTemplate[];
  /** What is in the registry. The last tag of a template is its latest. */
  readonly registry?: readonly AnkaTemplate[];
  /** How many VMs may run at once, foreign ones included; Apple's 2 unless set. */
  readonly vmLimit?: number;
  /** How long commands take, in ms. */
  readonly delays?: AnkaDelays;
  /** How long after `start` the guest is not reachable, in ms; 0 unless set. */
  readonly readyMs?: number;
  /** The size of the disk, which templates fill by their `imageBytes`; unless set there is room for any pull. */
  readonly diskBytes?: number;
  readonly version?: string;
  readonly license?: { readonly status: string; readonly type: string };
}

export interface AnkaVm {
  readonly name: string;
  readonly uuid: string;
  readonly status: 'running' | 'stopped' | 'suspended' | 'failed' | 'cloning';
  /** The folder that is the guest's home. */
  readonly home: string;
}

/** One call of `anka`. Times are ms since 1970; `end` and `exit` are absent while it runs, or when it was killed -9. */
export interface AnkaCall {
  readonly pid: number;
  readonly start: number;
  readonly argv: readonly string[];
  readonly end?: number;
  readonly exit?: number;
  /** The kind of the fault that took the call's place, or broke it off; known at its end. */
  readonly fault?: string;
}
