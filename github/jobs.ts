/** Jobs and runs on GitHub. */

import type { Logger } from 'pino';
import type { RunRef } from '../activities/contracts.js';
import type { JobAction, JobEvent } from '../jobs/event.js';
import { jobSchema, jobsSchema, parseAnswer, runSchema } from './answers.js';
import type { JobAnswer } from './answers.js';
import type { Clock } from './clock.js';
import { firstInPages } from './pages.js';
import { CANCEL_RUNS, READ_JOBS } from './rights.js';
import { listJobsOfRun, lookUpRun } from './run-calls.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';

export interface Repo {
  readonly owner: string;
  readonly repo: string;
}

export interface JobToFind extends Repo {
  readonly jobId: number;
  /** A job that reads `queued` is looked at through its run, whatever its age. */
  readonly withRun?: boolean;
}

export interface Jobs {
  /** The job as it is now; null when GitHub does not know it (or does not show it to this credential). */
  lookUpJob(input: JobToFind): Promise<JobEvent | null>;
  /** The job of the run's latest attempt that this runner has or had. */
  findJobOfRunner(input: RunRef & { readonly runner: string }): Promise<JobEvent | null>;
  /** Cancels a whole run, asking nothing before or after. */
  cancelRun(input: RunRef): Promise<'cancelled' | 'already-over' | 'refused'>;
}

/**
 * A job may read `queued` for ever although its run is over (`startup_failure`). A job that is queued for this long is
 * looked at through its run too.
 */
const RUN_CHECKED_AFTER_MS = 10 * 60_000;

export const isLongQueued = ({ action, createdAt }: JobEvent, now: number): boolean =>
  action === 'queued' && now - createdAt > RUN_CHECKED_AFTER_MS;

export interface JobsOptions {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createJobs({ sessions, clock, log }: JobsOptions): Jobs {
  const sessionFor = ({ owner, repo }: Repo): Promise<Session> => sessions.forScope({ kind: 'repo', owner, repo });

  return {
    lookUpJob: async (input) => {
      const session = await sessionFor(input);
      const { owner, repo, jobId } = input;
      const what = `look up the job ${jobId} of ${owner}/${repo}`;
      const route = 'GET /repos/{owner}/{repo}/actions/jobs/{job_id}';
      const params = { owner, repo, job_id: jobId };
      const answer = await session.call({ route, params, what, right: READ_JOBS, accept: [404] });
      if (answer.status === 404) return null;
      const event = eventOf(input, parseAnswer(jobSchema, answer, what), clock.now());
      const mustLook = isLongQueued(event, clock.now()) || (input.withRun === true && event.action === 'queued');
      return mustLook ? endedWithItsRun(session, event) : event;
    },

    findJobOfRunner: async (input) => {
      const session = await sessionFor(input);
      const call = { ...listJobsOfRun(input, 'latest'), accept: [404] };
      const job = await firstInPages<JobAnswer, JobAnswer>(
        session,
        call,
        (answer) => (answer.status === 404 ? [] : parseAnswer(jobsSchema, answer, call.what).jobs),
        (jobs) => jobs.find(({ runner_name: name }) => name === input.runner),
      );
      return job === undefined ? null : eventOf(input, job, clock.now());
    },

    cancelRun: async (input) => {
      const session = await sessionFor(input);
      const { owner, repo, runId } = input;
      const what = `cancel the run ${runId} of ${owner}/${repo}`;
      const route = 'POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel';
      const params = { owner, repo, run_id: runId };
      const { status } = await session.call({
        route,
        params,
        what,
        right: CANCEL_RUNS,
        accept: [403, 404, 409],
        purpose: 'removal',
      });
      if (status === 409) return 'already-over';
      if (status !== 403 && status !== 404) return 'cancelled';
      const { credential } = session;
      log.warn({ owner, repo, runId, status, credential, needs: CANCEL_RUNS }, 'github refused to cancel a run');
      return 'refused';
    },
  };
}

/** The event as it is, or `completed` when its run is over. Takes one call. */
export async function endedWithItsRun(session: Session, event: JobEvent): Promise<JobEvent> {
  const call = lookUpRun(event);
  const answer = await session.call({ ...call, accept: [404] });
  if (answer.status === 404) return event;
  const run = parseAnswer(runSchema, answer, call.what);
  if (run.status !== 'completed') return event;
  return { ...event, action: 'completed', conclusion: run.conclusion ?? 'cancelled' };
}

/** GitHub's `status` of a job as the action of the event that led to it. */
const ACTIONS: Readonly<Record<string, JobAction>> = {
  queued: 'queued',
  requested: 'queued',
  pending: 'queued',
  waiting: 'waiting',
  in_progress: 'in_progress',
  completed: 'completed',
};

export function eventOf({ owner, repo }: Repo, job: JobAnswer, now: number): JobEvent {
  return {
    source: 'github-api',
    action: ACTIONS[job.status] ?? 'queued',
    jobId: job.id,
    runId: job.run_id,
    runAttempt: job.run_attempt,
    name: job.name,
    workflowName: job.workflow_name ?? null,
    owner,
    repo,
    labels: job.labels,
    createdAt: epoch(job.created_at) ?? epoch(job.started_at) ?? now,
    startedAt: epoch(job.started_at),
    completedAt: epoch(job.completed_at),
    conclusion: job.conclusion ?? null,
    // GitHub also writes "no runner" as an empty name and 0.
    runnerName: job.runner_name ? job.runner_name : null,
    runnerId: job.runner_id ? job.runner_id : null,
    htmlUrl: job.html_url ?? '',
    deploymentUpdatedAt: null,
    deliveryId: null,
    receivedAt: now,
  };
}

function epoch(time: string | null | undefined): number | null {
  return time === null || time === undefined ? null : Date.parse(time);
}
