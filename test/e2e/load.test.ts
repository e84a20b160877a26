/** Many webhooks at once: none is lost, none counts twice. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { countJobWorkflows, sendQueuedAtOnce } from '../../bench/pile-up.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { SimDelivery } from '../../simulators/github/types.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { clonesOn, hostNamed } from './hosts.js';
import { createOwnTemporal } from './own-temporal.js';
import type { OwnTemporal } from './own-temporal.js';
import { expectNothingLeft, testStack, until, untilConclusion } from './support.js';

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
