/** What is to be done with one delivery whose signature is right. Pure. */

import { startOf } from '../jobs/job-start.js';
import type { JobStart, Terms } from '../jobs/job-start.js';
import { readBody } from './body.js';
import { readJob } from './read-job.js';
import type { Delivery } from './read-job.js';

/** Everything a delivery can come to; the values of the metric's label. */
export type WebhookResult =
  | 'accepted'
  | 'ignored-event'
  | 'ignored-action'
  | 'foreign'
  | 'not-allowed'
  | 'malformed'
  | 'refused'
  | 'not-a-webhook'
  | 'unsupported-type'
  | 'bad-signature'
  | 'too-large'
  | 'unavailable';

export type Decision =
  | { readonly kind: 'start'; readonly start: JobStart }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly result: WebhookResult;
      readonly reason: string;
      /** Where the delivery is of a job: it may wait on GitHub, and its people look for it in the log. */
      readonly about?: AboutJob;
    };

export interface AboutJob {
  readonly job: number;
  /** `owner/repo` */
  readonly repo: string;
}

export interface Request extends Delivery {
  /** `X-GitHub-Event` */
  readonly event: string | undefined;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

const answer = (status: number, result: WebhookResult, reason: string, about?: AboutJob): Decision => {
  return { kind: 'answer', status, result, reason, ...(about && { about }) };
};

export function decide(request: Request, terms: Terms): Decision {
  if (!request.event) return answer(400, 'not-a-webhook', 'there is no X-GitHub-Event header');
  if (request.event !== 'workflow_job') return answer(200, 'ignored-event', 'only workflow_job events are of use');
  const body = readBody(request.body, request.contentType);
  if (body.kind === 'unsupported') return answer(415, 'unsupported-type', body.reason);
  if (body.kind === 'broken') return answer(400, 'not-a-webhook', body.reason);
  const job = readJob(body.value, request);
  if (job.kind === 'other-action') return answer(200, 'ignored-action', 'the action does not concern Berth');
  if (job.kind === 'malformed') return answer(200, 'malformed', job.reason);
  const verdict = startOf(job.event, job.labels, terms);
  if (verdict.kind === 'start') return verdict;
  const { jobId, owner, repo } = job.event;
  return answer(200, verdict.kind, verdict.reason, { job: jobId, repo: `${owner}/${repo}` });
}
