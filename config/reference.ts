/** The tables of `docs/reference/configuration.md`, from the schema. */

import type { z } from 'zod';
import { GONE_KEYS } from './gone-keys.js';
import { ENTRY, ROOT } from './schema.js';
import { leavesOf } from './shape.js';
import { notesOf } from './values.js';

type Section = 'top' | 'github' | 'github_receiver' | 'both' | 'gone';

/** Markdown tables by section. */
export function referenceTables(): Readonly<Record<Section, string>> {
  const entryRows = (only: string | undefined): string => rows(ENTRY, (notes) => notes?.only === only);
  return {
    top: rows(ROOT, () => true),
    both: entryRows(undefined),
    github: entryRows('github'),
    github_receiver: entryRows('github_receiver'),
    gone: table(
      ['Key', 'Instead'],
      Object.entries(GONE_KEYS).map(([key, instead]) => [`\`${key}\``, instead]),
    ),
  };
}

function rows(schema: z.ZodType, isWanted: (notes: ReturnType<typeof notesOf>) => boolean): string {
  const wanted = leavesOf(schema).filter((leaf) => isWanted(notesOf(leaf.schema)));
  const cells = wanted.map(({ path, schema: leaf }) => {
    const notes = notesOf(leaf);
    const value = `${notes?.expected ?? 'a list'}${notes?.secret ? ' (secret)' : ''}`;
    return [`\`${path.join('.')}\``, notes?.about ?? '', value, notes?.default ?? ''];
  });
  return table(['Key', 'Meaning', 'Value', 'Default'], cells);
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
