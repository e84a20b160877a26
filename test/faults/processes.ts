/** The processes of this machine: whether one is there, and making one stand still. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { until } from '../e2e/support.js';

const exec = promisify(execFile);

export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Its letter, as `ps` shows it: `T` is a process that stands still. */
async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat !== undefined) return stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
  const { stdout } = await exec('ps', ['-o', 'state=', '-p', String(pid)]);
  return stdout.trim().charAt(0);
}

/** Stops it (SIGSTOP), and waits until it has. @throws Error when there is no such process */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(`process ${pid} stands still`, async () => (await stateOf(pid)) === 'T', 60_000);
}
