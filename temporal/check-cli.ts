/** Whether a file is a Temporal CLI that Berth can use. */

import { access, constants, stat } from 'node:fs/promises';
import { execa } from 'execa';

/** Older servers lack the user metadata (summaries, details) that make workflows readable in the UI. */
const OLDEST_SERVER: readonly [number, number] = [1, 26];

/** A binary of 250 MB that is read from a cold disk takes seconds to start. */
const VERSION_TIMEOUT_MS = 30_000;

export type CliCheck =
  | { readonly kind: 'good'; readonly version: string }
  | { readonly kind: 'old'; readonly version: string }
  | { readonly kind: 'bad'; readonly reason: string };

/** Runs `FILE --version` and reads the answer, such as `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`. */
export async function checkCli(file: string): Promise<CliCheck> {
  if (!(await isExecutable(file))) return { kind: 'bad', reason: `${file} is not an executable file` };
  const result = await execa(file, ['--version'], {
    reject: false,
    timeout: VERSION_TIMEOUT_MS,
    stdin: 'ignore',
    extendEnv: false,
    env: withoutTemporalSettings(process.env),
  });
  if (result.timedOut) return { kind: 'bad', reason: `${file} --version did not end within 30 s` };
  const version = /^temporal version (.+)$/m.exec(result.stdout)?.[1]?.trim();
  if (result.exitCode !== 0 || version === undefined) {
    return { kind: 'bad', reason: `${file} --version did not answer as a Temporal CLI does` };
  }
  return { kind: isOld(version) ? 'old' : 'good', version };
}

/** `TEMPORAL_*` settings are for clients of some other server; they must not reach ours. */
export function withoutTemporalSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith('TEMPORAL_')));
}

/** Whether this is a file that we may execute. */
export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

function isOld(version: string): boolean {
  const server = /Server (\d+)\.(\d+)/.exec(version);
  if (server === null) return false;
  const [major, minor] = [Number(server[1]), Number(server[2])];
  const [oldestMajor, oldestMinor] = OLDEST_SERVER;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}
