/** A job loses its VM or its host, or can never run: Berth says so, and does on GitHub what its config says, once. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { untilNoVm, vmsOf } from './hosts.js';
import { QUICK, ownHost, runs, siteAt } from './sites.js';
import type { Site } from './sites.js';
import {
  expectNothingLeft,
  resultOf,
  statusOf,
  testStack,
  until,
  untilConclusion,
  untilStep,
  workflowIdOf,
} from './support.js';

/** GitHub takes a silent runner for lost much later than Temporal takes a silent host for it (10 s). */
const GITHUB_LOSES_AFTER_MS = 25_000;

const reruns = (stack: Stack): number =>
  stack.github.calls().filter(({ method, path }) => method === 'POST' && path.endsWith('/rerun')).length;

const outcomeAttribute = async (stack: Stack, job: SimJob): Promise<unknown> => {
  const { searchAttributes } = await stack.client.workflow.getHandle(workflowIdOf(stack, job)).describe();
  return searchAttributes['BerthOutcome'];
};

async function crashVmOf({ host }: Site): Promise<void> {
  const [vm = ''] = await vmsOf(host);
  await host.anka.crashVm(vm);
}

/** The job that GitHub made of this one when it was run again. */
const againOf = (stack: Stack, { runId, id }: SimJob): Promise<SimJob> =>
  stack.github.waitFor(({ jobs }) => jobs.find((job) => job.runId === runId && job.id > id), 60_000);

describe.concurrent('on_infra_lost: rerun-once, on_unrunnable: leave', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({
      hosts: [ownHost('vm', 'vm', QUICK), ownHost('mac', 'mac', QUICK), ownHost('none', 'none', QUICK)],
      github: { lostAfterMs: GITHUB_LOSES_AFTER_MS },
      orchestratorConfig: { on_infra_lost: 'rerun-once', on_unrunnable: 'leave' },
    });
  });
  afterAll(async () => {
    try {
      await expectNothingLeft(stack, 60_000);
      expect(reruns(stack)).toBe(2);
    } finally {
      await stack.stop();
    }
  });

  it('a VM dies under its job: the job is run again, once', async () => {
    const site = siteAt(stack, 'vm', { durationMs: 60_000 });
    await runs(site);
    await crashVmOf(site);
    await untilStep(stack, site.job, /lost with berth-/);
    expect((await statusOf(stack, site.job)).reason).toMatch(/BERTH-V004.*waiting for GitHub/);
    await untilNoVm(site.host, 30_000);
    const result = await resultOf(stack, site.job);
    expect(result.outcome).toBe('infra_lost');
    expect(result.reason).toContain('BERTH-V004');
    expect(await outcomeAttribute(stack, site.job)).toEqual(['infra_lost']);
    const again = await againOf(stack, site.job);
    expect(again.runAttempt).toBe(2);
    const second = { ...site, job: again };
    await runs(second);
    await crashVmOf(second);
    expect(await resultOf(stack, again)).toMatchObject({ outcome: 'infra_lost' });
    const { timeline } = await statusOf(stack, again);
    expect(timeline.map(({ what }) => what)).toContain('not run again: it was before');
  });

  it('a host dies under its job: the job is run again when GitHub has ended it', async () => {
    const site = siteAt(stack, 'mac', { durationMs: 60_000 });
    await runs(site);
    await site.host.agent.kill();
    await crashVmOf(site);
    await until(
      'the page says that the host is silent',
      async () => (await statusOf(stack, site.job)).reason?.includes('host mac does not answer') === true,
    );
    const result = await resultOf(stack, site.job);
    expect(result.outcome).toBe('infra_lost');
    expect(result.reason).toContain('BERTH-H002');
    await site.host.restart();
    const again = await againOf(stack, site.job);
    await runs({ ...site, job: again });
    stack.github.cancelJob(again.id);
    expect(await resultOf(stack, again)).toMatchObject({ outcome: 'cancelled' });
  });

  it('a job whose template nobody has: nothing is cancelled on GitHub', async () => {
    const labels = labelsFor({ ...XCODE, uuid: '99999999-0000-4000-8000-000000000000', name: 'nowhere' });
    const { job } = siteAt(stack, 'none', { labels });
    await untilStep(stack, job, /cannot run/);
    const result = await resultOf(stack, job);
    expect(result.outcome).toBe('unrunnable');
    expect(result.reason).toContain('BERTH-T001');
    const { timeline } = await statusOf(stack, job);
    expect(timeline.map(({ what }) => what)).toContain('left as it is on GitHub: `on_unrunnable` is `leave`');
    expect(stack.github.snapshot().jobs.find(({ id }) => id === job.id)?.status).toBe('queued');
    expect(stack.github.calls().filter(({ path }) => path.includes(`/runs/${job.runId}/cancel`))).toEqual([]);
    stack.github.cancelJob(job.id);
    await untilConclusion(stack, job, 'cancelled');
  });
});
