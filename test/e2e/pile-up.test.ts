/** Thousands of webhooks at once: none is lost, and the receiver doesn't slow down as they pile up. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ratesInWindows } from '../../bench/statistics.js';
import { countJobWorkflows, pileUp } from '../../bench/pile-up.js';
import type { Stack } from '../../simulators/stack/stack.js';
import type { SimJob } from '../../simulators/github/types.js';
import { XCODE } from '../../simulators/stack/templates.js';
import { lastWords, leftovers, testStack, until, untilConclusion } from './support.js';

const anka = { templates: [XCODE] };

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
    expect(await countJobWorkflows(stack, COUNT, 60_000)).toBe(COUNT);
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
    // GitHub may have given a runner to one before it was cancelled, and that one may have been quick.
    const { jobs } = stack.github.snapshot();
    for (const conclusion of ['success', 'cancelled']) {
      const onGitHub = jobs.filter((job) => job.conclusion === conclusion).length;
      expect(await countOf(`BerthOutcome = '${conclusion}'`), conclusion).toBe(onGitHub);
    }
    // The last runner may outlive its job by the moment in which it is found to be wanted by none.
    await until('nothing is left', async () => (await leftovers(stack)).length === 0);
    const violations = await Promise.all(stack.hosts.map(({ anka: host }) => host.violations()));
    expect(violations.flat()).toEqual([]);
    expect(stack.orchestrator.output.filter((line) => line.includes('"level":"ERROR"'))).toEqual([]);
  });
});

/** So that no more than 32 of their webhooks are on their way at once. */
async function cancelAll(stack: Stack, jobs: readonly SimJob[]): Promise<void> {
  for (const job of jobs) {
    stack.github.cancelJob(job.id);
    await stack.github.waitFor(({ pendingDeliveries }) => pendingDeliveries < 32, 60_000);
  }
}
