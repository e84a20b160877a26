import { describe, expect, it } from 'vitest';
import { readDoc } from '../docs/markdown.js';
import { PROCESSES, STEPS } from './columns.js';
import { ANKA } from './rows/anka.js';
import { GITHUB } from './rows/github.js';
import { HOST_AGENT } from './rows/host-agent.js';
import { ORCHESTRATOR } from './rows/orchestrator.js';
import { RECEIVER } from './rows/receiver.js';
import { TEMPORAL_SERVER } from './rows/temporal-server.js';
import { BEGIN, END, missing, resultsIn, table, withTable } from './table.js';
import type { Result } from './table.js';

const ROWS = [RECEIVER, ORCHESTRATOR, HOST_AGENT, TEMPORAL_SERVER, GITHUB, ANKA];

const RESULTS: readonly Result[] = ROWS.flatMap(({ process, cells }) =>
  cells.map(({ step, kind, blow }) => ({ process, step, kind, blow, passed: true, seconds: 1 })),
);

const namesOf = (results: readonly Result[]): readonly string[] =>
  results.map(({ process, step, kind, blow }) => `${process}: ${step}: ${kind}, ${blow}`).sort();

describe('the fault suite', () => {
  it('strikes every process at every step', () => {
    expect(ROWS.map(({ process }) => process)).toEqual(PROCESSES);
    expect(missing(RESULTS)).toEqual([]);
    expect(PROCESSES.length * STEPS.length).toBeGreaterThanOrEqual(54);
  });

  it.each(ROWS.slice(0, 4))('kills the $process at every step', ({ cells }) => {
    const kills = cells.filter(({ kind }) => kind === 'kill -9');
    expect(STEPS.filter((step) => !kills.some((cell) => cell.step === step))).toEqual([]);
  });

  it('has cells of every process, and of every step, in the reduced set', () => {
    const reduced = ROWS.flatMap(({ process, cells }) =>
      cells.filter(({ isReduced }) => isReduced === true).map(({ step }) => ({ process, step })),
    );
    expect(PROCESSES.filter((process) => !reduced.some((cell) => cell.process === process))).toEqual([]);
    expect(STEPS.filter((step) => !reduced.some((cell) => cell.step === step))).toEqual([]);
  });

  it('is told of in docs/reliability.md: each of its cells, and no other ones', async () => {
    const { text } = await readDoc('docs/reliability.md');
    const told = resultsIn(text);
    expect(namesOf(told)).toEqual(namesOf(RESULTS));
  });
});

describe('the table', () => {
  const [first] = RESULTS;
  if (first === undefined) throw new Error('there are no cells');

  it('has a row for each process, a column for each step, and what became of each cell', () => {
    const lines = table([first, { ...first, kind: 'hang', passed: false }]).split('\n');
    expect(lines).toHaveLength(2 + PROCESSES.length);
    expect(lines[0]).toContain(STEPS.join(' | '));
    expect(lines[2]).toMatch(/^\| receiver \| kill -9 ✓, hang ✗ \| – \|/);
  });

  it('keeps what it said of cells that were not played this time', () => {
    const whole = withTable(`${BEGIN}\n${END}`, RESULTS);
    const failed = { ...first, passed: false, seconds: 99 };
    const after = resultsIn(withTable(whole, [failed]));
    expect(after).toHaveLength(RESULTS.length);
    expect(after).toContainEqual(failed);
    expect(after).not.toContainEqual(first);
    expect(namesOf(after)).toEqual(namesOf(RESULTS));
  });

  it('takes the place of the one before, and of nothing else', () => {
    const before = `Text\n\n${BEGIN}\n\nof last week\n\n${END}\n\nMore\n`;
    const after = withTable(before, RESULTS);
    expect(after).toMatch(/^Text\n\n/);
    expect(after).toMatch(/\n\nMore\n$/);
    expect(after).not.toContain('of last week');
    expect(after).toContain(table(RESULTS));
    expect(resultsIn(after)).toEqual(RESULTS);
    expect(() => withTable('no marks', RESULTS)).toThrow(/has no/);
  });
});
