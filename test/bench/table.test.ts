import { describe, expect, it } from 'vitest';
import { withTables } from '../../bench/report.js';
import { judgedValue, verdictOf } from '../../bench/row.js';
import type { Row } from '../../bench/row.js';
import { amount, rowTable, simulatorTable } from '../../bench/table.js';

const latency: Row = {
  measure: 'webhook → clone',
  anklet: '3.94 s',
  unit: 'ms',
  judged: 'p50',
  goal: { direction: 'at most', must: 120, aim: 75 },
  samples: [70, 300, 80],
};
const rate: Row = { ...latency, unit: '/s', judged: 'worst', goal: { direction: 'at least', must: 200, aim: 300 } };

describe('the judged value', () => {
  it('is the median', () => expect(judgedValue(latency)).toBe(80));
  it('is the greatest where less is better', () => expect(judgedValue({ ...latency, judged: 'worst' })).toBe(300));
  it('is the smallest where more is better', () => expect(judgedValue(rate)).toBe(70));
});

describe('the verdict', () => {
  it.each([
    ['at most', 75, 'aim'],
    ['at most', 76, 'must'],
    ['at most', 120, 'must'],
    ['at most', 121, 'missed'],
    ['at least', 300, 'aim'],
    ['at least', 299, 'must'],
    ['at least', 200, 'must'],
    ['at least', 199, 'missed'],
  ] as const)('%s, with %i: %s', (direction, value, expected) => {
    const row = direction === 'at most' ? latency : rate;
    expect(verdictOf({ ...row, samples: [value] })).toBe(expected);
  });

  it('is met in full where there is no aim beyond the must', () => {
    const once: Row = { ...latency, unit: 'count', goal: { direction: 'at most', must: 1, aim: null }, samples: [1] };
    expect(verdictOf(once)).toBe('aim');
    expect(verdictOf({ ...once, samples: [2] })).toBe('missed');
  });
});

describe('amounts', () => {
  it.each([
    [3.14159, 'ms', '3.1 ms'],
    [0.04321, 'ms', '0.043 ms'],
    [72.6, 'ms', '73 ms'],
    [0.1534, 's', '0.15 s'],
    [13.27, 's', '13.3 s'],
    [-0.004, 's', '-0.00 s'],
    [254.4, '/s', '254/s'],
    [98.76, 'MB', '98.8 MB'],
    [0.974, 'share', '0.97'],
    [8, 'count', '8'],
    [8.02, 'count', '8.02'],
  ] as const)('%d %s reads %s', (value, unit, text) => expect(amount(value, unit)).toBe(text));
});

describe('the table', () => {
  const lines = rowTable([latency, { ...rate, samples: [150], note: 'why' }]).split('\n');

  it('has a head, and a line for each row with as many cells', () => {
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line.split('|')).toHaveLength(8);
  });

  it('says value, range and number, goals and verdict', () =>
    expect(lines[2]).toBe(
      '| webhook → clone | 3.94 s | ≤ 120 ms | ≤ 75 ms | 80 ms (70 ms..300 ms, n=3) | must, not aim |',
    ));

  it('gives one sample without a range, then the note, and marks what is missed', () =>
    expect(lines[3]).toBe('| webhook → clone | 3.94 s | ≥ 200/s | ≥ 300/s | 150/s; why | **no** |'));
});

it('what the simulators take is a line each; what never ran is none', () => {
  const times = [
    { what: '`anka clone`', when: 'idle', samplesMs: [9, 12, 10] },
    { what: '`anka stop`', when: 'idle', samplesMs: [] },
  ];
  expect(simulatorTable(times).split('\n').slice(2)).toEqual(['| `anka clone` | idle | 10 ms | 9 ms..12 ms | 3 |']);
});

describe('the document', () => {
  const [start, end] = ['<!-- bench: start (npm run bench -- --write) -->', '<!-- bench: end -->'];

  it('keeps what is around the tables', () =>
    expect(withTables(`before\n${start}\nold\n${end}\nafter`, 'new')).toBe(`before\n${start}\n\nnew\n\n${end}\nafter`));

  it('is written twice to the same effect', () => {
    const once = withTables(`${start}${end}`, 'new');
    expect(withTables(once, 'new')).toBe(once);
  });

  it.each([`${start} no end`, 'none', `${end} ${start}`])('without its marks is refused: %s', (text) =>
    expect(() => withTables(text, 'new')).toThrow(/marks/),
  );
});
