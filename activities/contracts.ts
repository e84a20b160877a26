/**
 * What workflows may ask of the outside world: the activities' shapes, without their code.
 * Everything here crosses Temporal and stays in history: plain JSON, small, and never a secret in clear.
 */

import type { JobEvent } from '../jobs/event.js';
import type { LimitWhy } from '../jobs/limits.js';
import type { PhaseLimits } from '../jobs/phases.js';
import type { Scope } from '../jobs/scope.js';
import type { SweepDeed, SweepLook, SweepPart, SweepReport } from '../jobs/sweeps.js';

/** A secret that only one agent process can open (HPKE, RFC 9180). Safe in history. */
export interface SealedSecret {
  /** Names the key pair it was sealed to, so that a restarted agent can say so instead of failing to open it. */
  readonly keyId: string;
  /** Base64: the encapsulated key. */
  readonly enc: string;
  /** Base64. */
  readonly ciphertext: string;
}

/** The public half of an agent process's key pair. */
export interface PublicKey {
  readonly keyId: string;
  /** Base64, serialised as HPKE says. */
  readonly key: string;
}

// ── On the host ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Which VM; its name is the runner's name. */
export interface VmRef {
  readonly runner: string;
}

export interface HoldInput extends VmRef {
  /** The configured entry whose slot is taken. */
  readonly slot: string;
  /** Take up a hold that this host already has, after its agent restarted; `VmGone` when there is none. */
  readonly adopt: boolean;
}

export interface TemplateInput extends VmRef {
  readonly slot: string;
  readonly template: string;
  readonly tag: string;
}

export interface PullInput {
  /** Its id or name. */
  readonly template: string;
  /** `latest`: whatever the registry has. */
  readonly tag: string;
}

export interface StartRunnerInput extends VmRef {
  /** The JIT config, or the registration token. */
  readonly sealed: SealedSecret;
  /** Given when the guest has to register the runner itself, by that token. */
  readonly byToken?: TokenRegistration | null;
}

/** What the guest's `register-runner.bash` gets besides the runner's name and the token. */
export interface TokenRegistration {
  /** GitHub's web address of the scope. */
  readonly url: string;
  /** Joined by commas. */
  readonly labels: string;
  /** By name; null for the default one. */
  readonly runnerGroup: string | null;
  /** Until when the token can be used (epoch milliseconds). */
  readonly expiresAt: number;
}

/** What the guest's own files say about its runner. */
export interface GuestState {
  /** Set once the job-started hook ran. */
  readonly jobStarted: GuestJob | null;
  readonly jobCompleted: boolean;
  /** Set once the runner process ended. */
  readonly exitCode: number | null;
}

/** What the job-started hook can tell: GitHub gives it the run, not the job's id. */
export interface GuestJob {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
}

/** One configured handler entry: the right to run one VM. */
export interface SlotReport {
  readonly name: string;
  readonly scope: Scope;
  readonly runnerGroup: string | null;
  /** How long a runner may wait for its job (milliseconds). */
  readonly registrationTimeoutMs: number;
  /** Breaks ties between slots: the lower one first. */
  readonly sleepInterval: number;
  readonly retryAttempts: number;
  /** VMs in this slot may have more CPUs and memory than the host has left. Absent: they may not. */
  readonly skipResourceChecks?: boolean;
  /** How long the phases of its VMs may last, where that differs from the defaults. An older agent does not say. */
  readonly limits?: Partial<PhaseLimits>;
}

/** What a VM takes of its host. */
export interface VmSize {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** What its image takes on the disk; absent when the provider does not say. */
  readonly imageBytes?: number;
}

/** A template that a host has. */
export interface TemplateReport {
  readonly uuid: string;
  readonly name: string;
  readonly tag: string | null;
  /** Absent while it is not known, and with older agents. */
  readonly size?: VmSize;
}

