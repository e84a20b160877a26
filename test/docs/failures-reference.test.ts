import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FAILURES } from '../../jobs/failures.js';
import { failureTables } from '../../jobs/failures-reference.js';
import { REMEDIES } from '../../jobs/remedies.js';
import { expectTables } from './generated-tables.js';
import { ROOT } from './markdown.js';

it('docs/reference/failures.md has the tables of the code (UPDATE_DOCS=1 rewrites them)', () =>
  expectTables('docs/reference/failures.md', failureTables()));

it('every class is that of some failure', () => {
  const used = new Set(Object.values(FAILURES).map(({ remedy }) => remedy));
  expect(Object.keys(REMEDIES).filter((name) => !used.has(name as keyof typeof REMEDIES))).toEqual([]);
});

/** Where failures are thrown; the tables themselves do not count. */
const FOLDERS = [
  'activities',
  'agent',
  'github',
  'jobs',
  'placement',
  'providers',
  'receiver',
  'temporal',
  'workflows',
];

async function sources(folder: string): Promise<string> {
  const files = (await readdir(join(ROOT, folder), { recursive: true })).filter((file) => file.endsWith('.ts'));
  const own = files.filter((file) => !/^failures(-reference)?\.ts$/.test(file));
  return (await Promise.all(own.map((file) => readFile(join(ROOT, folder, file), 'utf8')))).join('\n');
}

it('every failure of the table is thrown somewhere', async () => {
  const code = (await Promise.all(FOLDERS.map(sources))).join('\n');
  expect(Object.keys(FAILURES).filter((type) => !new RegExp(`'${type}'|class ${type} `).test(code))).toEqual([]);
});
