/** A host that never comes back: agent, VMs and disk are gone at once. Its jobs are not stranded, nor are their slots. */

import { describe, expect, it } from 'vitest';
import { runnerWorkflowId } from '../../jobs/names.js';
import type { AnkaHostOptions } from '../../simulators/anka/host.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost, StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { RunnerResult } from '../../workflows/runner-life.js';
import { QUICK, expectRanOnce, ownHost, stackFor } from './sites.js';
import { watchSlowness } from './slowness.js';
import { fleetOf, hostStatusOf, resultOf, statusOf, until, untilConclusion, untilStep } from './support.js';

/** Much longer than the test: whoever begins it on a host that goes never sees its end. */
const ENDLESS = 600_000;

/** The sum of silence, grace and the wait for a delete that nobody answers is 30 s; GitHub notices later than that. */
const GRACE_SECONDS = 5;
const GITHUB_NOTICES_MS = 75_000;

const absent: Omit<AnkaHostOptions, 'dir'> = {
  templates: [],
  registry: [XCODE],
  delays: { 'registry-pull': ENDLESS },
};

const two = (repo: string, anka: Omit<AnkaHostOptions, 'dir'>): readonly StackHostOptions[] =>
  [repo, `${repo}-2`].map((name) => ({
    ...ownHost(repo, name, anka),
    config: { host_return_grace: GRACE_SECONDS },
  }));

/** The one of the two that is left. */
function otherThan(stack: Stack, repo: string, gone: string): StackHost {
  const found = stack.hosts.find(({ name }) => name !== gone && name.startsWith(repo));
  if (found === undefined) throw new Error(`${repo} has one host only`);
  return found;
}

const queue = (stack: Stack, repo: string, durationMs: number): SimJob =>
  stack.github.queueJob({ owner: 'acme', repo, labels: labelsFor(XCODE), durationMs });

describe.concurrent('a host is gone for good', () => {
  const started = stackFor(
    [...two('pulling', absent), ...two('starting', { delays: { start: ENDLESS } }), ...two('working', QUICK)],
    90_000,
    { lostAfterMs: GITHUB_NOTICES_MS },
  );

  it.each([
    { repo: 'pulling', step: /^checking the template on / },
    { repo: 'starting', step: /^starting the VM on / },
  ])('while $repo: another host runs its job within 30 s', async ({ repo, step }) => {
    const stack = started();
    const job = queue(stack, repo, 1_000);
    const { host: gone } = await untilStep(stack, job, step);
    if (gone === null) throw new Error('its page names no host');
    const other = otherThan(stack, repo, gone);
    await other.anka.setDelays({});
    const slowness = watchSlowness();
    await stack.loseHost(gone);
    const since = performance.now();
    await untilStep(stack, job, /running|completed/, 100_000);
    expect(performance.now() - since).toBeLessThan(30_000 * (await slowness()));
    await expectRanOnce({ stack, host: other, job }, 2);
    expect((await statusOf(stack, job)).host).toBe(other.name);
  });

  it('while working: its slot is given up after host_return_grace, and the job ends as soon as GitHub says so', async () => {
    const stack = started();
    const job = queue(stack, 'working', ENDLESS);
    const { host: gone, runner } = await untilStep(stack, job, /^running/);
    if (gone === null || runner === null) throw new Error('its page names no host or runner');
    await stack.loseHost(gone);
    const host = otherThan(stack, 'working', gone);
    await expectRanOnce({ stack, host, job: queue(stack, 'working', 200) }, 2);

    const given = await until(
      'its runner is out of the books',
      async () => {
        const fleet = await fleetOf(stack);
        return !fleet.runners.some(({ name }) => name === runner) && fleet;
      },
      60_000,
    );
    // Its last report may name the VM: a lost host gets nothing anyhow, and says anew what it has when it is back.
    expect(given.hosts.find(({ name }) => name === gone)).toMatchObject({ state: 'lost' });
    expect(stack.github.snapshot().jobs.find(({ id }) => id === job.id)?.status).toBe('in_progress');
    expect((await hostStatusOf(stack, gone)).state).toBe('lost');

    await untilConclusion(stack, job, 'failure', GITHUB_NOTICES_MS * 2);
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'infra_lost', servedBy: runner, attempts: 1 });
    const ended = (await stack.client.workflow.getHandle(runnerWorkflowId(runner)).result()) as RunnerResult;
    expect(ended).toMatchObject({ served: job.id, failure: { type: 'HostLost' }, vmDestroyed: false });
  }, 240_000);
});
