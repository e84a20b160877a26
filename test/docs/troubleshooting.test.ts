import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAILURES, NOTICES } from '../../jobs/failures.js';

const FILE = join(import.meta.dirname, '..', '..', 'docs', 'troubleshooting.md');

const CODES = { ...FAILURES, ...NOTICES };

interface Row {
  readonly code: string;
  /** What you see, what it means, what to do. */
  readonly cells: readonly string[];
}

/** The rows of the tables whose first cell is a code. No cell holds a bar of its own. */
async function readRows(): Promise<readonly Row[]> {
  const lines = (await readFile(FILE, 'utf8')).split('\n').filter((line) => /^\| *BERTH-/.test(line));
  return lines.map((line) => {
    const [code = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return { code, cells };
  });
}

describe('docs/troubleshooting.md', () => {
  let rows: readonly Row[];
  beforeAll(async () => {
    rows = await readRows();
  });

  it.each(Object.entries(CODES))('has one complete row for %s', (type, { code }) => {
    const own = rows.filter((row) => row.code === code);
    expect(own).toHaveLength(1);
    const cells = own[0]?.cells ?? [];
    expect(cells).toHaveLength(3);
    for (const cell of cells) expect(cell).not.toBe('');
    expect(cells[0]).toContain(`\`${type}\``);
  });

  it('has no row for a code that does not exist', () => {
    const known = new Set<string>(Object.values(CODES).map(({ code }) => code));
    expect(rows.map(({ code }) => code).filter((code) => !known.has(code))).toEqual([]);
  });
});
