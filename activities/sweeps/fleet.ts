/** What the sweeps ask of Temporal about Berth's own workflows. */

import type { JobEvent } from '../../jobs/event.js';
import type { Scope } from '../../jobs/scope.js';

/** A host as its workflow knows it. */
export interface SweptHost {
  readonly host: string;
  readonly isLost: boolean;
  /** Names of the VMs that Berth has there. */
  readonly vms: readonly string[];
  /** Where its slots' runners are registered. */
  readonly scopes: readonly Scope[];
}

/** The run of a job, and its repository. */
export interface RunOfJob {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
}

/** A `githubJob` workflow that is open. */
export interface OpenJob {
  readonly workflowId: string;
  readonly jobId: number;
  /** Null where no search attribute says so. */
  readonly run: RunOfJob | null;
  /** `BerthState`; null where there are no search attributes. */
  readonly state: string | null;
  /** When its workflow was started (epoch milliseconds). */
  readonly startedAt: number;
}

/** What a job's own workflow answers. */
export interface JobNow {
  readonly run: RunOfJob;
  readonly state: string;
  /** The runner that serves it, or is meant to. */
  readonly runner: string | null;
}

/** All of them throw when Temporal does not answer: then nothing may be concluded. */
export interface Fleet {
  /** Every host that has announced itself. */
  readonly hosts: () => Promise<readonly SweptHost[]>;
  /** Names of the runners whose workflow is open; lags by seconds. */
  readonly openRunners: () => Promise<ReadonlySet<string>>;
  /** Whether the workflow of this runner is open right now. */
  readonly isRunnerOpen: (runner: string) => Promise<boolean>;
  /** Lags by seconds. */
  readonly openJobs: () => Promise<readonly OpenJob[]>;
  /** Null: its workflow is closed. */
  readonly askJob: (workflowId: string) => Promise<JobNow | null>;
  readonly tellJob: (workflowId: string, event: JobEvent) => Promise<'told' | 'closed'>;
}
