import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Env } from './env.js';
import { parseConfig } from './parse.js';
import type { LoadedConfig } from './parse.js';
import { ConfigError } from './problems.js';

export interface LoadOptions {
  /** As given with `-c`; without it the usual places are tried. */
  readonly path?: string;
  readonly env: Env;
  /** The user's home folder. */
  readonly home: string;
  /** Default: what the machine calls itself. */
  readonly hostname?: string;
}

/** Where a config is looked for: Berth's own place first, then anklet's. */
function usualPlaces({ env, home }: Pick<LoadOptions, 'env' | 'home'>): readonly string[] {
  const ankletName = env['ANKLET_CONFIG_FILE_NAME'] || 'config.yml';
  return [join(home, '.config', 'berth', 'config.yml'), join(home, '.config', 'anklet', ankletName)];
}

/**
 * Reads, checks and completes the config. The result is frozen.
 * @throws ConfigError with all problems at once (exit code 78)
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { env, home } = options;
  const places = options.path === undefined ? usualPlaces(options) : [options.path];
  for (const file of places) {
    const text = readIfThere(file);
    if (text !== undefined) return parseConfig(text, { file, env, home, hostname: options.hostname ?? hostname() });
  }
  const [first = '', ...others] = places;
  const expected = others.length === 0 ? 'a config file' : `a config file here or at ${others.join(', ')}, or -c FILE`;
  throw noFile(first, expected, 'none');
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (err) {
    const code = (err as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw noFile(file, 'a config file that can be read', code === 'EISDIR' ? 'a folder' : code);
  }
}

const noFile = (file: string, expected: string, found: string): ConfigError =>
  new ConfigError([{ file, line: null, column: null, variable: null, key: '', expected, found }]);
