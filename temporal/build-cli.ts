/** Builds the Temporal CLI with Go. */

import { execa } from 'execa';
import { CLI_VERSION } from './cli-cache.js';

const GO_MODULE = `github.com/temporalio/cli/cmd/temporal@v${CLI_VERSION}`;

/** Three to five minutes on two cores; a slow line or processor may need a few times that. */
const BUILD_TIMEOUT_MS = 45 * 60_000;

export interface BuildOptions {
  /** An existing, empty folder: where Go puts the binary. */
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
  /** How often progress is told, in milliseconds. */
  readonly tellEveryMs?: number | undefined;
}

/** Whether `go` can be run. */
export async function hasGo(env: NodeJS.ProcessEnv): Promise<boolean> {
  const result = await execa('go', ['version'], { reject: false, extendEnv: false, env, timeout: 20_000 });
  return result.exitCode === 0;
}

/**
 * `go install`s the CLI into `dir`, telling how many modules are downloaded and packages compiled, and for how long.
 * @returns the binary
 * @throws Error with the last lines of Go's own message
 */
export async function buildCli({ dir, env, progress, tellEveryMs = 5_000 }: BuildOptions): Promise<string> {
  const since = Date.now();
  const count = { modules: 0, packages: 0 };
  const tail: string[] = [];
  const build = execa('go', ['install', '-v', GO_MODULE], {
    reject: false,
    extendEnv: false,
    env: { ...env, GOBIN: dir },
    cwd: dir,
    stdin: 'ignore',
    stdout: 'ignore',
    buffer: false,
    timeout: BUILD_TIMEOUT_MS,
  });
  progress(`building Temporal's CLI ${CLI_VERSION} with Go: three to five minutes on two cores, only this once`);
  const tell = setInterval(() => progress(buildProgress(count, Date.now() - since)), tellEveryMs);
  try {
    for await (const line of build.iterable({ from: 'stderr' })) {
      if (line.startsWith('go: downloading ')) count.modules += 1;
      else if (/^[\w.~+/-]+$/.test(line)) count.packages += 1;
      else tail.push(line);
    }
  } finally {
    clearInterval(tell);
  }
  const result = await build;
  if (result.exitCode !== 0) throw new Error(`go install ${GO_MODULE} failed: ${tail.slice(-5).join(' | ')}`);
  progress(`built ${buildProgress(count, Date.now() - since).replace(/^building /, '')}`);
  return `${dir}/temporal`;
}

/** One line, such as `building Temporal's CLI: 1:05, 312 packages compiled, 140 modules downloaded`. */
function buildProgress(count: { readonly modules: number; readonly packages: number }, elapsedMs: number): string {
  const downloaded = count.modules === 0 ? '' : `, ${count.modules} modules downloaded`;
  return `building Temporal's CLI: ${clock(elapsedMs)}, ${count.packages} packages compiled${downloaded}`;
}

/** Minutes and seconds: `1:05`. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
