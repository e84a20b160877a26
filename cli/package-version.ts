import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version in Berth's package.json, which is one folder up in the source and two in `dist`. */
export function packageVersion(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const file = [join(here, '..'), join(here, '..', '..')].map((dir) => join(dir, 'package.json')).find(existsSync);
  if (file === undefined) throw new Error('the installation is incomplete: there is no package.json beside `dist`');
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}
