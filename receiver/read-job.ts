/**
 * A `workflow_job` delivery cut down to a `JobEvent`. Only the fields used are checked, because GitHub adds and changes
 * others: `workflow_job` has come as null, `installation` may be missing, `workflow_name` be null, and a runner that
 * is not there be null, 0 or "" (research: webhook facts seen by users).
 */

import { z } from 'zod';
import { JOB_ACTIONS } from '../jobs/event.js';
import type { JobAction, JobEvent } from '../jobs/event.js';

/** Everything here stays in Temporal's history: nothing longer than this gets there. */
const MAX_TEXT = 255;
const MAX_LABELS = 100;

const cut = (text: string): string => text.slice(0, MAX_TEXT);

/** Names that GitHub allows; they end up in the addresses of API calls. */
const githubName = z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/);
const positive = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const text = z.string().nullish();

const JOB = z.object({
  action: z.enum(JOB_ACTIONS),
  workflow_job: z.object({
    id: positive,
    run_id: positive,
    run_attempt: positive.nullish(),
    name: text,
    workflow_name: text,
    html_url: text,
    conclusion: text,
    created_at: text,
    started_at: text,
    completed_at: text,
    labels: z.array(z.string()),
    runner_id: z.number().nullish(),
    runner_name: text,
  }),
  repository: z.object({
    name: githubName,
    owner: z.union([z.object({ login: githubName }).transform(({ login }) => login), githubName]),
  }),
  deployment: z.object({ updated_at: text }).nullish(),
});

export type JobResult =
  | { readonly kind: 'job'; readonly event: JobEvent; readonly labels: readonly string[] }
  | { readonly kind: 'other-action'; readonly action: string }
  | { readonly kind: 'malformed'; readonly reason: string };

export interface Delivery {
  readonly id: string | null;
  readonly receivedAt: number;
}

/** @returns `labels` as they came, for the verdict; those of the event are bounded */
export function readJob(body: Readonly<Record<string, unknown>>, delivery: Delivery): JobResult {
  const action = body['action'];
  if (typeof action === 'string' && !isJobAction(action)) return { kind: 'other-action', action: cut(action) };
  const result = JOB.safeParse(body);
  if (!result.success) {
    const [issue] = result.error.issues;
    return { kind: 'malformed', reason: `${issue?.path.join('.') ?? 'the body'} is not as GitHub sends it` };
  }
  return { kind: 'job', event: toEvent(result.data, delivery), labels: result.data.workflow_job.labels };
}

const isJobAction = (action: string): action is JobAction => JOB_ACTIONS.some((known) => known === action);

function toEvent(
  { action, workflow_job: job, repository, deployment }: z.infer<typeof JOB>,
  delivery: Delivery,
): JobEvent {
  const startedAt = timeOf(job.started_at);
  return {
    source: 'webhook',
    action,
    jobId: job.id,
    runId: job.run_id,
    runAttempt: job.run_attempt ?? 1,
    name: cut(job.name ?? ''),
    workflowName: filled(job.workflow_name),
    owner: repository.owner,
    repo: repository.name,
    labels: job.labels.slice(0, MAX_LABELS).map(cut),
    // Old GHES versions don't send it.
    createdAt: timeOf(job.created_at) ?? startedAt ?? delivery.receivedAt,
    startedAt,
    completedAt: timeOf(job.completed_at),
    conclusion: filled(job.conclusion),
    runnerName: filled(job.runner_name),
    runnerId: job.runner_id || null,
    htmlUrl: /^https?:\/\//.test(job.html_url ?? '') ? (job.html_url ?? '').slice(0, 1000) : '',
    deploymentUpdatedAt: timeOf(deployment?.updated_at),
    deliveryId: delivery.id,
    receivedAt: delivery.receivedAt,
  };
}

const filled = (value: string | null | undefined): string | null => (value ? cut(value) : null);

/** Null for what is no date, and for dates before 1970, which stand for "none". */
function timeOf(value: string | null | undefined): number | null {
  const time = Date.parse(value ?? '');
  return time > 0 ? time : null;
}
