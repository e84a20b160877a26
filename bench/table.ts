/** The tables as Markdown, which reads well on a terminal, too. Pure. */

import type { SimulatorTime } from './measure.js';
import { judgedValue, verdictOf } from './row.js';
import type { Row, Unit, Verdict } from './row.js';
import { percentile } from './statistics.js';

export function amount(value: number, unit: Unit): string {
  switch (unit) {
    case 'ms':
      return `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} ms`;
    case 's':
      return `${value.toFixed(Math.abs(value) < 10 ? 2 : 1)} s`;
    case '/s':
      return `${Math.round(value)}/s`;
    case 'MB':
      return `${value.toFixed(1)} MB`;
    case 'share':
      return value.toFixed(2);
    case 'count':
      return Number.isInteger(value) ? String(value) : value.toFixed(2);
  }
}

const VERDICTS: Readonly<Record<Verdict, string>> = { aim: 'yes', must: 'must, not aim', missed: '**no**' };

/** `72 ms (61..110, n=25)`: the judged value, then the range. */
function measured(row: Row): string {
  const { samples, unit } = row;
  const value = amount(judgedValue(row), unit);
  const range = `${amount(Math.min(...samples), unit)}..${amount(Math.max(...samples), unit)}`;
  const figures = samples.length === 1 ? value : `${value} (${range}, n=${samples.length})`;
  return row.note === undefined ? figures : `${figures}; ${row.note}`;
}

function goal(limit: number | null, { unit, goal: { direction } }: Row): string {
  if (limit === null) return '';
  return `${direction === 'at most' ? '≤' : '≥'} ${goalAmount(limit, unit)}`;
}

/** A goal is a round number. */
const goalAmount = (limit: number, unit: Unit): string =>
  unit === 'count' || unit === 'share' ? String(limit) : `${limit}${unit === '/s' ? '' : ' '}${unit}`;

function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map(() => '---');
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function rowTable(rows: readonly Row[]): string {
  const head = ['measure', 'anklet, measured', 'must', 'aim', 'Berth here', 'met?'];
  const lines = rows.map((row) => [
    row.measure,
    row.anklet,
    goal(row.goal.must, row),
    goal(row.goal.aim, row),
    measured(row),
    VERDICTS[verdictOf(row)],
  ]);
  return markdown(head, lines);
}

export function simulatorTable(times: readonly SimulatorTime[]): string {
  const head = ['what the simulators take', 'when', 'p50', 'min..max', 'n'];
  const lines = times
    .filter(({ samplesMs }) => samplesMs.length > 0)
    .map(({ what, when, samplesMs }) => [
      what,
      when,
      amount(percentile(samplesMs, 50), 'ms'),
      `${amount(Math.min(...samplesMs), 'ms')}..${amount(Math.max(...samplesMs), 'ms')}`,
      String(samplesMs.length),
    ]);
  return markdown(head, lines);
}
