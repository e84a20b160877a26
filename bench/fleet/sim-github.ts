/**
 * As much of GitHub as a fleet's load needs, without a network: jobs are queued, given to the oldest idle runner with
 * their labels, and end after their time. Each step is told to Temporal by the receiver's own code.
 */

import type { GitHubActivities } from '../../activities/contracts.js';
import type { JobEvent } from '../../jobs/event.js';
import type { JobStarter } from '../../temporal/job-starter.js';

export interface LoadJob {
  readonly id: number;
  readonly labels: readonly string[];
  /** Milliseconds since 1970; null: not yet. */
  readonly queuedAt: number;
  startedAt: number | null;
  completedAt: number | null;
  runner: string | null;
}

export interface SimGitHubOptions {
  readonly starter: () => JobStarter;
  readonly template: string;
  readonly jobMs: number;
}

export interface SimGitHub {
  readonly activities: GitHubActivities;
  readonly jobs: readonly LoadJob[];
  /** Resolves when Temporal has its `queued`. */
  readonly queueJob: () => Promise<LoadJob>;
  readonly onRunnerStarted: (runner: string) => void;
  /** The first event that Temporal did not take; null while all were. */
  readonly failure: () => unknown;
}

const FIRST_ID = 50_000_000_000;

export function createSimGitHub({ starter, template, jobMs }: SimGitHubOptions): SimGitHub {
  const jobs: LoadJob[] = [];
  const idle: string[] = [];
  const labels = ['self-hosted', `anka-template:${template}`, 'anka-template-tag:v1'];
  let failure: unknown = null;
  let firstQueued = 0;

  const tell = (job: LoadJob, action: JobEvent['action']): Promise<void> =>
    starter()
      .accept({ event: eventOf(job, action), verdict: 'ours', reason: null, template, tag: 'v1', labels })
      .catch((err: unknown) => {
        failure ??= err;
      });

  function giveJobs(): void {
    while (idle.length > 0 && firstQueued < jobs.length) {
      const job = jobs[firstQueued++];
      const runner = idle.shift();
      if (job === undefined || runner === undefined) return;
      Object.assign(job, { runner, startedAt: Date.now() });
      void tell(job, 'in_progress');
      setTimeout(() => {
        job.completedAt = Date.now();
        void tell(job, 'completed');
      }, jobMs);
    }
  }

  return {
    jobs,
    failure: () => failure,
    queueJob: async () => {
      const id = FIRST_ID + jobs.length + 1;
      const job: LoadJob = { id, labels, queuedAt: Date.now(), startedAt: null, completedAt: null, runner: null };
      jobs.push(job);
      await tell(job, 'queued');
      giveJobs();
      return job;
    },
    onRunnerStarted: (runner) => {
      idle.push(runner);
      giveJobs();
    },
    activities: {
      registerRunner: async () => ({
        runnerId: 1,
        sealed: { keyId: 'sim', enc: '', ciphertext: '' },
        byToken: null,
      }),
      removeRunner: async ({ runner }) => {
        if (idle.includes(runner)) idle.splice(idle.indexOf(runner), 1);
        return 'removed';
      },
      lookUpRunner: async () => ({ state: 'online', busy: false }),
      lookUpJob: async ({ jobId }) => {
        const job = jobs.find(({ id }) => id === jobId);
        return job === undefined ? null : { ...eventOf(job, stateOf(job)), source: 'github-api' };
      },
      findJobOfRunner: async ({ runner }) => {
        const job = jobs.find((one) => one.runner === runner);
        return job === undefined ? null : { ...eventOf(job, stateOf(job)), source: 'github-api' };
      },
      originOfRun: async () => ({ fork: null }),
      rerunLostJob: async () => 'refused',
      cancelRun: async () => 'cancelled',
    },
  };
}

const stateOf = ({ startedAt, completedAt }: LoadJob): JobEvent['action'] =>
  completedAt !== null ? 'completed' : startedAt !== null ? 'in_progress' : 'queued';

function eventOf(job: LoadJob, action: JobEvent['action']): JobEvent {
  return {
    source: 'webhook',
    action,
    jobId: job.id,
    runId: job.id,
    runAttempt: 1,
    name: 'build',
    workflowName: 'load',
    owner: 'acme',
    repo: 'ios',
    labels: job.labels,
    createdAt: job.queuedAt,
    startedAt: job.startedAt,
    completedAt: job.completedAt,
    conclusion: action === 'completed' ? 'success' : null,
    runnerName: action === 'queued' ? null : job.runner,
    runnerId: null,
    htmlUrl: '',
    deploymentUpdatedAt: null,
    deliveryId: null,
    receivedAt: Date.now(),
  };
}
