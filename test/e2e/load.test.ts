/** Many webhooks at once: none is lost, none counts twice, and the receiver doesn't slow down as they pile up. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ratesInWindows } from '../../bench/statistics.js';
import { countJobWorkflows, pileUp, sendQueuedAtOnce } from '../../bench/pile-up.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { SimDelivery, SimJob } from '../../simulators/github/types.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { clonesOn, hostNamed } from './hosts.js';
import { createOwnTemporal } from './own-temporal.js';
import type { OwnTemporal } from './own-temporal.js';
import { expectNothingLeft, lastWords, leftovers, testStack, until, untilConclusion } from './support.js';

const anka = { templates: [XCODE] };

describe('one job, sent again and again', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({ hosts: [{ name: 'mini-1', anka }] });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('twenty times at once: all are accepted; one workflow, one VM', async () => {
    const { job, statuses } = await sendQueuedAtOnce(stack, 20);
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 202));
    await untilConclusion(stack, job, 'success');
    await expectNothingLeft(stack);
    expect(await countJobWorkflows(stack, 1)).toBe(1);
    expect(await clonesOn(hostNamed(stack, 'mini-1'))).toBe(1);
    expect(stack.github.snapshot().removedRunners).toHaveLength(1);
  });
});

describe('3,000 jobs queued while no orchestrator runs', () => {
  const COUNT = 3_000;
  const SERVED = 40;
  let stack: Stack;
  let served: readonly SimJob[];
  let cancelled: readonly SimJob[];
  beforeAll(async () => {
    const hosts = ['mini-1', 'mini-2', 'mini-3', 'mini-4'].map((name) => ({ name, anka }));
    stack = await testStack({ hosts });
    await stack.orchestrator.stop();
  });
  afterAll(() => stack.stop());

  it('all are accepted, none is lost, and the last thousand as fast as the first', { timeout: 300_000 }, async () => {
    const { jobs, startedAt, acceptedAt } = await pileUp(stack, COUNT, 32);
    served = jobs.slice(0, SERVED);
    cancelled = jobs.slice(SERVED);
    expect(acceptedAt).toHaveLength(COUNT);
    expect(await countJobWorkflows(stack, COUNT)).toBe(COUNT);
    const [first = 0, , last = 0] = ratesInWindows(startedAt, acceptedAt, COUNT / 3);
    expect(last).toBeGreaterThan(first * 0.4);
  });

  it('once it runs, each is served or ended, and nothing is left', { timeout: 600_000 }, async () => {
    await stack.restartOrchestrator();
    await cancelAll(stack, cancelled);
    for (const job of served) await untilConclusion(stack, job, 'success', 300_000);
    const countOf = async (query: string): Promise<number> =>
      (await stack.client.workflow.count(`WorkflowType = 'githubJob' AND ${query}`)).count;
    const areClosed = async (): Promise<boolean> => (await countOf("ExecutionStatus = 'Completed'")) === COUNT;
    await until('all workflows closed', areClosed, 300_000).catch((err: unknown) => {
      throw new Error(`${(err as Error).message}\n${lastWords(stack)}`);
    });
    expect(await countOf("BerthOutcome = 'success'")).toBe(SERVED);
    expect(await countOf("BerthOutcome = 'cancelled'")).toBe(COUNT - SERVED);
    // The last runner may outlive its job by the moment in which it is found to be wanted by none.
    await until('nothing is left', async () => (await leftovers(stack)).length === 0);
    const violations = await Promise.all(stack.hosts.map(({ anka: host }) => host.violations()));
    expect(violations.flat()).toEqual([]);
    expect(stack.orchestrator.output.filter((line) => line.includes('"level":"ERROR"'))).toEqual([]);
  });
});

describe('many webhooks while Temporal stumbles', () => {
  const COUNT = 600;
  let temporal: OwnTemporal;
  let stack: Stack;
  beforeAll(async () => {
    temporal = await createOwnTemporal();
    stack = await testStack({ hosts: [], temporal: temporal.at });
    await stack.orchestrator.stop();
  });
  afterAll(async () => {
    await stack.stop();
    await temporal.close();
  });

  const answered = (): readonly SimDelivery[] =>
    stack.github.snapshot().deliveries.filter(({ statusCode }) => statusCode !== null);
  const accepted = (): ReadonlySet<number> =>
    new Set(answered().flatMap(({ jobId, statusCode }) => (jobId !== null && statusCode === 202 ? [jobId] : [])));

  async function send(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) {
      await stack.github.waitFor(({ pendingDeliveries }) => pendingDeliveries < 32, 60_000);
      stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 100 });
    }
  }

  it('does not answer for 10 s: each webhook has its answer within that time, and it is 503', async () => {
    await send(COUNT / 3);
    process.kill(-temporal.pid(), 'SIGSTOP');
    await send(8);
    await stack.github.waitFor(({ pendingDeliveries }) => pendingDeliveries === 0, 20_000);
    process.kill(-temporal.pid(), 'SIGCONT');
    const refused = answered().filter(({ statusCode }) => statusCode !== 202);
    expect(refused.map(({ statusCode }) => statusCode)).toEqual(refused.map(() => 503));
    expect(refused.length).toBeGreaterThanOrEqual(8);
    expect(Math.max(...refused.map(({ durationMs }) => durationMs))).toBeLessThan(10_000);
  });

  it('is killed and comes back: what was answered 2xx is there, what was not is taken when it is sent again', async () => {
    const sending = send((COUNT * 2) / 3 - 8);
    const before = accepted().size;
    await stack.github.waitFor(() => accepted().size > before + COUNT / 6, 60_000);
    await temporal.kill();
    await stack.github.waitFor(() => answered().some(({ statusCode }) => statusCode === 503), 30_000);
    await temporal.start();
    await sending;
    await stack.github.waitFor(({ pendingDeliveries }) => pendingDeliveries === 0, 60_000);
    const taken = accepted();
    // Temporal's list is a moment behind.
    const missing = async (): Promise<readonly number[]> => {
      const known = await workflowIds(stack);
      return [...taken].filter((jobId) => !known.has(jobId));
    };
    await expect.poll(missing, { timeout: 20_000, interval: 500 }).toEqual([]);
    await redeliverAll(stack, accepted);
    expect(accepted().size).toBe(COUNT);
    expect(await countJobWorkflows(stack, COUNT)).toBe(COUNT);
  });
});

/** The jobs that have a workflow. */
async function workflowIds(stack: Stack): Promise<ReadonlySet<number>> {
  const ids = new Set<number>();
  const query = "WorkflowType = 'githubJob'";
  for await (const { workflowId } of stack.client.workflow.list({ query }))
    ids.add(Number(workflowId.split('/').at(-1)));
  return ids;
}

