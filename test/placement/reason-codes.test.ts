import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { OBSTACLES, PASSED } from '../../placement/reasons.js';

const WORDS = { ...OBSTACLES, ...PASSED };

it('every code of a reason, and no other, has its row in docs/explanation/placement.md', async () => {
  const text = await readFile(new URL('../../docs/explanation/placement.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (.+?) \|/gm)].map(([, code, words]) => [code, words]);
  const concernAll = ['no-host', 'no-slot', 'no-label', 'too-big', 'taken', 'outside', 'no-dispatcher'];
  expect(rows.map(([code]) => code).sort()).toEqual([...Object.keys(WORDS), ...concernAll].sort());
  const written = Object.fromEntries(rows) as Record<string, string>;
  for (const [code, words] of Object.entries(WORDS)) expect(written[code]).toBe(words);
});
