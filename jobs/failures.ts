/**
 * Every failure that crosses from an activity to a workflow: its name, its stable code, and what is done about it.
 * Activities throw `ApplicationFailure` with `type` = a key of this table; workflows decide by `remedy` alone.
 * `docs/troubleshooting.md` has a row for each code (a test holds it).
 */

import type { Remedy } from './remedies.js';

interface Failure {
  readonly code: string;
  readonly remedy: Remedy;
  /** One line for the operator: what it means. */
  readonly means: string;
  /** Which error of the provider, the guest, GitHub or Berth's own comes to this. */
  readonly from: string;
}

export const FAILURES = {
  SlotRefused: {
    code: 'BERTH-H001',
    remedy: 'other-host-free',
    means: 'the host has no room for another VM',
    from: '`holdSlot`: the host counted its VMs, or drains',
  },
  HostLost: {
    code: 'BERTH-H002',
    remedy: 'other-host-free',
    means: 'the host stopped answering',
    from: 'no heartbeat of `holdSlot` for 10 s, or a step that the host does not take up within 15 s, and no return in time',
  },
  HostBroken: {
    code: 'BERTH-H003',
    remedy: 'host-broken',
    means: 'the host cannot run VMs until a person mends it',
    from: '`anka` says keychain, `-25308`, licence or no space left; a state folder that cannot be written; a key that cannot be sealed to',
  },
  ToolMissing: {
    code: 'BERTH-H004',
    remedy: 'host-broken',
    means: 'the VM tool is not installed on the host',
    from: '`anka` cannot be run (ENOENT, EACCES)',
  },
  VmLimit: {
    code: 'BERTH-H005',
    remedy: 'other-host-free',
    means: 'the host reached its limit of running VMs',
    from: '`anka` says that the maximum number of running VMs is reached',
  },
  AgentStopped: {
    code: 'BERTH-H006',
    remedy: 'other-host-free',
    means: 'the host agent was stopped before the job began',
    from: 'the agent was told to stop',
  },
  TemplateNotFound: {
    code: 'BERTH-T001',
    remedy: 'end-job',
    means: 'no such template or tag on the host or in the registry',
    from: '`anka registry` or `anka clone` answers code 3',
  },
  TemplatePullFailed: {
    code: 'BERTH-T002',
    remedy: 'other-host',
    means: 'the template could not be pulled',
    from: '`anka registry pull` ends with any other error; a template that vanished from the host',
  },
  DiskFull: {
    code: 'BERTH-T003',
    remedy: 'other-host-free',
    means: "the host's disk has no room for the template, and nothing unused to remove",
    from: 'the room on the disk is counted before a pull; `no space left` during it',
  },
  PullUnderWay: {
    code: 'BERTH-T004',
    remedy: 'other-host-free',
    means: 'the host is pulling another template, and pulls one at a time',
    from: 'another template is being pulled',
  },
  RegistryUnavailable: {
    code: 'BERTH-T005',
    remedy: 'other-host-free',
    means: 'the template is not on the host and the registry does not answer',
    from: '`anka registry` gets no usable answer',
  },
  CommandFailed: {
    code: 'BERTH-V001',
    remedy: 'new-vm',
    means: 'a VM command failed',
    from: '`anka` ends with any error that is not in this table; whatever else a step throws',
  },
  CommandTimeout: {
    code: 'BERTH-V002',
    remedy: 'new-vm',
    means: 'a VM command took longer than its time limit',
    from: 'a command or step took longer than its limit in `timeouts`',
  },
  BadOutput: {
    code: 'BERTH-V003',
    remedy: 'retry-here',
    means: 'a VM command printed something that is not its contract',
    from: '`anka` printed no JSON envelope, or a list that is none',
  },
  VmGone: {
    code: 'BERTH-V004',
    remedy: 'new-vm',
    means: 'the VM disappeared',
    from: '`anka` answers code 3 for the VM, or lists it as not running',
  },
  MountFailed: {
    code: 'BERTH-V005',
    remedy: 'other-host',
    means: 'a folder of the host could not be mounted in the VM',
    from: '`anka mount` fails',
  },
  GuestUnreachable: {
    code: 'BERTH-G001',
    remedy: 'new-vm',
    means: 'the VM runs but its guest does not answer',
    from: '`anka cp` and `anka run` lose the guest (exit code 125), for the whole of `timeouts.guest`',
  },
  InstallFailed: {
    code: 'BERTH-G002',
    remedy: 'new-vm',
    means: 'install-runner.bash failed in the guest',
    from: 'the guest program ends with 71',
  },
  RunnerStartFailed: {
    code: 'BERTH-G003',
    remedy: 'new-vm',
    means: 'start-runner.bash failed in the guest',
    from: 'the guest program ends with 72, or with any code that is not in this table',
  },
  NotPickedUp: {
    code: 'BERTH-G004',
    remedy: 'wait',
    means: 'the runner was up but GitHub gave it no job in time',
    from: '`registration_timeout_seconds` are over, GitHub and the guest both say that no job runs',
  },
  RunnerExited: {
    code: 'BERTH-G005',
    remedy: 'new-vm',
    means: 'the runner process ended before it took a job',
    from: 'the runner process ended, and no job had begun',
  },
  RegisterFailed: {
    code: 'BERTH-G006',
    remedy: 'new-vm',
    means: 'register-runner.bash failed in the guest',
    from: 'the guest program ends with 73',
  },
  RunnerLost: {
    code: 'BERTH-G007',
    remedy: 'job-lost',
    means: 'the runner process ended while a job ran on it',
    from: 'the runner process ended with an error, and its job-completed hook had not run',
  },
  SealStale: {
    code: 'BERTH-S001',
    remedy: 'reseal',
    means: 'the host agent restarted after the secret was sealed to it',
    from: 'the secret is sealed to a key that this agent process does not have',
  },
  PayloadKeyUnknown: {
    code: 'BERTH-P001',
    remedy: 'other-host-free',
    means: 'a payload is encrypted with a key that this process does not have',
    from: 'the payload codec',
  },
  PayloadBroken: {
    code: 'BERTH-P002',
    remedy: 'other-host-free',
    means: 'an encrypted payload was changed, or its key is another one here',
    from: 'the payload codec',
  },
  GitHubRefused: {
    code: 'BERTH-A001',
    remedy: 'wait',
    means: 'GitHub refused the call (credentials, rights or settings)',
    from: 'GitHub answers 4xx that the call does not expect',
  },
  GitHubNoCredential: {
    code: 'BERTH-A002',
    remedy: 'wait',
    means: 'no credential is configured for this scope',
    from: 'no credential of the config is for this scope',
  },
  GitHubUnavailable: {
    code: 'BERTH-A003',
    remedy: 'wait',
    means: 'GitHub did not answer or answered 5xx',
    from: 'GitHub answers 5xx, nothing, or something that is not its own',
  },
  GitHubRateLimited: {
    code: 'BERTH-A004',
    remedy: 'wait-for-reset',
    means: 'GitHub asks to wait before the next call',
    from: 'GitHub answers 429, or 403 with a limit; or it said before when to come again',
  },
  RunnerNameTaken: {
    code: 'BERTH-A005',
    remedy: 'new-vm',
    means: 'GitHub already has a runner of this name',
    from: 'GitHub answers 409 to a registration',
  },
  RegistrationGone: {
    code: 'BERTH-A006',
    remedy: 'other-host-free',
    means: 'GitHub took the registration of a runner away that waited for a job',
    from: 'GitHub does not know a waiting runner, twice in a row, and no job runs in its guest',
  },
  BadJob: {
    code: 'BERTH-J001',
    remedy: 'end-job',
    means: 'the labels of the job cannot be used',
    from: 'labels that contradict themselves; a label that the chosen registration cannot say',
  },
  AttemptsUsedUp: {
    code: 'BERTH-J002',
    remedy: 'end-job',
    means: 'every attempt to run the job failed',
    from: '`job_retry_attempts` failures that use up an attempt',
  },
  VmTooBig: {
    code: 'BERTH-J003',
    remedy: 'end-job',
    means: 'no host is large enough for the VM',
    from: 'no host is large enough for `unplaceable_after`',
  },
  ForkRefused: {
    code: 'BERTH-J004',
    remedy: 'end-job',
    means: 'pull requests of forks are refused here',
    from: '`fork_pull_requests: refuse`, and GitHub says that the run is of one',
  },
  WaitedTooLong: {
    code: 'BERTH-J005',
    remedy: 'let-go',
    means: 'the job could not run for longer than GitHub keeps jobs in its queue',
    from: 'a job wanted a runner for 25 hours',
  },
} as const satisfies Record<string, Failure>;

/** What only a log line tells of: codes of the same kind, for a person and for no workflow. */
export const NOTICES = {
  WorkflowStuck: { code: 'BERTH-W001', means: 'a workflow cannot go on with this version of Berth' },
  JobFailsAgain: { code: 'BERTH-W002', means: 'a job fails again and again for reasons that are not its own' },
  JobEndUnknown: { code: 'BERTH-W003', means: 'GitHub never said how a job ended' },
} as const satisfies Record<string, Pick<Failure, 'code' | 'means'>>;

/** The `type` of an `ApplicationFailure` that Berth throws. */
export type FailureType = keyof typeof FAILURES;

export function isFailureType(type: string | null | undefined): type is FailureType {
  return typeof type === 'string' && Object.hasOwn(FAILURES, type);
}

/** The codes that a log line carries beside its words. */
export const codeOf = (type: FailureType): string => FAILURES[type].code;

/** What to do about a failure of this type; a type that isn't ours is taken for a command that failed. */
export function remedyFor(type: string | null | undefined): Remedy {
  return isFailureType(type) ? FAILURES[type].remedy : 'new-vm';
}
