/** Hosts die for good while they make VMs: how soon their jobs are made VMs elsewhere. */

import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Measure } from '../measure.js';
import { callFor, until } from '../observe.js';

/** As many hosts die as are left. */
const LOST = 3;

/** The VM still starts when its host dies. */
const START_MS = 60_000;

async function hostOf(job: SimJob, among: readonly StackHost[]): Promise<StackHost> {
  return until(`a host starts a VM for job ${job.id}`, async () => {
    for (const host of among) if (callFor(await host.anka.commands(), job, 'start') !== undefined) return host;
    return undefined;
  });
}

async function movedAfter(stack: Stack): Promise<readonly number[]> {
  const queue = (): SimJob => stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE) });
  const jobs = Array.from({ length: LOST }, queue);
  const on = await Promise.all(jobs.map((job) => hostOf(job, stack.hosts)));
  const others = stack.hosts.filter((host) => !on.includes(host));
  const diedAt = Date.now();
  await Promise.all(on.map(({ agent }) => agent.kill()));
  const elsewhere = jobs.map((job) =>
    until(`job ${job.id} is elsewhere`, async () => {
      for (const host of others) {
        const clone = callFor(await host.anka.commands(), job, 'clone');
        if (clone !== undefined) return clone.start;
      }
      return undefined;
    }),
  );
  const startedAt = await Promise.all(elsewhere);
  return startedAt.map((at) => (at - diedAt) / 1_000);
}

export const lostHost: Measure = {
  name: 'lost-host',
  run: async (rig) => {
    const anka = { templates: [XCODE], delays: { start: START_MS } };
    const hosts = Array.from({ length: 2 * LOST }, (_, index) => ({ name: `mini-${index + 1}`, slots: 1, anka }));
    const samples = await rig.withStack({ hosts }, movedAfter);
    return {
      rows: [
        {
          measure: 'dead host → job elsewhere (not yet begun)',
          anklet: 'never',
          unit: 's',
          judged: 'worst',
          goal: { direction: 'at most', must: 30, aim: 20 },
          samples,
        },
      ],
    };
  },
};
