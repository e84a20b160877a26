/** What the simulated GitHub knows. Records are never changed in place; all times are epoch milliseconds. */

export type JobStatus = 'queued' | 'waiting' | 'in_progress' | 'completed';
export type Action = JobStatus;
export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped' | 'startup_failure';

/** Where a runner is registered. */
export type SimScope =
  | { readonly kind: 'repo'; readonly owner: string; readonly repo: string }
  | { readonly kind: 'org'; readonly owner: string }
  | { readonly kind: 'enterprise'; readonly enterprise: string };

/** An environment that a person must approve before the job may run. */
export interface Gate {
  readonly environment: string;
  readonly deploymentId: number;
  /** `deployment.updated_at`: the only time that moves between the events of a gated job. */
  readonly updatedAt: number;
  readonly approved: boolean;
}

export interface SimJob {
  readonly id: number;
  readonly runId: number;
  readonly runAttempt: number;
  readonly owner: string;
  readonly repo: string;
  readonly name: string;
  readonly workflowName: string | null;
  readonly labels: readonly string[];
  /** `runs-on: {group}`: the name of the only runner group that may serve it. */
  readonly group: string | null;
  readonly status: JobStatus;
  readonly conclusion: Conclusion | null;
  readonly createdAt: number;
  readonly startedAt: number;
  readonly completedAt: number | null;
  readonly runnerId: number | null;
  readonly runnerName: string | null;
  readonly runnerGroupId: number | null;
  readonly runnerGroupName: string | null;
  /** How long it pretends to work, in ms, and how it then ends; null: until it is told to end. */
  readonly durationMs: number | null;
  readonly toldToEnd: boolean;
  readonly wantedConclusion: 'success' | 'failure';
  /** Queued, but not to be assigned until released. */
  readonly held: boolean;
  readonly gate: Gate | null;
  /** Jobs with the same matrix id run at most `maxParallel` at once. */
  readonly matrix: { readonly id: number; readonly maxParallel: number } | null;
  /** The runner that GitHub gave it to, before that runner has said that it started. */
  readonly assignedTo: number | null;
  readonly cancelRequestedAt: number | null;
}

export interface SimRun {
  readonly id: number;
  readonly owner: string;
  readonly repo: string;
  readonly number: number;
  readonly attempt: number;
  readonly name: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The fork whose pull request it is, as `owner/repo`; null: a push to the repository itself. */
  readonly fork: string | null;
  /** Set by a test to let the run say something else than its jobs do. */
  readonly override: RunState | null;
}

export interface RunState {
  readonly status: 'queued' | 'waiting' | 'in_progress' | 'completed';
  readonly conclusion: Conclusion | null;
}

export interface RunnerLabel {
  readonly id: number;
  readonly name: string;
  readonly type: 'read-only' | 'custom';
}

export interface SimRunner {
  readonly id: number;
  readonly name: string;
  readonly scope: SimScope;
  readonly groupId: number;
  readonly groupName: string;
  readonly labels: readonly RunnerLabel[];
  readonly ephemeral: boolean;
  readonly os: string;
  readonly version: string | null;
  readonly online: boolean;
  /** The job it was given, until that is over. */
  readonly jobId: number | null;
  readonly createdAt: number;
  /** When it last became free; orders runners for jobs. */
  readonly idleSince: number | null;
  readonly busySince: number | null;
  /** An ephemeral runner that had its one job and lost contact: registered, never given another. */
  readonly spent: boolean;
  /** Never given a job (actions/runner#3621). */
  readonly neverAssign: boolean;
  readonly removed: { readonly at: number; readonly why: 'job-done' | 'deleted' | 'removed-by-token' } | null;
}

/** A step in a job's life. `assigned` and `unassigned` are GitHub's inner steps: no webhook tells them. */
export interface JobTransition {
  readonly at: number;
  readonly jobId: number;
  readonly step: JobStatus | 'assigned' | 'unassigned' | 'released' | 'cancel-requested';
  readonly runnerName: string | null;
  readonly conclusion: Conclusion | null;
}

export interface RunnerTransition {
  readonly at: number;
  readonly runnerId: number;
  readonly runnerName: string;
  readonly step: 'registered' | 'online' | 'offline' | 'lost' | 'removed';
}

/** One attempt to deliver one event to one hook, as the hook's delivery log shows it. */
export interface SimDelivery {
  readonly id: number;
  /** The same for every attempt of one event at one hook. */
  readonly guid: string;
  readonly hookId: number;
  readonly event: string;
  readonly action: string | null;
  readonly jobId: number | null;
  readonly deliveredAt: number;
  readonly durationMs: number;
  readonly redelivery: boolean;
  /** Null while it is under way. */
  readonly statusCode: number | null;
  readonly status: string;
}

/** One REST call. Carries which credential was used, never the credential itself. */
export interface SimCall {
  readonly at: number;
  readonly durationMs: number;
  readonly method: string;
  /** Without `/api/v3` and without the query. */
  readonly path: string;
  readonly query: string;
  /** Null when the connection was dropped without an answer. */
  readonly status: number | null;
  /** `none`, `pat:<login>`, `app:<id>` or `installation:<id>`. */
  readonly credential: string;
}

/** A REST call that stands still because of a `held` fault, whether or not anybody still waits for its answer. */
export type HeldCall = Pick<SimCall, 'at' | 'method' | 'path'>;

export interface CancelCall {
  readonly at: number;
  readonly runId: number;
  readonly force: boolean;
  readonly status: number;
}

/** A runner as `snapshot()` shows it. */
export interface Snapshot {
  readonly jobs: readonly SimJob[];
  readonly runs: readonly (SimRun & RunState)[];
  readonly runners: readonly SimRunner[];
  readonly removedRunners: readonly SimRunner[];
  readonly deliveries: readonly SimDelivery[];
  /** Events planned or under way, not yet answered. */
  readonly pendingDeliveries: number;
  readonly cancelCalls: readonly CancelCall[];
}
