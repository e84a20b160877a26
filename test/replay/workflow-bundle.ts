/** Bundles of the workflows as they are in the source now, and of versions that somebody might deploy next. */

import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';
import { ROOT } from '../docs/markdown.js';

/** A change of one source file: what is inserted after the only line that matches, and what it needs from the SDK. */
export interface Change {
  readonly file: string;
  readonly after: RegExp;
  readonly insert: string;
  readonly needs?: readonly string[];
}

/** What workflows are made of. */
const SOURCES = ['workflows', 'jobs', 'placement', 'activities/contracts.ts'];

/** The code of a bundle, for `codePath` or `code` of a worker. */
async function bundleOf(folder: string): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(folder, 'workflows', 'index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  return code;
}

export const currentBundle = (): Promise<string> => bundleOf(ROOT);

/** @throws Error when a change finds no place, or more than one */
export async function bundleWith(changes: readonly Change[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-variant-'));
  try {
    for (const source of SOURCES) await cp(join(ROOT, source), join(folder, source), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    for (const change of changes) await apply(folder, change);
    return await bundleOf(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function apply(folder: string, { file, after, insert, needs = [] }: Change): Promise<void> {
  const path = join(folder, file);
  const lines = (await readFile(path, 'utf8')).split('\n');
  const places = lines.flatMap((line, index) => (after.test(line) ? [index] : []));
  const [place] = places;
  if (place === undefined || places.length > 1) {
    throw new Error(`${file} has ${places.length} lines like ${after.source}; the variant needs exactly one`);
  }
  lines.splice(place + 1, 0, insert);
  // Under names of their own: the file, or another change of it, may import the same.
  const imports = needs.map((name) => `import { ${name} as next_${name} } from '@temporalio/workflow';`);
  await writeFile(path, [...imports.filter((line) => !lines.includes(line)), ...lines].join('\n'));
}
