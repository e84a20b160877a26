import { describe, expect, it } from 'vitest';
import { readOptions } from '../../bench/options.js';

const NAMES = ['latencies', 'cost'];

describe('options of the bench', () => {
  it('none: everything, nothing written', () =>
    expect(readOptions([], NAMES)).toEqual({ check: false, json: null, only: [], write: false }));

  it('--only may be repeated', () =>
    expect(readOptions(['--only', 'cost', '--only', 'latencies', '--check'], NAMES)).toMatchObject({
      only: ['cost', 'latencies'],
      check: true,
    }));

  it('a measure that is not there is refused with those that are', () =>
    expect(readOptions(['--only', 'speed'], NAMES)).toBe('there is no measure speed; there are latencies, cost'));

  it('a part of the table is not written into the document', () =>
    expect(readOptions(['--only', 'cost', '--write'], NAMES)).toMatch(/--write needs all/));

  it('an unknown option is refused with the usage', () =>
    expect(readOptions(['--fast'], NAMES)).toMatch(/npm run bench/));
});
