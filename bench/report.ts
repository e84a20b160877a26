/** docs/benchmarks.md: its tables are those of the last run with `--write`; the words around them are kept. */

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export type Part = 'bench' | 'placement';

/** Between what the tables of each part stand. */
const MARKS: Readonly<Record<Part, readonly [start: string, end: string]>> = {
  bench: ['<!-- bench: start (npm run bench -- --write) -->', '<!-- bench: end -->'],
  placement: ['<!-- placement: start (npm run bench:placement -- --write) -->', '<!-- placement: end -->'],
};

/** From the source tree as well as from the built code. */
function reportFile(): string {
  const candidates = ['../docs/benchmarks.md', '../../docs/benchmarks.md'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) throw new Error('docs/benchmarks.md is not where it should be');
  return found;
}

/** The text with what is between the marks replaced. @throws Error when a mark is missing */
export function withTables(text: string, tables: string, part: Part = 'bench'): string {
  const [first, last] = MARKS[part];
  const [start, end] = [text.indexOf(first), text.indexOf(last)];
  if (start < 0 || end < start)
    throw new Error('docs/benchmarks.md has lost its marks: put them back around the tables');
  return `${text.slice(0, start + first.length)}\n\n${tables}\n\n${text.slice(end)}`;
}

export async function writeReport(tables: string, part: Part = 'bench'): Promise<void> {
  const file = reportFile();
  await writeFile(file, withTables(await readFile(file, 'utf8'), tables, part));
}
