/** Where Berth keeps the Temporal CLI that it got for itself. */

import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The CLI that Berth gets when none is there. It is the last one that `go install module@version` can build: later
 * modules have replace directives, which that command refuses.
 */
export const CLI_VERSION = '1.5.1';

/** What the folder depends on. */
export interface CacheEnv {
  readonly env: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
}

/** The folder of the cached CLI: `~/Library/Caches/berth/…` on macOS, else `$XDG_CACHE_HOME` or `~/.cache`. */
export function cliCacheDir({ env, platform = process.platform }: CacheEnv): string {
  const home = filled(env['HOME']) ?? homedir();
  const xdg = filled(env['XDG_CACHE_HOME']);
  const base = xdg ?? (platform === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache'));
  return join(base, 'berth', 'temporal', CLI_VERSION);
}

/** The cached CLI itself, whether or not it exists. */
export const cachedCli = (cache: CacheEnv): string => join(cliCacheDir(cache), 'temporal');

/** The value, if it is there and not empty. */
export function filled(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
