/** `npm run bench:placement`: plays 20,000 jobs on 1,000 hosts through the placement and prints what came of it. */

import { parseArgs } from 'node:util';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import type { Policy } from '../../jobs/policy.js';
import { timesByPolicy } from '../measures/placement.js';
import { writeReport } from '../report.js';
import { simulate } from './simulate.js';
import { summaryOf } from './summary.js';

const POLICIES: readonly { readonly name: string; readonly policy: Policy }[] = [
  { name: 'fifo', policy: DEFAULT_POLICY },
  { name: 'fair', policy: { ...DEFAULT_POLICY, order: 'fair' } },
];

function run(write: boolean): Promise<void> {
  const [load = 0] = loadavg();
  const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? process.arch}, Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  const outcomes = POLICIES.map(({ name, policy }) => {
    return { name, placeOneMs: timesByPolicy(policy), simulation: simulate(policy) };
  });
  const text = `${machine}. Measured ${date}; load before ${load.toFixed(1)}.\n\n${summaryOf(outcomes)}`;
  process.stdout.write(`${text}\n`);
  return write ? writeReport(text, 'placement') : Promise.resolve();
}

try {
  const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
  await run(values.write);
} catch (err) {
  process.stderr.write(`${err instanceof Error ? err.message : String(err)}\nnpm run bench:placement -- [--write]\n`);
  process.exitCode = 64;
}
