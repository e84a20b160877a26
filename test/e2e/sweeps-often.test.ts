/** No sweep harms a job that runs. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { ORG, anka, startFleet } from './left-things.js';
import type { Fleet } from './left-things.js';
import { expectNothingLeft, untilConclusion } from './support.js';

describe('sweeps every second', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    const all = { deliveries: '1s', queued: '1s', runners: '1s', jobs: '1s', vms: '1s' };
    const host = { slots: 2, anka, config: { sweep: { vms: '1s' } } };
    fleet = await startFleet({
      hosts: ['mini-1', 'mini-2'].map((name) => ({ name, ...host })),
      orchestratorConfig: { sweep: all, ...ORG },
    });
  });
  afterAll(() => fleet.stop());

  it('harm no job, whatever GitHub says of its runner and whichever webhook is lost', async () => {
    const { stack } = fleet;
    // Busy runners look idle for a while, and could be deleted.
    stack.github.setReads({ busyMs: 6_000, listMs: 2_000 });
    stack.github.setNasty({ seed: 7, lose: { probability: 0.3, logged: false } });
    const jobs = Array.from({ length: 10 }, (_, index) =>
      stack.github.queueJob({ owner: 'acme', repo: `r${index % 3}`, labels: labelsFor(XCODE), durationMs: 9_000 }),
    );
    let isOver = false;
    const byHand = (async () => {
      while (!isOver) await fleet.desk.berth(['sweep', 'vms', 'jobs', 'runners']);
    })();
    try {
      for (const job of jobs) await untilConclusion(stack, job, 'success', 150_000);
    } finally {
      isOver = true;
      await byHand;
    }
    const begun = stack.github.history().filter(({ step }) => step === 'in_progress');
    expect(begun.map(({ jobId }) => jobId).sort()).toEqual(jobs.map(({ id }) => id).sort());
    await expectNothingLeft(stack, 90_000);
  }, 300_000);
});
