/** `npm run bench`: runs the measures and prints the design's table of budgets with what this machine makes of it. */

import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { findTemporalCli } from '../temporal/find-cli.js';
import { machineOf } from './machine.js';
import type { Measure, Outcome } from './measure.js';
import { MEASURES } from './measures.js';
import { readOptions } from './options.js';
import type { BenchOptions } from './options.js';
import { writeReport } from './report.js';
import { createRig } from './rig.js';
import { verdictOf } from './row.js';
import { rowTable, simulatorTable } from './table.js';

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

interface Run {
  readonly outcome: Outcome;
  readonly broke: readonly string[];
}

async function runAll(measures: readonly Measure[], cli: string): Promise<Run> {
  const rig = createRig(cli);
  const outcomes: Outcome[] = [];
  const broke: string[] = [];
  for (const { name, run } of measures) {
    const startedAt = Date.now();
    try {
      outcomes.push(await run(rig));
      progress(`  ${name}: ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`);
    } catch (err) {
      broke.push(`${name}: ${err instanceof Error ? err.message : String(err)}`);
      progress(`  ${name} BROKE: ${err instanceof Error ? (err.stack ?? err.message) : String(err)}`);
    }
  }
  return {
    outcome: {
      rows: outcomes.flatMap(({ rows }) => rows),
      simulators: outcomes.flatMap(({ simulators }) => simulators ?? []),
    },
    broke,
  };
}

async function bench(options: BenchOptions): Promise<number> {
  const cli = await findTemporalCli({ progress });
  const isWanted = ({ name, byNameOnly }: Measure): boolean =>
    options.only.length === 0 ? byNameOnly !== true : options.only.includes(name);
  const measures = MEASURES.filter(isWanted);
  const startedAt = new Date();
  const [loadBefore = 0] = loadavg();
  const { outcome, broke } = await runAll(measures, cli.file);
  const tookMs = Date.now() - startedAt.getTime();
  const machine = machineOf({ temporal: cli.version, startedAt, tookMs, loadBefore });
  const tables = `${rowTable(outcome.rows)}\n\n${simulatorTable(outcome.simulators ?? [])}`;
  process.stdout.write(`${machine}\n\n${tables}\n`);
  for (const what of broke) process.stdout.write(`\nnot measured: ${what}\n`);
  if (options.json !== null)
    await writeFile(options.json, `${JSON.stringify({ machine, ...outcome, broke }, null, 2)}\n`);
  if (options.write && broke.length === 0) await writeReport(`${machine}\n\n${tables}`);
  if (broke.length > 0) return 2;
  return options.check && outcome.rows.some((row) => verdictOf(row) === 'missed') ? 1 : 0;
}

const options = readOptions(
  process.argv.slice(2),
  MEASURES.map(({ name }) => name),
);
if (typeof options === 'string') {
  process.stderr.write(`${options}\n`);
  process.exitCode = 64;
} else {
  process.exitCode = await bench(options);
}
