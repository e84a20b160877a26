import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/**
 * Resident memory of a process in MB of 2^20 bytes: the budgets count so (their 39 MB for a bare `node` is 40,444 kB).
 * @throws Error when there is no such process
 */
export async function rssMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  const kilobytes = status === undefined ? await rssByPs(pid) : /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined || kilobytes === '') throw new Error(`process ${pid} has no memory to measure`);
  return Number(kilobytes) / 1_024;
}

async function rssByPs(pid: number): Promise<string> {
  return (await exec('ps', ['-o', 'rss=', '-p', String(pid)])).stdout.trim();
}
