/** Starts and stops Temporal's dev server. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { withoutTemporalSettings } from './check-cli.js';
import { connectWhenUp } from './connect.js';
import { devServerArgs } from './dev-server-flags.js';
import { assertFree, freePort } from './free-port.js';
import { ensureNamespace, ensureSearchAttributes } from './setup.js';
import { tiedToUs } from './tied-process.js';

export interface DevServerOptions {
  /** The CLI's file, from `findTemporalCli`. */
  readonly cli: string;
  /** The frontend's port; a free one when not given. */
  readonly port?: number;
  /** The web UI's port; a free one when not given. */
  readonly uiPort?: number;
  /** No web UI. */
  readonly headless?: boolean;
  /** Where the server's own metrics are served; a port of its choice when not given. */
  readonly metricsPort?: number;
  /** Where the state is kept; without it, it ends with the server. */
  readonly dbFile?: string;
  readonly namespace: string;
  /** Names of the search attributes (type Keyword) to register. */
  readonly searchAttributes: readonly string[];
  /** Dynamic config beside Berth's own. */
  readonly settings?: Readonly<Record<string, number>>;
  readonly log: Logger;
  /** What the server prints goes here instead of to `log`. */
  readonly logFile?: string;
  /** How long it may take to answer, in milliseconds. */
  readonly startTimeoutMs?: number;
}

export interface DevServer {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | null;
  readonly pid: number;
  /** Settles when the server has ended, for whatever reason, with how it ended: `code 1`, `SIGTERM`. */
  readonly exited: Promise<string>;
  /** Ends the server and waits until it is gone. May be called twice. */
  stop(): Promise<void>;
}

/** The part of the server's output that an error shows. */
const TAIL_LINES = 8;

/** How a Go program says that it ends, before the many lines of where it was. */
const PANIC = /^\s*panic: /m;

/** After SIGTERM; then SIGKILL (milliseconds). */
const STOP_TIMEOUT_MS = 5_000;

/**
 * Starts a dev server on the loopback address with Berth's settings, and waits until it answers and has its namespace
 * (retention: 7 days) and search attributes. It ends with this process, even if this process is killed; it does not
 * see the terminal's Ctrl-C. When it ends by itself, `exited` settles and an error is logged.
 * @throws Error with the server's last words when it does not come up in time, or its port is taken
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  // Otherwise the server that has the port would be taken for ours.
  for (const port of [options.port, options.uiPort]) if (port !== undefined) await assertFree(port);
  if (options.dbFile !== undefined) await mkdir(dirname(options.dbFile), { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Between our choice of a free port and the server's use of it another process may have taken it.
      const isOurs = options.port === undefined || (options.uiPort === undefined && options.headless !== true);
      const isTaken = isOurs && /address already in use/i.test((error as Error).message);
      // So do its own: it chooses ports for its parts in the same way, and panics.
      const isPanic = PANIC.test((error as Error).message);
      if (!(isTaken || isPanic) || attempt === 3) throw error;
    }
  }
}

async function startOnce(options: DevServerOptions): Promise<DevServer> {
  const { cli, namespace, searchAttributes, settings = {}, log, startTimeoutMs = 30_000 } = options;
  const port = options.port ?? (await freePort());
  const uiPort = options.headless === true ? null : (options.uiPort ?? (await freePort()));
  const { metricsPort = null, dbFile = null } = options;
  const args = devServerArgs({ port, uiPort, metricsPort, dbFile, namespace, searchAttributes, settings });
  const server = await spawnTied(cli, args);
  const tail = followOutput(server.child, options);
  const address = `127.0.0.1:${port}`;
  try {
    await untilReady({ ...options, address, timeoutMs: startTimeoutMs, exited: server.exited });
  } catch (error) {
    await server.stop();
    throw new Error(`The Temporal dev server did not start: ${[(error as Error).message, ...tail].join('\n  ')}`, {
      cause: error,
    });
  }
  const uiUrl = uiPort === null ? null : `http://127.0.0.1:${uiPort}`;
  log.info({ address, uiUrl, pid: server.pid, dbFile: options.dbFile }, 'temporal dev server up');
  void server.exited.then((how) => {
    if (!server.isStopping()) log.error({ address, how, tail }, 'temporal dev server ended by itself');
  });
  return { address, namespace, uiUrl, pid: server.pid, exited: server.exited, stop: server.stop };
}

interface Spawned {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<string>;
  readonly isStopping: () => boolean;
  readonly stop: () => Promise<void>;
}

async function spawnTied(file: string, args: readonly string[]): Promise<Spawned> {
  const command = tiedToUs({ file, args });
  const child = spawn(command.file, [...command.args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: withoutTemporalSettings(process.env),
  });
  child.stdin.on('error', () => undefined);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    child.once('error', (error) => resolve(error.message));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command.file} cannot be run: ${await exited}`);
  // The watcher is of no use once the command has ended.
  void exited.then(() => signalGroup(pid, 'SIGKILL'));
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const late = new AbortController();
    const kill = delay(STOP_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => signalGroup(pid, 'SIGKILL'));
    await exited;
    late.abort();
    await kill.catch(() => undefined);
  };
  return { child, pid, exited, isStopping: () => stopping, stop };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** Sends the server's lines to the file or the log; answers its last ones, kept up to date. */
function followOutput(child: ChildProcess, { log, logFile }: DevServerOptions): readonly string[] {
  const tail: string[] = [];
  const file = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  file?.on('error', (error) => log.warn({ logFile, err: error }, 'temporal dev server log not written'));
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      if (line.trim() === '') return;
      tail.push(line);
      const first = PANIC.test(tail[0] ?? '') ? 1 : 0;
      tail.splice(first, tail.length - first - TAIL_LINES);
      if (file === undefined) log.debug({ line }, 'temporal dev server');
      else file.write(`${line}\n`);
    });
  }
  child.once('close', () => file?.end());
  return tail;
}

interface Readiness extends DevServerOptions {
  readonly address: string;
  readonly timeoutMs: number;
  readonly exited: Promise<string>;
}

/** Until the frontend answers and namespace and search attributes are there, or the server has ended. */
async function untilReady(input: Readiness): Promise<void> {
  const ended = input.exited.then((how) => {
    throw new Error(`it ended (${how})`);
  });
  ended.catch(() => undefined);
  await Promise.race([ready(input), ended]);
}

async function ready({ address, namespace, searchAttributes, log, timeoutMs }: Readiness): Promise<void> {
  const connection = await connectWhenUp(address, timeoutMs);
  try {
    await ensureNamespace(connection, { namespace, log });
    await ensureSearchAttributes(connection, { namespace, names: searchAttributes, log });
  } finally {
    await connection.close();
  }
}
