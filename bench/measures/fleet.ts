/**
 * A fleet under load, in one process (`bench/fleet`): whether a slot stands idle while a job waits, what the dispatcher's
 * history and its books grow to, how many slots a second it gives away, and what hosts that have nothing to do cost.
 */

import { startFleet } from '../fleet/fleet.js';
import type { BenchFleet, FleetOptions } from '../fleet/fleet.js';
import { idleRequests, runLoad } from '../fleet/load.js';
import type { Load } from '../fleet/load.js';
import type { Measure, Outcome } from '../measure.js';
import type { Goal, Row } from '../row.js';

/** `BERTH_BENCH_JOBS` and `BERTH_BENCH_JOB_MS` make it smaller, for a look. */
const JOBS = Number(process.env['BERTH_BENCH_JOBS'] ?? 1_000);
const JOB_MS = Number(process.env['BERTH_BENCH_JOB_MS'] ?? 20_000);

const FLEET: Omit<FleetOptions, 'cli' | 'jobMs'> = { hosts: 20, slotsPerHost: 2, stepMs: 50 };
const SHORT_JOBS = 300;

/** The polls of a minute and the repeated reports of every host are in it. */
const IDLE = { settleMs: 15_000, forMs: 120_000 };

const atMost = (must: number): Goal => ({ direction: 'at most', must, aim: null });
const row = (measure: string, unit: Row['unit'], goal: Goal, samples: readonly number[], note?: string): Row => {
  return { measure, anklet: 'n/a', unit, judged: 'worst', goal, samples, ...(note !== undefined && { note }) };
};

export const fleet: Measure = {
  name: 'fleet',
  byNameOnly: true,
  run: async ({ cli }): Promise<Outcome> => {
    const idle = await withFleet({ ...FLEET, cli, jobMs: JOB_MS }, async (started) => {
      const rates = await idleRequests(started, IDLE);
      return { rates, load: await runLoad(started, JOBS, 60 * 60_000) };
    });
    const short = await withFleet({ ...FLEET, cli, jobMs: 0, stepMs: 0 }, (started) =>
      runLoad(started, SHORT_JOBS, 30 * 60_000),
    );
    return { rows: [...loadRows(idle.load), idleRow(idle.rates), grantsRow(short)] };
  },
};

async function withFleet<T>(options: FleetOptions, work: (fleet: BenchFleet) => Promise<T>): Promise<T> {
  const started = await startFleet(options);
  try {
    return await work(started);
  } finally {
    await started.stop();
  }
}

function loadRows(load: Load): readonly Row[] {
  const what = `${load.jobs} jobs of ${JOB_MS / 1_000} s on 40 slots`;
  const long = load.idleLater.filter(({ ms }) => ms > 1_000).length;
  const first = load.idle.filter((one) => !load.idleLater.includes(one)).map(({ ms }) => ms);
  const seconds = (load.wallMs / 1_000).toFixed(0);
  const least = ((load.jobs * JOB_MS) / 40 / 1_000).toFixed(0);
  const later = load.idleLater.map(({ ms }) => ms / 1_000);
  return [
    row(
      `${what}: a slot idle while a job waits`,
      's',
      atMost(1),
      later.length === 0 ? [0] : later,
      `longer than 1 s: ${long} of ${load.begunAt.length}; first VMs after ${(Math.max(0, ...first) / 1_000).toFixed(1)} s; ${seconds} s in all, the jobs alone ${least} s`,
    ),
    row(
      `${what}: events in a history of the dispatcher`,
      'count',
      atMost(10_000),
      load.runs.map(({ events }) => events),
    ),
    row(
      `${what}: what a run of the dispatcher hands to the next, bytes`,
      'count',
      atMost(262_144),
      load.runs.map(({ inputBytes }) => inputBytes),
    ),
  ];
}

function idleRow(rates: readonly (readonly [string, number])[]): Row {
  const total = rates.reduce((sum, [, rate]) => sum + rate, 0);
  const most = rates.slice(0, 4).map(([operation, rate]) => `${operation} ${rate.toFixed(1)}`);
  return row('20 idle hosts: calls a second to Temporal', 'count', atMost(10), [total], most.join(', '));
}

/** How fast slots are given away when nothing but Berth and Temporal takes time. */
function grantsRow({ begunAt, jobs, wallMs }: Load): Row {
  const [from = 0, to = 1] = [begunAt[0], begunAt.at(-1)];
  const rate = ((begunAt.length - 1) * 1_000) / Math.max(1, to - from);
  const note = `${jobs} jobs of no time at once, done in ${(wallMs / 1_000).toFixed(0)} s`;
  const goal: Goal = { direction: 'at least', must: 2, aim: null };
  return row('slots given away a second, each with a VM made and destroyed', '/s', goal, [rate], note);
}
