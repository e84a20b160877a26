/** GitHub's limits: all orchestrators pause together, nothing is lost for it, and everybody can see why. */

import type { Client } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { LimitNews } from '../../github/gate.js';
import type { SimCall, SimJob } from '../../simulators/github/types.js';
import type { BerthProcess } from '../../simulators/stack/berth-process.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { connectClient } from '../../temporal/connect.js';
import { createSharedLimits, readLimits } from '../../workers/shared-limits.js';
import type { LimitsSharing } from '../../workers/shared-limits.js';
import { limitsWorkflowId } from '../../jobs/names.js';
import { expectNothingLeft, lastWords, newNamespace, statusOf, testStack, until, untilConclusion } from './support.js';

const anka = { templates: [XCODE] };

/** Between the moment in which a process gets its refusal and the one in which nobody's calls leave any more. */
const NEWS_TRAVEL_MS = 1_000;

const queue = (stack: Stack, count: number): readonly SimJob[] =>
  Array.from({ length: count }, () =>
    stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 300 }),
  );

const areOver = (stack: Stack, count: number, timeoutMs: number): Promise<unknown> =>
  stack.github.waitFor(({ jobs }) => jobs.filter(({ status }) => status === 'completed').length >= count, timeoutMs);

/** From now on every call is refused, for so many seconds. @returns the end (epoch ms) */
function useUp(stack: Stack, seconds: number): number {
  const reset = Math.ceil(Date.now() / 1_000) + seconds;
  stack.github.setLimits({ remaining: 0, reset });
  return reset * 1_000;
}

const refused = (stack: Stack): readonly SimCall[] =>
  stack.github.calls().filter(({ status }) => status === 403 || status === 429);

/** No call was refused that began after the first refusal could be known. */
function expectRefusedInFlightOnly(stack: Stack, most: number): void {
  const calls = refused(stack);
  const known = Math.min(...calls.map(({ at, durationMs }) => at + durationMs)) + NEWS_TRAVEL_MS;
  expect(calls.length).toBeGreaterThan(0);
  expect(calls.length).toBeLessThanOrEqual(most);
  expect(calls.filter(({ at }) => at > known)).toEqual([]);
}

/** GitHub may give a job the runner that was made for another: each had one made for it, or for the one it changed with. */
async function expectOneVmEach(stack: Stack, jobs: readonly SimJob[]): Promise<void> {
  const commands = (await Promise.all(stack.hosts.map(({ anka: host }) => host.commands()))).flat();
  const countOf = (word: string): number => commands.filter(({ argv }) => argv.includes(word)).length;
  expect([countOf('clone'), countOf('start')]).toEqual([jobs.length, jobs.length]);
}

const callsBetween = (stack: Stack, from: number, to: number): readonly SimCall[] =>
  stack.github.calls().filter(({ at }) => at > from && at < to);

describe('a limit that is used up for 30 s in the middle of 20 jobs', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({ hosts: ['mini-1', 'mini-2'].map((name) => ({ name, anka })) });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('pauses registrations until the reset; all jobs run, on one VM each', { timeout: 240_000 }, async () => {
    onTestFailed(() => console.error(lastWords(stack)));
    const jobs = queue(stack, 20);
    await areOver(stack, 6, 60_000);
    const end = useUp(stack, 30);
    const paused = await until('a job says that the limit makes it wait', async () => {
      const all = await Promise.all(jobs.map((job) => statusOf(stack, job).catch(() => null)));
      return all.find((status) => status?.waitCode === 'limit_paused') ?? false;
    });
    const at = new Date(end + 1_000).toISOString().slice(11, 19);
    expect(paused).toMatchObject({
      state: 'starting',
      reason: `GitHub's limit is used up until ${at} UTC (BERTH-A004)`,
      waitsUntil: end + 1_000,
    });
    const [shared] = await readLimits(stack.client);
    expect(shared).toMatchObject({ pause: { why: 'used-up', until: end + 1_000 } });

    for (const job of jobs) await untilConclusion(stack, job, 'success', 120_000);
    expectRefusedInFlightOnly(stack, 4);
    const lastRefused = Math.max(...refused(stack).map((call) => call.at));
    expect(callsBetween(stack, lastRefused, end)).toEqual([]);
    await expectOneVmEach(stack, jobs);
    // One call for each good job, besides those refused.
    expect(stack.github.calls().filter(({ status }) => status === 201)).toHaveLength(20);
  });
});

