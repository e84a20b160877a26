/** Jobs that no webhook told of: asked for again, looked for, or polled. Intervals are scaled from minutes to seconds. */

import { afterEach, expect, it } from 'vitest';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack, StackOptions } from '../../simulators/stack/stack.js';
import type { SimJob } from '../../simulators/github/types.js';
import { watchSlowness } from './slowness.js';
import { expectNothingLeft, lastWords, resultOf, testStack, untilConclusion, untilStep } from './support.js';

const labels = labelsFor(XCODE);
const anka = { templates: [XCODE] };
const OFF = { deliveries: 'off', queued: 'off', runners: 'off', jobs: 'off', vms: 'off' };

let stack: Stack | undefined;
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
});

async function start(options: Pick<StackOptions, 'orchestratorConfig' | 'redelivers'>): Promise<Stack> {
  stack = await testStack({
    hosts: ['mini-1', 'mini-2'].map((name) => ({ name, anka, slots: 2 })),
    github: { owners: [{ login: 'acme', repos: ['ios', 'web', 'docs'] }] },
    ...options,
  });
  return stack;
}

function queue({ github }: Stack, count: number): readonly SimJob[] {
  const one = (index: number): SimJob =>
    github.queueJob({ owner: 'acme', repo: index % 2 === 0 ? 'ios' : 'web', labels, durationMs: 200 });
  return Array.from({ length: count }, (_, index) => one(index));
}

async function expectAllRun(on: Stack, jobs: readonly SimJob[]): Promise<void> {
  for (const job of jobs) await untilConclusion(on, job, 'success', 90_000);
  for (const job of jobs) expect(await resultOf(on, job)).toMatchObject({ outcome: 'success' });
  await expectNothingLeft(on);
}

it('receiver away while 20 jobs are queued: all are redelivered within two sweep intervals of its return', async () => {
  const sweepMs = 6_000;
  const on = await start({
    redelivers: true,
    orchestratorConfig: { sweep: { ...OFF, deliveries: `${sweepMs / 1_000}s` } },
  });
  await on.receiver.stop();
  const jobs = queue(on, 20);
  const isLost = (job: SimJob): boolean =>
    on.github.snapshot().deliveries.some(({ jobId, statusCode }) => jobId === job.id && statusCode === 502);
  await on.github.waitFor(() => jobs.every(isLost), 30_000);
  // A sweep that finds the receiver away tries three, and leaves the others alone.
  await on.orchestrator.waitForLine((line) => line.includes('sweep found something'), 30_000);
  const tried = on.github.snapshot().deliveries.filter(({ redelivery }) => redelivery);
  expect(tried.length).toBeLessThanOrEqual(6);
  await on.restartReceiver();
  const slowness = watchSlowness();
  const backAt = Date.now();
  await expectAllRun(on, jobs);
  const withinMs = 2 * sweepMs * (await slowness());
  for (const job of jobs) {
    const arrived = on.github
      .snapshot()
      .deliveries.find(
        ({ jobId, action, statusCode }) => jobId === job.id && action === 'queued' && statusCode === 202,
      );
    expect(arrived?.deliveredAt ?? Infinity, lastWords(on)).toBeLessThan(backAt + withinMs);
  }
  // One that arrived is not asked for again.
  const perEvent = new Map<string, number>();
  for (const { guid } of on.github.snapshot().deliveries) perEvent.set(guid, (perEvent.get(guid) ?? 0) + 1);
  expect(Math.max(...perEvent.values())).toBeLessThanOrEqual(8);
}, 170_000);

it('`job_source: poll`: all jobs run, and a cancelled one ends, with no webhook at all', async () => {
  const on = await start({ orchestratorConfig: { job_source: 'poll', poll_interval: '2s', sweep: OFF } });
  await on.receiver.stop();
  const held = on.github.queueJob({ owner: 'acme', repo: 'docs', labels, held: true });
  const jobs = queue(on, 10);
  await untilStep(on, held, /./, 60_000);
  on.github.cancelJob(held.id);
  for (const job of jobs) await untilConclusion(on, job, 'success', 90_000);
  for (const job of jobs) expect(await resultOf(on, job)).toMatchObject({ outcome: 'success' });
  expect(await resultOf(on, held)).toMatchObject({ outcome: 'cancelled' });
  await expectNothingLeft(on);
}, 170_000);

it('10 % of the webhooks are lost without a trace: every job runs', async () => {
  const on = await start({ orchestratorConfig: { sweep: { ...OFF, queued: '5s' } } });
  on.github.setNasty({ seed: 7, lose: { probability: 0.1 } });
  const jobs = queue(on, 30);
  await expectAllRun(on, jobs);
}, 170_000);
