/** Documents whose tables come from the code. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { expect } from 'vitest';
import { ROOT } from './markdown.js';

/**
 * Expects each table between its marks, `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
 * With UPDATE_DOCS=1 in the environment they are written there instead; the marks must be there in any case.
 * @param path of the document, relative to the repository
 * @param tables Markdown, by the name in their marks
 */
export async function expectTables(path: string, tables: Readonly<Record<string, string>>): Promise<void> {
  const file = join(ROOT, path);
  const before = await readFile(file, 'utf8');
  const filled = Object.entries(tables).reduce((text, [name, table]) => {
    const part = new RegExp(`(<!-- begin: ${name} -->)[^]*?(<!-- end: ${name} -->)`);
    expect(text).toMatch(part);
    return text.replace(part, (_all, begin: string, end: string) => `${begin}\n\n${table}\n\n${end}`);
  }, before);
  const after = await format(filled, { parser: 'markdown', printWidth: 120, singleQuote: true });
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(file, after);
  else expect(before).toBe(after);
}
