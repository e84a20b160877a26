/**
 * A job is cancelled, or a workflow of its terminated, at every step and in every way. Each step has a host of its own;
 * several hosts work at once, the ways follow each other.
 */

import { describe, expect, it, vi } from 'vitest';
import { runnerWorkflowId } from '../../jobs/names.js';
import {
  ANY_ATTEMPTS,
  LEFT_WITHIN_MS,
  expectMeaning,
  expectNeverMade,
  expectNothingOf,
  expectVmGone,
} from './cancellation-checks.js';
import { STEPS, hostFor, prepare, waysAt } from './cancellation-matrix.js';
import type { Step, Way } from './cancellation-matrix.js';
import { hostNamed, untilNoVm } from './hosts.js';
import {
  during,
  expectRanOnce,
  handleOf,
  ownHost,
  runs,
  siteAt,
  stackFor,
  terminateJob,
  waitsForGitHub,
} from './sites.js';
import type { Site } from './sites.js';
import { watchSlowness } from './slowness.js';
import { statusOf, untilConclusion } from './support.js';

/** More at once would only wait for each other, on two cores, past the time limits that are tested. */
vi.setConfig({ maxConcurrency: 4 });

/** GitHub gives a runner up that fell silent; its own ten seconds would only be waited for. */
const GITHUB = { lostAfterMs: 4_000 };

describe('cancellation:', () => {
  const started = stackFor(STEPS.map(hostFor), LEFT_WITHIN_MS, GITHUB);

  async function strike(step: Step, way: Way): Promise<Site> {
    const stack = started();
    const site = siteAt(stack, step.repo, await prepare(stack, step, way));
    try {
      await step.at(site);
      const struckAt = await way.strike(site);
      await site.host.anka.setDelays({});
      await expectMeaning(site, step, way, struckAt);
    } catch (err) {
      // The next cell shall not suffer from this one.
      stack.github.cancelJob(site.job.id, true);
      throw err;
    }
    return site;
  }

  /** Another job has the slot meanwhile. */
  async function strikeInQueue(step: Step, way: Way): Promise<void> {
    const stack = started();
    const other = siteAt(stack, step.repo, { durationMs: null });
    await runs(other);
    const site = await strike(step, way);
    stack.github.cancelJob(other.job.id);
    await expectNothingOf(other);
    await expectNeverMade(site);
  }

  // The host has one slot: that it comes free in one cell shows in the next, and in the end.
  describe.concurrent.each(STEPS)('a job that $name is struck by', (step) => {
    it.sequential.each(waysAt(step))('$name', async (way) => {
      await (step.isSlotTaken === true ? strikeInQueue(step, way) : strike(step, way));
    });

    it.sequential('nothing: it runs', () =>
      expectRanOnce(siteAt(started(), step.repo, { durationMs: 200 }), ANY_ATTEMPTS),
    );
  });
});

describe.concurrent('cancellation besides:', () => {
  const silent = ownHost('silent', 'silent', { delays: {} });
  const started = stackFor([ownHost('run'), ownHost('idle'), ownHost('both'), silent], LEFT_WITHIN_MS, GITHUB);

  it('the cancel signal with `github` ends the run on GitHub, too, once', async () => {
    const site = siteAt(started(), 'run', { durationMs: null });
    const { stack, job } = site;
    await runs(site);
    await handleOf(site).signal('cancel', { by: 'an operator', github: true });
    await untilConclusion(stack, job, 'cancelled');
    await expectNothingOf(site);
    expect(stack.github.snapshot().cancelCalls.filter(({ runId }) => runId === job.runId)).toHaveLength(1);
  });

  it('a job whose workflow was terminated is cancelled on GitHub: the runner that waits for it goes at once', async () => {
    const site = siteAt(started(), 'idle', { held: true });
    await waitsForGitHub(site);
    await terminateJob(site);
    site.stack.github.cancelJob(site.job.id);
    const { completedAt } = await untilConclusion(site.stack, site.job, 'cancelled');
    await expectVmGone(site, completedAt ?? 0);
    await expectNothingOf(site);
  });

  it('a job whose workflow was terminated ends in a guest that says nothing: its VM goes all the same', async () => {
    const stack = started();
    await hostNamed(stack, 'silent').anka.setFaults([{ command: 'run', kind: 'hang', match: 'watch' }]);
    const site = siteAt(stack, 'silent', { durationMs: null });
    await runs(site);
    await terminateJob(site);
    stack.github.finishJob(site.job.id);
    const { completedAt } = await untilConclusion(stack, site.job, 'success');
    await expectVmGone(site, completedAt ?? 0);
    await expectNothingOf(site);
  });

  it('the workflows of a job and of its runner are both terminated: the host notices by itself within 5 s', async () => {
    const site = siteAt(started(), 'both', { held: true });
    await during('start')(site);
    const slowness = watchSlowness();
    const since = Date.now();
    await terminateBoth(site);
    await untilNoVm(site.host, 60_000);
    expect(Date.now() - since, 'ms until the VM was gone').toBeLessThan(5_000 * (await slowness()));
    site.stack.github.cancelJob(site.job.id);
    await expectNothingOf(site);
    await expectRanOnce(siteAt(started(), 'both'), ANY_ATTEMPTS);
  });
});

async function terminateBoth(site: Site): Promise<void> {
  const { runner } = await statusOf(site.stack, site.job);
  await terminateJob(site);
  await site.stack.client.workflow.getHandle(runnerWorkflowId(runner ?? 'none')).terminate('a test');
}
