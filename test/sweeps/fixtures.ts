import type { Fleet, OpenJob } from '../../activities/sweeps/fleet.js';
import type { JobEvent } from '../../jobs/event.js';

/** An event of job 1 of acme/ios. */
export const jobEvent = (more: Partial<JobEvent> = {}): JobEvent => ({
  source: 'github-api',
  action: 'queued',
  jobId: 1,
  runId: 10,
  runAttempt: 1,
  name: 'build',
  workflowName: 'CI',
  owner: 'acme',
  repo: 'ios',
  labels: [],
  createdAt: 0,
  startedAt: null,
  completedAt: null,
  conclusion: null,
  runnerName: null,
  runnerId: null,
  htmlUrl: '',
  deploymentUpdatedAt: null,
  deliveryId: null,
  receivedAt: 0,
  ...more,
});

/** Berth's own workflows, as a test has them. */
export interface FakeFleet extends Fleet {
  readonly hostsThere: { host: string; isLost: boolean; vms: string[]; scopes: { kind: 'org'; owner: string }[] }[];
  /** Runners whose workflow is open. */
  readonly runners: Set<string>;
  /** Those that the list of open workflows names; as `runners` unless given. */
  listed: Set<string> | null;
  readonly jobs: OpenJob[];
  /** What the workflow of a job says of its runner, and of its run where no search attribute does; by its id. */
  readonly runnersOf: Map<number, string>;
  readonly runIds: Map<number, number>;
  readonly told: { readonly workflowId: string; readonly event: JobEvent }[];
  readonly asked: string[];
}

export function fakeFleet(): FakeFleet {
  const fleet: FakeFleet = {
    hostsThere: [],
    runners: new Set(),
    listed: null,
    jobs: [],
    runnersOf: new Map(),
    runIds: new Map(),
    told: [],
    asked: [],
    hosts: () => Promise.resolve(fleet.hostsThere),
    openRunners: () => Promise.resolve(fleet.listed ?? fleet.runners),
    isRunnerOpen: (runner) => {
      fleet.asked.push(runner);
      return Promise.resolve(fleet.runners.has(runner));
    },
    openJobs: () => Promise.resolve(fleet.jobs.map((job) => ({ ...job }))),
    askJob: (workflowId) => {
      const job = fleet.jobs.find((one) => one.workflowId === workflowId);
      if (job === undefined) return Promise.resolve(null);
      const run = job.run ?? { owner: 'acme', repo: 'ios', runId: fleet.runIds.get(job.jobId) ?? 0 };
      const runner = fleet.runnersOf.get(job.jobId) ?? null;
      return Promise.resolve({ run, state: job.state ?? 'queued', runner });
    },
    tellJob: (workflowId, event) => {
      if (!fleet.jobs.some((job) => job.workflowId === workflowId)) return Promise.resolve('closed');
      fleet.told.push({ workflowId, event });
      return Promise.resolve('told');
    },
  };
  return fleet;
}
