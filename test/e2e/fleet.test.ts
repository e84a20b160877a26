/** Which host a job goes to, when hosts differ in size and in what templates they have. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost, StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { callsOn, clonesOn, hostNamed } from './hosts.js';
import { expectNothingLeft, hostStatusOf, resultOf, statusOf, testStack, until, untilConclusion } from './support.js';

/** Its VMs have 4 CPUs and 8 GB. */
const BIG = { ...XCODE, cpuCores: 4, ramBytes: 8 * 2 ** 30 };

const small = { host_cpus: 2, host_memory_gb: 4 };
const large = { host_cpus: 8, host_memory_gb: 16 };

const host = (name: string, config: object, more: Partial<StackHostOptions> = {}): StackHostOptions => ({
  name,
  slots: 1,
  config: { ...config },
  anka: { templates: [BIG] },
  ...more,
});

const queue = (stack: Stack, repo = 'ios'): SimJob =>
  stack.github.queueJob({ owner: 'acme', repo, labels: labelsFor(XCODE), durationMs: 300 });

const pulls = async (one: StackHost): Promise<number> => (await callsOn(one, 'pull', '--shrink')).length;

/** A host asks its tool for the sizes of templates beside its other work. */
const untilSizesKnown = (stack: Stack, name: string): Promise<unknown> =>
  until(`${name} tells the size of its template`, async () =>
    (await hostStatusOf(stack, name)).templates.some(({ size }) => size !== undefined),
  );

describe('a VM that is too big for one host', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({ hosts: [host('a-small', small)] });
    await untilSizesKnown(stack, 'a-small');
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('waits with the reason, and starts when a bigger host joins', async () => {
    const job = queue(stack);
    const waits = await until('the job waits for its size', async () => {
      const status = await statusOf(stack, job).catch(() => undefined);
      return status?.waitCode === 'too-big' && status;
    });
    expect(waits.reason).toMatch(/4 CPUs.*too big for the one host.*a-small/);
    await stack.addHost(host('b-large', large));
    await untilConclusion(stack, job, 'success');
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', attempts: 1 });
  });

  it('goes to the bigger one at once when that is there; the small one never sees it', async () => {
    const job = queue(stack);
    await untilConclusion(stack, job, 'success');
    expect(await clonesOn(hostNamed(stack, 'b-large'))).toBe(2);
    expect(await clonesOn(hostNamed(stack, 'a-small'))).toBe(0);
  });
});

describe('jobs that need a template which no host has yet', () => {
  let stack: Stack;
  beforeAll(async () => {
    const absent = { templates: [], registry: [BIG] };
    const anka = { ...absent, delays: { 'registry-pull': 1_500 } };
    // What a pull does is first told after 10 s.
    const slow = { ...absent, delays: { 'registry-pull': 20_000 } };
    const hosts = [
      ...['mini-1', 'mini-2'].map((name) => host(name, large, { slots: 2, anka })),
      host('solo', large, { slots: 2, anka: slow, repo: 'solo' }),
      ...['pair-1', 'pair-2'].map((name) => host(name, large, { anka, repo: 'pair' })),
    ];
    // The hosts of the first test serve its repository only.
    stack = await testStack({ hosts: hosts.map((one) => ({ repo: 'ios', ...one })) });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('never make a host pull it twice', async () => {
    const jobs = [queue(stack), queue(stack), queue(stack)];
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    for (const one of stack.hosts) expect(await pulls(one)).toBeLessThanOrEqual(1);
    expect(await clonesOn(hostNamed(stack, 'mini-1'))).toBeGreaterThan(0);
  });

  it('wait on one host for one pull, and the second says so', async () => {
    const solo = hostNamed(stack, 'solo');
    const jobs = [queue(stack, 'solo'), queue(stack, 'solo')];
    await until('one pulls, and the other waits for that', async () => {
      const all = await Promise.all(jobs.map((job) => statusOf(stack, job).catch(() => null)));
      const reasons = all.map((status) => status?.reason ?? '').sort();
      return /^pulls /.test(reasons[0] ?? '') && /^waits for the pull of .* to end$/.test(reasons[1] ?? '');
    });
    expect(await pulls(solo)).toBe(1);
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    for (const job of jobs) expect(await resultOf(stack, job)).toMatchObject({ attempts: 1 });
    expect(await pulls(solo)).toBe(1);
  });

  it('have a host each, where there are two: each pulls it once', async () => {
    const jobs = [queue(stack, 'pair'), queue(stack, 'pair')];
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    for (const name of ['pair-1', 'pair-2']) {
      expect(await pulls(hostNamed(stack, name))).toBe(1);
      expect(await clonesOn(hostNamed(stack, name))).toBe(1);
    }
  });
});
