import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../docs/markdown.js';

export interface Installation {
  readonly folder: string;
  readonly remove: () => Promise<void>;
}

/** Another version of Berth beside the built one, as a package manager would install it: other workflows, all else equal. */
export async function installation(version: string, workflowBundle: string): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), `berth-${version}-`));
  for (const part of ['bin', 'dist']) await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'dist', 'workflow-bundle.js'), workflowBundle);
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
