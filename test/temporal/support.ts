/** Things that the tests of this folder share. */

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import pino from 'pino';
import type { Logger } from 'pino';

/** A new folder under the system's one for temporary files. */
export const tempDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'berth-temporal-'));

export const removeDir = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true });

/** Writes an executable shell script, whole before it has its name. */
export async function script(file: string, body: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
  return file;
}

/** A script that answers `--version` as the Temporal CLI does. */
export const fakeCli = (file: string, version = '1.5.1 (Server 1.29.1, UI 2.42.1)'): Promise<string> =>
  script(file, `echo "temporal version ${version}"`);

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A logger that keeps its lines. */
export function keepingLog(): { readonly log: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const sink = new PassThrough();
  sink.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line) as LogLine);
  });
  return { log: pino({ level: 'trace' }, sink), lines };
}

/** Waits until the condition holds, at most `timeoutMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(20);
  }
}

/** Whether the process runs; one that has ended and only waits for its parent to notice does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await execa('ps', ['-o', 'stat=', '-p', String(pid)], { reject: false });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}
