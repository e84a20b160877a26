/** A fleet in one process: the real workflows and Temporal, hosts and a GitHub that only wait (bench/fleet). */

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startFleet } from '../../bench/fleet/fleet.js';
import type { BenchFleet } from '../../bench/fleet/fleet.js';
import { percentile } from '../../bench/statistics.js';
import { idleRequests, runLoad } from '../../bench/fleet/load.js';

/**
 * Shorter than any time after which somebody asks again by himself: by then only a message can have come. On a machine
 * that is so slow that most slots wait for seconds, the longest may be as many times longer.
 */
const BY_MESSAGE_MS = 25_000;
const TIMES_LONGER = 5;

const JOBS = 60;

describe('a fleet of 20 hosts', () => {
  let fleet: BenchFleet;
  beforeAll(async () => {
    fleet = await startFleet({
      cli: inject('temporalCli'),
      hosts: 20,
      slotsPerHost: 2,
      jobMs: 5_000,
      stepMs: 50,
      workflowBundle: fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)),
    });
  });
  afterAll(() => fleet.stop());

  it('costs Temporal less than 10 calls a second while it has nothing to do', { timeout: 180_000 }, async () => {
    const rates = await idleRequests(fleet, { settleMs: 10_000, forMs: 60_000 });
    const total = rates.reduce((sum, [, rate]) => sum + rate, 0);
    expect(total, rates.map(([operation, rate]) => `${operation} ${rate.toFixed(2)}`).join(', ')).toBeLessThan(10);
    expect(total, 'every host has its pulse').toBeGreaterThan(20 / 15);
  });

  it(
    'serves more jobs than it has slots, each with a VM of its own, no slot waiting for a timer',
    { timeout: 400_000 },
    async () => {
      const load = await runLoad(fleet, JOBS, 360_000);
      const served = new Set(fleet.github.jobs.map(({ runner }) => runner));
      expect(served.size, 'no runner served two').toBe(JOBS);
      // A host that is too busy to answer in time gets its job taken away.
      expect(load.begunAt.length, 'VMs made in vain').toBeLessThan(JOBS * 1.1);
      const gaps = load.idle.map(({ ms }) => ms);
      const limit = Math.max(BY_MESSAGE_MS, TIMES_LONGER * percentile(gaps, 50));
      expect(Math.max(...gaps), JSON.stringify(load.idle.slice(0, 5))).toBeLessThan(limit);
      for (const { events, inputBytes } of load.runs) {
        expect(events).toBeLessThan(10_000);
        expect(inputBytes).toBeLessThan(256 * 1024);
      }
    },
  );
});
