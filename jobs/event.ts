/**
 * A GitHub job as Berth knows it, and the order of its events.
 *
 * Facts: `workflow_job` webhooks come late, twice, or in any order, so the order of arrival decides nothing; a job's
 * state is the highest rank seen (GitHub docs "About webhooks": order is not guaranteed).
 */

/** What GitHub says happened to a job (`action` of a `workflow_job` webhook). */
export type JobAction = 'queued' | 'waiting' | 'in_progress' | 'completed';

export const JOB_ACTIONS: readonly JobAction[] = ['queued', 'waiting', 'in_progress', 'completed'];

/** Who told us: a webhook, an answer of GitHub's API, or the guest's job-started hook. */
export type EventSource = 'webhook' | 'github-api' | 'guest';

/** One event of one job, cut down to what Berth uses. All times are epoch milliseconds. Carries no secret. */
export interface JobEvent {
  readonly source: EventSource;
  readonly action: JobAction;
  readonly jobId: number;
  readonly runId: number;
  readonly runAttempt: number;
  /** The job's name, such as `ui-tests (ios-18)`. */
  readonly name: string;
  readonly workflowName: string | null;
  readonly owner: string;
  readonly repo: string;
  readonly labels: readonly string[];
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  /** `success`, `failure`, `cancelled`, `skipped`, …; null until the job is over. */
  readonly conclusion: string | null;
  /** Null until a runner took the job, and for ever when it was cancelled or skipped before. */
  readonly runnerName: string | null;
  readonly runnerId: number | null;
  readonly htmlUrl: string;
  /** `deployment.updated_at` of a job behind an environment gate. */
  readonly deploymentUpdatedAt: number | null;
  /** `X-GitHub-Delivery`, for the operator to find the delivery again. */
  readonly deliveryId: string | null;
  readonly receivedAt: number;
}

const RANK: Readonly<Record<JobAction, number>> = { waiting: 1, queued: 1, in_progress: 2, completed: 3 };

/** How far along a job is after this action: waiting = queued < in_progress < completed. */
export function rankOf(action: JobAction): number {
  return RANK[action];
}
