/** A `berth` command as a real process: started, watched by its log lines, stopped or killed. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tiedToUs } from '../../temporal/tied-process.js';

export interface BerthCommand {
  /** For messages: `receiver`, `host mini-1`. */
  readonly name: string;
  /** After `berth`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The folder of another Berth than this one, as after an upgrade. */
  readonly installation?: string | undefined;
  /** The message of the log line that says it is ready. */
  readonly readyMessage: string;
}

export interface BerthProcess {
  readonly name: string;
  readonly pid: number;
  /** Everything it printed so far, line by line. */
  readonly output: readonly string[];
  /** When it has ended, and all that it printed is in `output`. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, then waits for the end. */
  readonly stop: () => Promise<void>;
  /** SIGKILL, as a crash. */
  readonly kill: () => Promise<void>;
  /** Resolves at the first line, past or to come, for which this is true. */
  readonly waitForLine: (matches: (line: string) => boolean, timeoutMs?: number) => Promise<string>;
}

const READY_TIMEOUT_MS = 120_000;

/** After SIGTERM; a process that takes longer is killed. */
const STOP_TIMEOUT_MS = 20_000;

/** `bin/berth.js`, from the source tree as well as from the built code. */
function berthBin(installation?: string): string {
  if (installation !== undefined) return join(installation, 'bin', 'berth.js');
  const candidates = ['../../bin/berth.js', '../../../bin/berth.js'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) throw new Error('bin/berth.js is not where it should be');
  return found;
}

/**
 * Starts it; it ends with us, however we end. Where it does not become ready nothing of it is left.
 *
 * @throws Error with the end of its output when it ends, or says nothing, before it is ready
 */
export async function startBerth(command: BerthCommand): Promise<BerthProcess> {
  const { file, args } = tiedToUs({ file: process.execPath, args: [berthBin(command.installation), ...command.args] });
  const child = spawn(file, args, {
    env: { ...process.env, ...command.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const berth = watch(command.name, child);
  const isReady = (line: string): boolean => line.includes(`"msg":"${command.readyMessage}"`);
  try {
    await berth.waitForLine(isReady, READY_TIMEOUT_MS);
  } catch (err) {
    await berth.kill();
    throw err;
  }
  return berth;
}

function watch(name: string, child: ChildProcess): BerthProcess {
  const output: string[] = [];
  const listeners = new Set<() => void>();
  const changed = (): void => listeners.forEach((listener) => listener());
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      output.push(line);
      changed();
    });
  }
  let hasExited = false;
  // Not `exit`: what it said last may still be in the pipes then.
  const exited = once(child, 'close').then(([code]) => {
    hasExited = true;
    changed();
    return code as number | null;
  });

  const waitForLine = (matches: (line: string) => boolean, timeoutMs = 60_000): Promise<string> =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const fail = (why: string): void =>
        settle(() => reject(new Error(`${name} ${why}\n${output.slice(-20).join('\n')}`)));
      const timer = setTimeout(() => fail(`did not say what was waited for within ${timeoutMs / 1000} s`), timeoutMs);
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        listeners.delete(look);
        then();
      };
      const look = (): void => {
        for (; seen < output.length; seen++) {
          const line = output[seen] ?? '';
          if (matches(line)) return settle(() => resolve(line));
        }
        if (hasExited) fail('ended');
      };
      listeners.add(look);
      look();
    });

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (hasExited) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  const stop = (): Promise<void> => end('SIGTERM');
  return { name, pid: child.pid ?? -1, output, exited, stop, kill: () => end('SIGKILL'), waitForLine };
}