describe('two orchestrators', () => {
  let stack: Stack;
  let both: readonly BerthProcess[];
  beforeAll(async () => {
    stack = await testStack({ hosts: ['mini-1', 'mini-2'].map((name) => ({ name, anka })) });
    both = [stack.orchestrator, await stack.addOrchestrator()];
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('pause together when one of them was refused', { timeout: 240_000 }, async () => {
    onTestFailed(() => console.error(lastWords(stack)));
    const isRegistering = (line: string): boolean => line.includes('"msg":"runner registered"');
    const early = queue(stack, 6);
    for (const job of early) await untilConclusion(stack, job, 'success');
    // Temporal shares the work out as it likes: until each of them has worked with this credential.
    await until(
      'both have registered runners',
      async () => {
        if (both.every(({ output }) => output.some(isRegistering))) return true;
        for (const job of queue(stack, 2)) await untilConclusion(stack, job, 'success');
        return false;
      },
      120_000,
    );
    const before = stack.github.snapshot().jobs.length;
    const end = useUp(stack, 20);
    const [first] = queue(stack, 1);
    const isPaused = (line: string): boolean => line.includes('github limit reached');
    await Promise.all(both.map((orchestrator) => orchestrator.waitForLine(isPaused, 15_000)));
    const told = both.filter(({ output }) => output.some((line) => line.includes('reached by another orchestrator')));
    expect(told).toHaveLength(1);
    const soFar = refused(stack).length;
    // Both would take these up.
    queue(stack, 11);
    await areOver(stack, before + 12, 120_000);
    expect(first).toBeDefined();
    expect(refused(stack)).toHaveLength(soFar);
    expectRefusedInFlightOnly(stack, 2);
    const lastRefused = Math.max(...refused(stack).map((call) => call.at));
    expect(callsBetween(stack, lastRefused, end)).toEqual([]);
    await expectOneVmEach(stack, stack.github.snapshot().jobs);
  });

  it('one that ends does not wait for news any more', async () => {
    const [, second] = both;
    await second?.stop();
    expect(await second?.exited).toBe(0);
  });
});

describe('what two processes share', () => {
  const CREDENTIAL = 'token 1f00aa21';
  const log = pino({ level: 'silent' });
  let client: Client;
  let sharings: LimitsSharing[];
  beforeAll(async () => {
    client = await connectClient(await newNamespace());
  });
  afterEach(() => Promise.all(sharings.map(({ stop }) => stop())));
  afterAll(() => client.connection.close());

  const process = () => {
    const sharing = createSharedLimits({ client, githubHost: 'github.test', log });
    sharings.push(sharing);
    const heard: LimitNews[] = [];
    const shared = sharing.share(CREDENTIAL, (news) => heard.push(news));
    return { shared, heard, stop: sharing.stop };
  };

  it('reaches those who are there and those who come, without any worker; a terminated workflow is started anew', async () => {
    sharings = [];
    const [one, two] = [process(), process()];
    const pause = { until: Date.now() + 60_000, why: 'asked', refusals: 1 } as const;
    one.shared.tell({ pause });
    await until('the other hears of the pause', async () => two.heard.at(-1)?.pause?.until === pause.until);
    const late = process();
    await until('a late one hears of it, too', async () => late.heard.at(-1)?.pause?.until === pause.until);
    await late.shared.ready;

    await client.workflow.getHandle(limitsWorkflowId('github.test', CREDENTIAL)).terminate('by a test');
    const left = { limit: 5_000, remaining: 900, resetAt: Date.now() + 60_000 };
    two.shared.tell({ left });
    for (const each of [one, late])
      await until('all hear of what is left', async () => each.heard.at(-1)?.left !== undefined);
    expect(one.heard.at(-1)).toEqual({ pause, left });
  });

  it('is the rate of registrations: each counts those who register, until they leave', async () => {
    sharings = [];
    const [one, two] = [process(), process()];
    one.shared.registers();
    await until('the idle one knows', async () => two.shared.registrars() === 2);
    expect(one.shared.registrars()).toBe(1);
    two.shared.registers();
    await until('both know', async () => one.shared.registrars() === 2 && two.shared.registrars() === 2);
    await one.stop();
    await until('the other is alone', async () => two.shared.registrars() === 1);
  });
});
