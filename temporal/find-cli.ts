/** Finds Temporal's CLI, which is the dev server: on this machine, or by getting it once. */

import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { buildCli, clock, hasGo } from './build-cli.js';
import { checkCli, isExecutable } from './check-cli.js';
import { CLI_VERSION, cachedCli, cliCacheDir, filled } from './cli-cache.js';
import { downloadCli } from './download-cli.js';
import { withFileLock } from './file-lock.js';

/** Where a CLI came from. */
export type CliSource = 'env' | 'path' | 'cache' | 'download' | 'build';

export interface TemporalCli {
  readonly file: string;
  /** As the CLI says it: its own and its server's. */
  readonly version: string;
  readonly source: CliSource;
}

export interface FindOptions {
  /** One line each time there is something to tell; the last one says what is used. */
  readonly progress: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
  /**
   * For the download, in milliseconds; 20 s: a machine without internet must go on to the build soon. Where Go is
   * missing there is nothing to go on to: only the service's first answer is held to it.
   */
  readonly downloadTimeoutMs?: number;
  readonly downloadService?: string;
  readonly tellEveryMs?: number;
}

const DOWNLOAD_TIMEOUT_MS = 20_000;
const DOWNLOAD_WITHOUT_GO_MS = 10 * 60_000;

/** Folders of builds that were killed are removed after this long (milliseconds). */
const LEFTOVER_AGE_MS = 6 * 3_600_000;

/**
 * The Temporal CLI, in the order of the design: `BERTH_TEMPORAL_CLI`, `temporal` on PATH, Berth's cache, the SDK's
 * download service, a build with Go. The last two fill the cache; several processes at once do it once.
 * @throws Error that names the four remedies when there is none, or why `BERTH_TEMPORAL_CLI` cannot be used
 */
export async function findTemporalCli(options: FindOptions): Promise<TemporalCli> {
  const cli = (await named(options)) ?? (await onPath(options)) ?? (await cached(options)) ?? (await obtained(options));
  options.progress(`Temporal dev server: ${cli.file} (${cli.version}), ${SOURCE_WORDS[cli.source]}`);
  return cli;
}

const SOURCE_WORDS: Readonly<Record<CliSource, string>> = {
  env: 'named by BERTH_TEMPORAL_CLI',
  path: 'found on PATH',
  cache: "from Berth's cache",
  download: 'downloaded',
  build: 'built with Go',
};

const envOf = (options: FindOptions): NodeJS.ProcessEnv => options.env ?? process.env;

/** What the operator names is used or refused, never passed over. */
async function named(options: FindOptions): Promise<TemporalCli | undefined> {
  const file = filled(envOf(options)['BERTH_TEMPORAL_CLI']);
  if (file === undefined) return undefined;
  const check = await checkCli(file);
  if (check.kind === 'bad') {
    throw new Error(`BERTH_TEMPORAL_CLI cannot be used: ${check.reason}. Name a Temporal CLI, or unset the variable.`);
  }
  if (check.kind === 'old') options.progress(`${file} is older than what Berth is tested with; used because named`);
  return { file, version: check.version, source: 'env' };
}

async function onPath(options: FindOptions): Promise<TemporalCli | undefined> {
  const folders = (envOf(options)['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of folders) {
    const file = join(folder, 'temporal');
    if (!(await isExecutable(file))) continue;
    const cli = await usable(file, 'path', options);
    if (cli !== undefined) return cli;
  }
  return undefined;
}

async function cached(options: FindOptions): Promise<TemporalCli | undefined> {
  const file = cachedCli({ ...options, env: envOf(options) });
  return (await isExecutable(file)) ? usable(file, 'cache', options) : undefined;
}

async function usable(file: string, source: CliSource, options: FindOptions): Promise<TemporalCli | undefined> {
  const check = await checkCli(file);
  if (check.kind === 'good') return { file, version: check.version, source };
  const reason = check.kind === 'bad' ? check.reason : `${file} is too old (${check.version})`;
  options.progress(`passed over: ${reason}`);
  return undefined;
}

/** Downloads or builds, one process at a time; the others find the result in the cache. */
async function obtained(options: FindOptions): Promise<TemporalCli> {
  const dir = cliCacheDir({ ...options, env: envOf(options) });
  let toldAt = -Infinity;
  const onWait = (owner: string, waitedMs: number): void => {
    if (waitedMs - toldAt < (options.tellEveryMs ?? 5_000)) return;
    toldAt = waitedMs;
    options.progress(`waiting for process ${owner}, which gets Temporal's CLI: ${clock(waitedMs)}`);
  };
  const work = async (): Promise<TemporalCli> => {
    const there = await cached(options);
    if (there !== undefined) return there;
    await removeLeftovers(dir);
    const go = await hasGo(envOf(options));
    return (await downloaded(dir, go, options)) ?? (await built(dir, go, options)) ?? nowhere();
  };
  return withFileLock(join(dir, 'lock'), work, { onWait });
}

async function downloaded(dir: string, go: boolean, options: FindOptions): Promise<TemporalCli | undefined> {
  const timeoutMs = options.downloadTimeoutMs ?? DOWNLOAD_TIMEOUT_MS;
  const totalMs = go ? timeoutMs : DOWNLOAD_WITHOUT_GO_MS;
  const { progress, downloadService: service } = options;
  const work = (inDir: string): Promise<string> => downloadCli({ dir: inDir, progress, timeoutMs, totalMs, service });
  return intoCache(dir, 'download', work, options);
}

async function built(dir: string, go: boolean, options: FindOptions): Promise<TemporalCli | undefined> {
  const { progress, tellEveryMs } = options;
  if (!go) {
    progress('not built: Go is not installed');
    return undefined;
  }
  const work = (inDir: string): Promise<string> => buildCli({ dir: inDir, env: envOf(options), progress, tellEveryMs });
  return intoCache(dir, 'build', work, options);
}

/** Gets the CLI into a folder of its own, tries it, and only then puts it in its place, in one step. */
async function intoCache(
  dir: string,
  source: 'download' | 'build',
  work: (inDir: string) => Promise<string>,
  options: FindOptions,
): Promise<TemporalCli | undefined> {
  const inDir = await mkdtemp(join(dir, 'new-'));
  try {
    const file = await work(inDir);
    const check = await checkCli(file);
    if (check.kind === 'bad') throw new Error(check.reason);
    const place = cachedCli({ ...options, env: envOf(options) });
    await rename(file, place);
    return { file: place, version: check.version, source };
  } catch (error) {
    options.progress(`not ${SOURCE_WORDS[source]}: ${(error as Error).message}`);
    return undefined;
  } finally {
    await rm(inDir, { recursive: true, force: true });
  }
}

async function removeLeftovers(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    const made = await stat(path).catch(() => undefined);
    const isOld = made !== undefined && Date.now() - made.mtimeMs > LEFTOVER_AGE_MS;
    if (name.startsWith('new-') && isOld) await rm(path, { recursive: true, force: true });
  }
}

function nowhere(): never {
  throw new Error(
    [
      "No Temporal CLI was found, and it could not be got (the lines above say why). It is Temporal's dev server. Either",
      '  - install it (macOS: brew install temporal; others: https://docs.temporal.io/cli) so that it is on PATH,',
      '  - or set BERTH_TEMPORAL_CLI to the file,',
      `  - or let this machine reach https://temporal.download, for Berth to download version ${CLI_VERSION},`,
      '  - or install Go (https://go.dev/dl), for Berth to build it.',
    ].join('\n'),
  );
}
