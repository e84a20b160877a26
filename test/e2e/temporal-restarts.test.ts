/** Temporal's server is killed and comes back, while jobs start and run. */

import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Stack } from '../../simulators/stack/stack.js';
import { untilNoVm } from './hosts.js';
import { createOwnTemporal } from './own-temporal.js';
import type { OwnTemporal } from './own-temporal.js';
import { during, expectRanOnce, ownHost, runs, siteAt } from './sites.js';
import { expectNothingLeft, testStack, until, untilConclusion } from './support.js';

describe.concurrent('Temporal is', () => {
  let temporal: OwnTemporal;
  let stack: Stack;
  beforeAll(async () => {
    temporal = await createOwnTemporal();
    stack = await testStack({ hosts: [ownHost('ios')], temporal: temporal.at });
  });
  afterAll(async () => {
    await expectNothingLeft(stack, 60_000).finally(async () => {
      await stack.stop();
      await temporal.close();
    });
  });

  it.sequential('killed while a VM starts, and back at once', async () => {
    const site = siteAt(stack, 'ios');
    await during('start')(site);
    await temporal.kill();
    await temporal.start();
    await expectRanOnce(site, 2);
    await untilNoVm(site.host, 30_000);
  });

  it.sequential(
    'killed while a job runs, and away for longer than any pulse may stop: the job goes on and its end is heard of',
    async () => {
      const site = siteAt(stack, 'ios', { durationMs: 8_000 });
      await runs(site);
      const since = Date.now();
      await temporal.kill();
      await untilConclusion(stack, site.job, 'success');
      await until('12 s are over', async () => Date.now() - since > 12_000);
      await temporal.start();
      await expectRanOnce(site, 1);
      await untilNoVm(site.host, 30_000);
    },
  );
});
