import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { expectNothingLeft, resultOf, statusOf, testStack, untilConclusion, untilStep } from './support.js';

const labels = labelsFor(XCODE);

describe('runners that GitHub gives to other jobs', () => {
  let stack: Stack;
  beforeAll(async () => {
    const anka = { templates: [XCODE], delays: { start: 1_500 } };
    stack = await testStack({
      hosts: [
        { name: 'mini-1', anka },
        { name: 'mini-2', anka },
      ],
    });
  });
  afterEach(async () => {
    stack.github.setAssignment({ policy: 'oldest-first' });
    await expectNothingLeft(stack);
  });
  afterAll(() => stack.stop());

  it('two jobs with equal labels whose runners are swapped both run', async () => {
    stack.github.setAssignment({ policy: 'swap' });
    const jobs = stack.github.queueMatrix({ owner: 'acme', repo: 'ios', labels, count: 2, durationMs: 300 });
    for (const job of jobs) {
      await untilConclusion(stack, job, 'success');
      expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success' });
    }
  });

  it('a matrix of eight with equal labels and random assignment: all run, with no VM too many', async () => {
    stack.github.setAssignment({ policy: 'random', seed: 7 });
    const before = stack.github.snapshot().removedRunners.length;
    const jobs = stack.github.queueMatrix({ owner: 'acme', repo: 'ios', labels, count: 8, durationMs: 200 });
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    await expectNothingLeft(stack);
    expect(stack.github.snapshot().removedRunners.length - before).toBe(8);
  });

  it('a job that only wants a subset of the labels takes a runner: the job it was made for gets another', async () => {
    // Held, so that the other one gets the runner however long it takes to come.
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 300, held: true });
    await untilStep(stack, job, /cloning|starting|registering|waiting for GitHub to give it a job/);
    const thief = stack.github.queueJob({
      owner: 'acme',
      repo: 'web',
      labels: ['self-hosted', 'macOS'],
      durationMs: 300,
    });
    await untilConclusion(stack, thief, 'success');
    stack.github.releaseJob(job.id);
    const done = await untilConclusion(stack, job, 'success');
    expect(done.runnerName).not.toBe(stack.github.snapshot().jobs.find(({ id }) => id === thief.id)?.runnerName);
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', attempts: 2 });
  });

  it('a foreign runner takes our job: its own runner is removed again', async () => {
    // Its VM does not come up before the job is over.
    for (const { anka } of stack.hosts) await anka.setHeld(['start']);
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 300 });
    await untilStep(stack, job, /starting the VM/);
    const foreign = stack.github.addForeignRunner({
      scope: { kind: 'org', owner: 'acme' },
      name: 'somebody-else',
      labels,
    });
    await untilConclusion(stack, job, 'success');
    for (const { anka } of stack.hosts) await anka.setHeld([]);
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', servedBy: 'somebody-else' });
    stack.github.removeRunner(foreign.id);
  });

  it('a queued job is cancelled: its registered runner serves the next job of the same labels', async () => {
    stack.github.setAssignment({ policy: 'oldest-first' });
    const held = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 300, held: true });
    await untilStep(stack, held, /waiting for GitHub to give it a job/);
    const { runner } = await statusOf(stack, held);
    const next = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 300 });
    stack.github.cancelJob(held.id);
    const done = await untilConclusion(stack, next, 'success');
    expect(done.runnerName).toBe(runner);
  });
});

describe('a runner that GitHub gives no job', () => {
  let stack: Stack;
  beforeAll(async () => {
    // Long enough that the runner which gets one is always in time.
    stack = await testStack({
      hosts: [{ name: 'mini-1', anka: { templates: [XCODE] } }],
      registrationTimeoutSeconds: 15,
    });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('within the time limit: a brand-new VM and runner, and the job runs', async () => {
    stack.github.neverAssign({ next: 1 });
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 300 });
    const done = await untilConclusion(stack, job, 'success');
    expect(done.runnerName).toMatch(new RegExp(`^berth-${job.id}-2-`));
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', attempts: 2 });
  });
});
