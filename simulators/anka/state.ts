/** Reads what the host's folder says: its VMs and the calls of `anka`. */

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AnkaCall, AnkaVm } from './types.js';

const STATUSES = ['running', 'stopped', 'suspended', 'failed', 'cloning'] as const;

async function readEntry(folder: string): Promise<(AnkaVm & { readonly kind: string }) | undefined> {
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');
  const texts = await Promise.all([read('meta'), read('status')]).catch(() => undefined);
  const meta = texts?.[0].trim().split('|') ?? [];
  const [word, pid] = texts?.[1].trim().split(' ') ?? [];
  const [uuid, name] = meta;
  const [kind, home] = meta.slice(-2);
  const status = STATUSES.find((known) => known === word);
  if (!uuid || !name || kind === undefined || home === undefined || status === undefined) return undefined;
  const dead = status === 'cloning' && !(await isAlive(Number(pid)));
  return { uuid, name, kind, home: join(folder, home), status: dead ? 'failed' : status };
}

/** A process that ended but that nobody has waited for counts as dead. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !stat.includes(') Z ');
}

/** The entries of that kind in the library of the host in `dir`, by name. */
export async function readLibrary(dir: string, kind: 'vm' | 'template'): Promise<readonly AnkaVm[]> {
  const library = join(dir, 'library');
  const names = await readdir(library);
  const entries = await Promise.all(names.sort().map((name) => readEntry(join(library, name))));
  return entries.flatMap((entry) => {
    if (entry?.kind !== kind) return [];
    const { uuid, name, status, home } = entry;
    return [{ uuid, name, status, home }];
  });
}

async function readLog(path: string): Promise<readonly AnkaCall[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AnkaCall);
}

/** All calls so far, in the order in which they began. */
export async function readCalls(dir: string): Promise<readonly AnkaCall[]> {
  const ended = await readLog(join(dir, 'commands.log'));
  const begun = await readLog(join(dir, 'started.log'));
  const key = (call: AnkaCall): string => `${call.pid}/${call.start}`;
  const byKey = new Map(ended.map((call) => [key(call), call]));
  return begun.map((call) => byKey.get(key(call)) ?? call).sort((a, b) => a.start - b.start);
}