/** What a host says of itself. `sequence` grows with each report of one session. */
export interface HostReport {
  readonly host: string;
  readonly pool: string;
  /** Stays the same for ever (a file on the host): tells a restarted agent from another machine of the same name. */
  readonly agentId: string;
  /** New at each start of the agent. */
  readonly sessionId: string;
  /** New at each boot of the machine. */
  readonly bootId: string;
  readonly sequence: number;
  readonly version: string;
  readonly provider: { readonly kind: string; readonly version: string; readonly problems: readonly string[] };
  readonly slots: readonly SlotReport[];
  readonly resources: { readonly cpus: number; readonly memoryBytes: number; readonly diskFreeBytes: number };
  readonly templates: readonly TemplateReport[];
  /** What not every host has, as its config says it: a job with such a label goes to such a host. Absent: nothing. */
  readonly labels?: readonly string[];
  /** Names of the VMs that Berth has on the host, running or not: each takes a slot. */
  readonly holds: readonly string[];
  /**
   * The slot that each of `holds` takes, by name. A VM that no hold stands for has none. An older agent does not say.
   */
  readonly heldSlots?: Readonly<Record<string, string>>;
  /** Running VMs that are not Berth's: they take room and are left alone. */
  readonly foreignVms: readonly string[];
  /** What those take together, as far as it is known. An older agent does not say. */
  readonly foreignUse?: VmSize;
  /** The most VMs that may run at once (2 for macOS guests, Apple's limit). */
  readonly vmLimit: number;
  readonly draining: boolean;
  /** Who keeps the host from taking jobs. An older agent does not say. */
  readonly drainedBy?: readonly DrainSource[];
  /** The template that it pulls right now: it pulls no second one meanwhile. An older agent does not say. */
  readonly pulling?: { readonly template: string; readonly tag: string } | null;
  /** macOS refuses VMs although none runs: it counts such as are gone, until it is rebooted. An older agent does not say. */
  readonly needsReboot?: boolean;
}

/** `operator`: by command, told through `attend`; `file`: the drain file; `stop`: the agent is about to end. */
export type DrainSource = 'operator' | 'file' | 'stop';

/** The report that the host's workflow has, and what an operator wants of the host. */
export interface AttendInput {
  readonly sessionId: string;
  readonly sequence: number;
  /** Take no new VMs. Absent: take them, as far as an operator is concerned. */
  readonly drain?: boolean;
}

/** A VM that a sweep of its host found, by what was done: `left` means left alone, `seen` that the next look decides. */
export interface VmFinding {
  readonly vm: string;
  readonly why: string;
  readonly done: Extract<SweepDeed, 'destroyed' | 'left' | 'seen' | 'would' | 'failed'>;
}

export interface VmSweep {
  /** How many VMs of ours there were. */
  readonly looked: number;
  readonly findings: readonly VmFinding[];
}

export interface HostActivities {
  /**
   * Holds a slot from here to the end of its VM; its heartbeat is the VM's pulse. Refused with `SlotRefused` when the
   * host has no room. Ends when `destroyVm` has released the slot. Meanwhile it tells the runner's workflow what the
   * guest says (signal `guestReported`).
   */
  holdSlot(input: HoldInput): Promise<void>;
  ensureTemplate(input: TemplateInput): Promise<{ readonly tag: string; readonly pulled: boolean }>;
  cloneVm(input: TemplateInput): Promise<void>;
  /** Starts the VM, waits until its guest answers, copies the scripts in. Answers the agent's current public key. */
  startVm(input: VmRef): Promise<{ readonly publicKey: PublicKey }>;
  /** @throws SealStale (details: the current PublicKey) when the secret was sealed to an earlier agent process */
  startRunner(input: StartRunnerInput): Promise<void>;
  askGuest(input: VmRef): Promise<GuestState>;
  /** Ends whatever command runs for this VM, deletes it, releases its slot. Idempotent; missing = success. */
  destroyVm(input: VmRef): Promise<{ readonly existed: boolean }>;
  /** The sweep that the host does by itself every minute, now, with both looks; a dry run changes nothing. */
  sweepVms(input: { readonly dryRun: boolean }): Promise<VmSweep>;
  /** Pulls a template for later, after whatever is being pulled; how far it is goes into the heartbeats. */
  pullTemplate(input: PullInput): Promise<{ readonly tag: string; readonly pulled: boolean }>;
  /** Heartbeats as the host's pulse; returns as soon as the host has something new to report. */
  attend(input: AttendInput): Promise<HostReport>;
}

