/** Hosts for one test each, calls of their `anka`, and waiting for a condition. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createAnkaHost } from '../../simulators/anka/host.js';
import type { AnkaHost, AnkaHostOptions, AnkaTemplate } from '../../simulators/anka/host.js';

export const TEMPLATE: AnkaTemplate = {
  uuid: 'c12ccfa5-8757-411e-9505-128190e9854e',
  name: 'macos-15',
  tag: 'v1',
  runner: false,
};

export interface Reply {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Envelope {
  readonly status: string;
  readonly code?: number;
  readonly body: unknown;
  readonly message: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly done: Promise<Reply>;
}

const hosts: AnkaHost[] = [];

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.destroy()));
});

export async function newHost(options: Partial<AnkaHostOptions> = {}): Promise<AnkaHost> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'berth-anka-')));
  const host = await createAnkaHost({ templates: [TEMPLATE], ...options, dir });
  hosts.push(host);
  return host;
}

/** Starts `anka` with these arguments; `input` goes to its standard input. */
export function begin(host: AnkaHost, args: readonly string[], input?: string): Running {
  const child = spawn('anka', args, { env: { ...process.env, ...host.env() }, stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const done = new Promise<Reply>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return { child, done };
}

export const anka = (host: AnkaHost, ...args: readonly string[]): Promise<Reply> => begin(host, args).done;

/** Runs `anka -j …` and reads the envelope in its last line. */
export async function ask(
  host: AnkaHost,
  ...args: readonly string[]
): Promise<Envelope & { readonly exit: number | null }> {
  const { code, out } = await anka(host, '-j', ...args);
  const last = out.trim().split('\n').at(-1) ?? '';
  return { ...(JSON.parse(last) as Envelope), exit: code };
}

/** A VM that runs. */
export async function startedVm(host: AnkaHost, name: string): Promise<void> {
  for (const args of [
    ['clone', TEMPLATE.uuid, name],
    ['start', name],
  ]) {
    const { code, err } = await anka(host, ...args);
    if (code !== 0) throw new Error(`anka ${args.join(' ')}: ${err}`);
  }
}

/** Waits until `condition` gives something; fails after `withinMs`. */
export async function until<T>(condition: () => Promise<T | undefined | false>, withinMs = 10_000): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`not so within ${withinMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The ids of all processes that carry this host's mark in their environment. */
export async function guestProcesses(host: AnkaHost): Promise<readonly number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const marks = await Promise.all(
    ids.map(async (id) => {
      const environ = await readFile(join('/proc', id, 'environ'), 'utf8').catch(() => '');
      return environ.split('\0').includes(`ANKA_SIM_HOST=${host.dir}`) ? [Number(id)] : [];
    }),
  );
  return marks.flat();
}

/** The text of a file, or undefined while it is not there or empty. */
export const textOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (text) => (text === '' ? undefined : text),
    () => undefined,
  );

/** What was killed takes a moment to be gone, on a loaded machine. */
export const untilNoGuests = (host: AnkaHost): Promise<unknown> =>
  until(async () => (await guestProcesses(host)).length === 0);
