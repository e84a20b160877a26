/**
 * Records the histories of every way a job can go, on real processes, into a new folder of `histories/`. Run by
 * `npm run record-histories`; `BERTH_HISTORIES` names the folder (default: version and day).
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageVersion } from '../../cli/package-version.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { expectNothingLeft, testStack } from '../e2e/support.js';
import { freeLabel } from './histories.js';
import { saveHistories } from './save.js';
import { HOSTS, LOSSES, ONE_BY_ONE, REGISTRATION_TIMEOUT_SECONDS } from './scenarios.js';
import type { Scenario, Told } from './scenarios.js';

const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
const label = freeLabel(process.env['BERTH_HISTORIES'] ?? `${packageVersion()}-${today}`);

describe(`histories ${label}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({ hosts: HOSTS, registrationTimeoutSeconds: REGISTRATION_TIMEOUT_SECONDS });
  });
  afterAll(() => stack.stop());

  it('are recorded', async () => {
    const told: Told[] = [];
    const tell = async ({ name, play }: Scenario): Promise<void> => {
      for (const { suffix, job } of await play(stack)) told.push({ name: `${name}${suffix}`, jobId: job.id });
    };
    const oneByOne = async (): Promise<void> => {
      for (const scenario of ONE_BY_ONE) await tell(scenario);
    };
    // The losses wait for time limits, on hosts of their own.
    await Promise.all([oneByOne(), ...LOSSES.map(tell)]);
    await expectNothingLeft(stack, 60_000);
    const saved = await saveHistories(stack.client, label, told);
    console.log(`${saved.length} histories in test/replay/histories/${label}`);
    const ofForever = saved.filter((name) => /^(dispatcher|host)/.test(name));
    expect(ofForever.some((name) => name.startsWith('dispatcher-carried-over'))).toBe(true);
    for (const { name } of told) expect(saved).toContain(`${name}.job`);
  });
});
