/**
 * A lock between processes for work that is wasteful, not wrong, when done twice: its result is put in place by one
 * rename. So a lock whose owner died may be broken without more ado.
 */

import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface LockOptions {
  /** How often a waiting process looks again, in milliseconds. */
  readonly pollMs?: number;
  /** A lock that was not touched for this long belongs to a process that is dead (milliseconds). */
  readonly staleMs?: number;
  /** Called each time a waiting process looked in vain. `owner` is the process id in the lock. */
  readonly onWait?: (owner: string, waitedMs: number) => void;
}

/** Runs `work` while no other process holds `file`; waits as long as the holder lives. */
export async function withFileLock<T>(file: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { pollMs = 500, staleMs = 30_000, onWait } = options;
  await mkdir(dirname(file), { recursive: true });
  const since = Date.now();
  while (!(await take(file))) {
    if (await isStale(file, staleMs)) await rm(file, { force: true });
    else {
      onWait?.((await readFile(file, 'utf8').catch(() => '')).trim(), Date.now() - since);
      await delay(pollMs);
    }
  }
  const touch = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => undefined), staleMs / 4);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(`${process.pid}\n`).finally(() => handle.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(file: string, staleMs: number): Promise<boolean> {
  const touched = await stat(file).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > staleMs;
}
