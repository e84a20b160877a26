/** Webhooks while no orchestrator runs: what the receiver accepts, how fast, and whether Temporal has it. */

import { DEFAULT_TOKEN } from '../simulators/github/options.js';
import { createSender, signatures } from '../simulators/github/send.js';
import type { SimDelivery, SimJob } from '../simulators/github/types.js';
import type { Stack } from '../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../simulators/stack/templates.js';
import { until } from './observe.js';

export interface PileUp {
  readonly jobs: readonly SimJob[];
  readonly startedAt: number;
  /** When each delivery that was accepted had its answer; ms since 1970, in the order of answers. */
  readonly acceptedAt: readonly number[];
  readonly durationsMs: readonly number[];
}

/** Queues so many jobs on GitHub, never more than `inFlight` of their signed webhooks unanswered at once. */
export async function pileUp(stack: Stack, count: number, inFlight: number): Promise<PileUp> {
  const startedAt = Date.now();
  const jobs: SimJob[] = [];
  while (jobs.length < count) {
    const room = await stack.github.waitFor(({ pendingDeliveries }) => inFlight - pendingDeliveries || false, 60_000);
    for (let left = room; left > 0 && jobs.length < count; left -= 1) {
      jobs.push(stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 100 }));
    }
  }
  await stack.github.waitFor(({ pendingDeliveries }) => pendingDeliveries === 0, 60_000);
  const ids = new Set(jobs.map(({ id }) => id));
  const ofJobs = stack.github.snapshot().deliveries.filter(({ jobId }) => jobId !== null && ids.has(jobId));
  const accepted = ofJobs.filter(({ statusCode }) => statusCode !== null && statusCode >= 200 && statusCode < 300);
  return {
    jobs,
    startedAt,
    acceptedAt: accepted.map(answeredAt).sort((a, b) => a - b),
    durationsMs: accepted.map(({ durationMs }) => durationMs),
  };
}

const answeredAt = ({ deliveredAt, durationMs }: SimDelivery): number => deliveredAt + durationMs;

/** How many jobs Temporal has a workflow for. Its visibility is a moment behind: waits until all are there, or `withinMs`. */
export async function countJobWorkflows(stack: Stack, expected: number, withinMs = 15_000): Promise<number> {
  let count = 0;
  const look = async (): Promise<boolean> => {
    ({ count } = await stack.client.workflow.count("WorkflowType = 'githubJob'"));
    return count >= expected;
  };
  await until('all workflows', look, withinMs).catch(() => undefined);
  return count;
}

/** The `queued` webhook of a job that GitHub never sent by itself, `times` times at once. @returns statuses */
export async function sendQueuedAtOnce(
  stack: Stack,
  times: number,
): Promise<{ readonly job: SimJob; readonly statuses: readonly number[] }> {
  stack.github.loseIf(({ action }) => action === 'queued');
  const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 300 });
  stack.github.loseIf(null);
  const body = await queuedBody(stack, job.id);
  const sender = createSender(10_000);
  const send = (index: number) =>
    sender.send(
      stack.webhookUrl,
      {
        'Content-Type': 'application/json',
        'X-GitHub-Event': 'workflow_job',
        'X-GitHub-Delivery': `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
        ...signatures(stack.webhookSecret, body),
      },
      body,
    );
  const answers = await Promise.all(Array.from({ length: times }, (_, index) => send(index)));
  sender.stop();
  return { job, statuses: answers.map(({ statusCode }) => statusCode) };
}

/** As GitHub's delivery log shows it. */
async function queuedBody(stack: Stack, jobId: number): Promise<string> {
  const lost = await stack.github.waitFor(({ deliveries }) => deliveries.find((delivery) => delivery.jobId === jobId));
  const url = `${stack.githubUrl}/api/v3/orgs/acme/hooks/${lost.hookId}/deliveries/${lost.id}`;
  const answer = await fetch(url, { headers: { authorization: `token ${DEFAULT_TOKEN}` } });
  if (!answer.ok) throw new Error(`GET ${url} answered ${answer.status}`);
  const { request } = (await answer.json()) as { readonly request: { readonly payload: unknown } };
  return JSON.stringify(request.payload);
}
