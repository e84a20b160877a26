import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command in place of `anka`: notes its arguments, then does what the test wrote. */
export interface FakeAnka {
  readonly path: string;
  readonly folder: string;
  /** The arguments of each call so far. */
  readonly calls: () => Promise<readonly (readonly string[])[]>;
  readonly remove: () => Promise<void>;
}

/** @param script bash; `$*` are the arguments without `-j`, `$FOLDER` a folder of the test's */
export async function createFakeAnka(script: string): Promise<FakeAnka> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-anka-'));
  const path = join(folder, 'anka');
  const note = `FOLDER='${folder}'\nprintf '%s\\0' "$@" END >>"$FOLDER/calls"\n[ "$1" != -j ] || shift\n`;
  await writeFile(path, `#!/bin/bash\n${note}${script}\n`, { mode: 0o755 });
  return {
    path,
    folder,
    calls: async () => {
      const text = await readFile(join(folder, 'calls'), 'utf8').catch(() => '');
      return text
        .split('END\0')
        .slice(0, -1)
        .map((call) => call.split('\0').slice(0, -1));
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
