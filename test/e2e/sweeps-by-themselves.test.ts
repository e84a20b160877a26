/** What was left by hand is found without anybody's asking, and removed, and nothing else. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostNamed, vmsOf } from './hosts.js';
import {
  LEFT_RUNNER,
  ORG,
  STRAY_VM,
  expectOthersUntouched,
  leaveThings,
  runnersOf,
  startFleet,
  twoHosts,
} from './left-things.js';
import type { Fleet } from './left-things.js';
import { openWorkflows, until, workflowIdOf } from './support.js';

describe('sweeps by themselves', () => {
  const EVERY_S = 35;
  let fleet: Fleet;
  beforeAll(async () => {
    const sweep = { deliveries: 'off', queued: 'off', runners: `${EVERY_S}s`, jobs: `${EVERY_S}s`, vms: '5s' };
    fleet = await startFleet({ hosts: twoHosts(`${EVERY_S}s`), orchestratorConfig: { sweep, ...ORG } });
  });
  afterAll(() => fleet.stop());

  it('remove what was left within three intervals, and nothing else', async () => {
    const { stack } = fleet;
    const { live, lost, foreign } = await leaveThings(stack);
    const gone = async (): Promise<boolean> =>
      !runnersOf(stack).includes(LEFT_RUNNER) &&
      !(await vmsOf(hostNamed(stack, 'idle'))).includes(STRAY_VM) &&
      !(await openWorkflows(stack)).includes(workflowIdOf(stack, lost));
    // A tenth of an interval is jitter, and what they do takes a moment.
    await until('nothing is left', gone, 3 * EVERY_S * 1_100 + 30_000);
    expect(await vmsOf(hostNamed(stack, 'idle'))).toEqual([foreign]);
    await expectOthersUntouched(stack, live, foreign);
  }, 300_000);
});