/** Has GitHub send again what was refused, as its page of deliveries can, until all are taken. */
async function redeliverAll(stack: Stack, accepted: () => ReadonlySet<number>): Promise<void> {
  const { deliveries } = stack.github.snapshot();
  const byJob = new Map(deliveries.map((delivery) => [delivery.jobId, delivery]));
  for (const [jobId, { hookId, id }] of byJob) {
    if (jobId === null || accepted().has(jobId)) continue;
    const again = async (): Promise<boolean> => {
      const url = `${stack.githubUrl}/orgs/acme/hooks/${hookId}/deliveries/${id}/attempts`;
      await fetch(url, { method: 'POST', headers: { authorization: `token ${DEFAULT_TOKEN}` } });
      await stack.github.waitFor(({ pendingDeliveries }) => pendingDeliveries === 0, 20_000);
      return accepted().has(jobId);
    };
    await until(`job ${jobId} accepted`, again);
  }
}

/** So that no more than 32 of their webhooks are on their way at once. */
async function cancelAll(stack: Stack, jobs: readonly SimJob[]): Promise<void> {
  for (const job of jobs) {
    stack.github.cancelJob(job.id);
    await stack.github.waitFor(({ pendingDeliveries }) => pendingDeliveries < 32, 60_000);
  }
}
