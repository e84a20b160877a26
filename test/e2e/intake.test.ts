/** Whose jobs get a VM, and whose do not. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { clonesOn, hostNamed } from './hosts.js';
import { expectNothingLeft, resultOf, statusOf, testStack, until, untilConclusion } from './support.js';

const labels = labelsFor(XCODE);

describe('where pull requests of forks are refused', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({
      hosts: [{ name: 'mini-1', anka: { templates: [XCODE] } }],
      receiverConfig: { fork_pull_requests: 'refuse', allowed_repositories: ['acme/ios'] },
    });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  const callsFor = (runId: number): number =>
    stack.github.calls().filter(({ path }) => path.endsWith(`/actions/runs/${runId}`)).length;

  it("a fork's is ended, with its reason, before anything is made for it", async () => {
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, fork: 'stranger/ios' });
    await untilConclusion(stack, job, 'cancelled');
    const result = await resultOf(stack, job);
    expect(result).toMatchObject({ outcome: 'unrunnable', attempts: 0 });
    expect(result.reason).toBe('its run is a pull request of stranger/ios (BERTH-J004)');
    expect(stack.github.snapshot().cancelCalls.filter(({ runId }) => runId === job.runId)).toHaveLength(1);
    expect(await clonesOn(hostNamed(stack, 'mini-1'))).toBe(0);
  });

  it('others run, at the price of one question for the whole run', async () => {
    const jobs = stack.github.queueMatrix({ owner: 'acme', repo: 'ios', labels, count: 3, durationMs: 100 });
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    expect(callsFor(jobs[0]?.runId ?? 0)).toBe(1);
  });

  it('those of a repository that is not on the list are left alone', async () => {
    const job = stack.github.queueJob({ owner: 'acme', repo: 'web', labels });
    const answer = await stack.github.waitFor(({ deliveries }) =>
      deliveries.find(({ jobId, statusCode }) => jobId === job.id && statusCode !== null),
    );
    expect(answer.statusCode).toBe(200);
    expect(await resultOf(stack, job).catch(() => 'no workflow')).toBe('no workflow');
    stack.github.cancelJob(job.id);
  });

  it('while GitHub does not answer, nothing is made, and the job says why it waits', async () => {
    const before = await clonesOn(hostNamed(stack, 'mini-1'));
    const fault = stack.github.addFault({ kind: 'status', status: 500, path: '/actions/runs/\\d+$' });
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 100 });
    const waits = async () => {
      const { reason } = await statusOf(stack, job);
      return reason?.startsWith('GitHub has not said yet whether its run is a pull request of a fork') === true;
    };
    await until('the reason', () => waits().catch(() => false));
    expect(await clonesOn(hostNamed(stack, 'mini-1'))).toBe(before);
    stack.github.removeFault(fault);
    await untilConclusion(stack, job, 'success');
  });
});
