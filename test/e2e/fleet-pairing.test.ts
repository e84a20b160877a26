/**
 * A day's load in a minute: hundreds of jobs that are all alike, given to runners at random, while deliveries come late,
 * twice and out of order, jobs are cancelled, somebody else's runners help themselves, and an agent dies.
 */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dispatcherWorkflowId } from '../../jobs/names.js';
import type { SimJob } from '../../simulators/github/types.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { clonesOn } from './hosts.js';
import { watchSlowness } from './slowness.js';
import { expectNothingLeft, fleetOf, lastWords, resultOf, testStack, timesBegun, until } from './support.js';

const JOBS = 200;
const CANCELLED = 12;
const FOREIGN_RUNNERS = 12;
const SLOTS = 8;

/** VMs beyond one a job: those that nobody needs at the very end, and those of the agent that dies. */
const SURPLUS = SLOTS + 2;

/** The day that passes in a minute here takes several on a slow machine. */
const LONG_MS = 400_000;

const labels = labelsFor(XCODE);

describe('a fleet of four hosts', () => {
  let stack: Stack;
  beforeAll(async () => {
    const anka = { templates: [XCODE], delays: { clone: 30, start: 150 } };
    const names = ['mini-1', 'mini-2', 'mini-3', 'mini-4'];
    stack = await testStack({ hosts: names.map((name) => ({ name, anka })) });
  });
  afterEach(() => expectNothingLeft(stack, 60_000));
  afterAll(() => stack.stop());

  const jobNow = (id: number): SimJob | undefined => stack.github.snapshot().jobs.find((job) => job.id === id);
  const isOver = (jobs: readonly SimJob[], count: number): boolean =>
    jobs.filter(({ id }) => jobNow(id)?.status === 'completed').length >= count;

  /** Somebody else's runners with the same labels, one after the other, each for one job. */
  async function lendForeignRunners(): Promise<void> {
    for (let n = 1; n <= FOREIGN_RUNNERS; n += 1) {
      const name = `somebody-elses-${n}`;
      stack.github.addForeignRunner({ scope: { kind: 'org', owner: 'acme' }, name, labels });
      await stack.github.waitFor(({ jobs }) => jobs.some(({ runnerName }) => runnerName === name), LONG_MS);
    }
  }

  async function killOneAgent(jobs: readonly SimJob[]): Promise<void> {
    await stack.github.waitFor(() => isOver(jobs, JOBS / 3), LONG_MS);
    const [, host] = stack.hosts;
    await host?.agent.kill();
    await host?.restart();
  }

  /** Half-way: some that still wait, some that run, whichever they are. */
  async function cancelSome(jobs: readonly SimJob[]): Promise<ReadonlySet<number>> {
    await stack.github.waitFor(() => isOver(jobs, JOBS / 4), LONG_MS);
    const open = jobs.map(({ id }) => jobNow(id)).filter((job) => job !== undefined && job.status !== 'completed');
    const running = open.filter((job) => job?.status === 'in_progress').slice(0, 3);
    const queued = open.filter((job) => job?.status === 'queued');
    const chosen = [...running, ...queued.slice(0, 4), ...queued.slice(-5)].flatMap((job) => (job ? [job.id] : []));
    for (const id of chosen) stack.github.cancelJob(id);
    return new Set(chosen.slice(0, CANCELLED));
  }

  function expectRanOnceOrCancelled(job: SimJob, cancelled: ReadonlySet<number>): void {
    const begun = timesBegun(stack, job);
    expect(begun, `job ${job.id} began`).toBeLessThanOrEqual(1);
    const { conclusion } = jobNow(job.id) ?? {};
    if (cancelled.has(job.id)) expect(['cancelled', 'success']).toContain(conclusion);
    else expect({ id: job.id, conclusion, begun }).toEqual({ id: job.id, conclusion: 'success', begun: 1 });
  }

  const clones = async (): Promise<number> => {
    const counts = await Promise.all(stack.hosts.map(clonesOn));
    return counts.reduce((sum, count) => sum + count, 0);
  };

  it('200 jobs with one label set and random assignment: each runs once or is cancelled, and hardly a VM is made in vain', async () => {
    const { github } = stack;
    github.setAssignment({ policy: 'random', seed: 11 });
    github.setNasty({
      seed: 5,
      late: { max: 300 },
      repeat: { probability: 0.1 },
      reorder: { probability: 0.1, holdMs: 300 },
    });
    const jobs = Array.from({ length: JOBS }, (_, n) =>
      github.queueJob({ owner: 'acme', repo: n % 2 === 0 ? 'ios' : 'web', labels, durationMs: 100 + ((n * 37) % 400) }),
    );
    const [cancelled] = await Promise.all([cancelSome(jobs), lendForeignRunners(), killOneAgent(jobs)]);
    await github
      .waitFor(() => isOver(jobs, JOBS), LONG_MS)
      .catch((err: unknown) => {
        throw new Error(`${(err as Error).message.slice(0, 2_000)}\n${lastWords(stack)}`);
      });
    github.setNasty({});
    for (const job of jobs) expectRanOnceOrCancelled(job, cancelled);
    const results = await Promise.all(jobs.map((job) => resultOf(stack, job)));
    const outcomes = results.map(({ outcome }, n) => [jobs[n]?.id, outcome]);
    expect(outcomes).toEqual(jobs.map(({ id }) => [id, jobNow(id)?.conclusion]));
    expect(await clones()).toBeLessThanOrEqual(JOBS + SURPLUS);
  }, 600_000);

  it('a dispatcher that an operator terminated is followed by one that is told at once who waits and what there is', async () => {
    const { client, github } = stack;
    const handle = client.workflow.getHandle(dispatcherWorkflowId('default'));
    const held = github.queueMatrix({ owner: 'acme', repo: 'ios', labels, count: SLOTS + 2, held: true });
    await until('two jobs wait for a slot', async () => (await fleetOf(stack)).waiting.length === 2, 60_000);
    const { runId } = await handle.describe();
    const slowness = watchSlowness();
    await handle.terminate('a test');
    const terminatedAt = Date.now();
    const knowsAll = async (): Promise<boolean> => {
      const { waiting, runners, hosts } = await fleetOf(stack).catch(() => ({ waiting: [], runners: [], hosts: [] }));
      const isNew = (await handle.describe()).runId !== runId;
      return isNew && hosts.length === stack.hosts.length && runners.length === SLOTS && waiting.length === 2;
    };
    await until('the new dispatcher knows all', knowsAll, 60_000);
    const ms = Date.now() - terminatedAt;
    expect(ms, 'sooner than anybody repeats anything').toBeLessThan(30_000 * (await slowness()));
    for (const { id } of held) github.releaseJob(id);
    for (const { id } of held) await github.waitFor(() => jobNow(id)?.conclusion === 'success', 100_000);
  });
});