// ── On GitHub, by the orchestrator ───────────────────────────────────────────────────────────────────────────────

export interface RunnerOnGitHub {
  readonly scope: Scope;
  readonly runner: string;
  /** Known once GitHub answered the registration. */
  readonly runnerId: number | null;
}

export interface RunRef {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
}

export interface RegisterInput {
  readonly scope: Scope;
  readonly runnerGroup: string | null;
  readonly runner: string;
  readonly labels: readonly string[];
  readonly sealTo: PublicKey;
  /** The limits sent it away before: it goes before those who have not waited yet. */
  readonly hasWaited?: boolean;
}

/** Details of a `GitHubRateLimited` failure. */
export interface LimitedDetails {
  /** Epoch milliseconds. */
  readonly resumeAt: number;
  /** An older orchestrator does not say. */
  readonly why?: LimitWhy;
}

export interface Registered {
  /** Null when the guest registers the runner: GitHub tells its number to the guest only. */
  readonly runnerId: number | null;
  readonly sealed: SealedSecret;
  /** Null: the secret is a JIT config, and GitHub knows the runner already. */
  readonly byToken: TokenRegistration | null;
}

export interface JobRef {
  readonly owner: string;
  readonly repo: string;
  readonly jobId: number;
}

/** Where a run's code comes from. */
export interface RunOrigin {
  /** The fork whose pull request it is, as `owner/repo`; null: it is of none. */
  readonly fork: string | null;
}

export interface LostJob extends JobRef {
  readonly name: string;
  readonly runId: number;
  readonly runAttempt: number;
}

/**
 * - `off`: the config does not want it;
 * - `not-yet`: other jobs of the run are still under way, and GitHub repeats jobs of finished runs only;
 * - `already`: it was run again before, by us or somebody else, or is itself a repetition.
 */
export type RerunAnswer = 'off' | 'not-yet' | 'rerun' | 'already' | 'refused';

export interface GitHubActivities {
  /**
   * Makes a JIT config, or a registration token if so configured, and seals it to the host. A JIT config gets one try:
   * an unclear answer removes what may exist and fails.
   */
  registerRunner(input: RegisterInput): Promise<Registered>;
  removeRunner(input: RunnerOnGitHub): Promise<'removed' | 'absent' | 'busy'>;
  lookUpRunner(
    input: RunnerOnGitHub,
  ): Promise<{ readonly state: 'absent' | 'offline' | 'online'; readonly busy: boolean }>;
  /**
   * The job as GitHub has it now, as an event; null when GitHub does not know it. `withRun`: a job that reads `queued`
   * is looked at through its run, too, whatever its age.
   */
  lookUpJob(input: JobRef & { readonly withRun?: boolean }): Promise<JobEvent | null>;
  /** The job of this run that this runner works on, if any. */
  findJobOfRunner(input: GuestJob & { readonly runner: string }): Promise<JobEvent | null>;
  originOfRun(input: RunRef): Promise<RunOrigin>;
  /** Cancels the whole run (GitHub cannot cancel one job). */
  cancelRun(
    /** `why` absent: an operator wants it. `unrunnable`: the config decides (`on_unrunnable`). */
    input: RunRef & { readonly why?: 'unrunnable' },
  ): Promise<'cancelled' | 'already-over' | 'refused' | 'left'>;
  /**
   * Has GitHub run a job again that was lost with its host, once, if the config wants that (`on_infra_lost`). Idempotent:
   * GitHub counts a run's attempts.
   */
  rerunLostJob(input: LostJob): Promise<RerunAnswer>;
}

/** A host whose own sweep can be asked for. */
export interface HostToSweep {
  readonly host: string;
  /** No heartbeat: asking would only take time. */
  readonly isLost: boolean;
}

// ── Sweeps, by the orchestrator ──────────────────────────────────────────────────────────────────────────────────

export interface ReconcileActivities {
  /** One look of one part: finds, acts unless it is a dry run, reports. May be repeated: what was done is not found again. */
  sweep(input: SweepLook & { readonly part: SweepPart }): Promise<SweepReport>;
  /** Every host that has announced itself. */
  hostsToSweep(): Promise<readonly HostToSweep[]>;
}
