/** A Temporal server of a test's own, which may be taken away: its state is in a file, so that it can come back. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { inject } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../jobs/search-attributes.js';
import type { TemporalAt } from '../../simulators/stack/stack-config.js';
import { startDevServer } from '../../temporal/dev-server.js';
import type { DevServer } from '../../temporal/dev-server.js';
import { freePort } from '../../temporal/free-port.js';

const NAMESPACE = 'berth';

export interface OwnTemporal {
  readonly at: TemporalAt;
  /** Of the process that runs now, or ran last. */
  readonly pid: () => number;
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Again at the same address, with the state it had. */
  readonly start: () => Promise<void>;
  /** For good: its state goes, too. */
  readonly close: () => Promise<void>;
}

export async function createOwnTemporal(): Promise<OwnTemporal> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-temporal-'));
  const port = await freePort();
  let current = await startServer(dir, port);
  return {
    at: { address: current.address, namespace: NAMESPACE },
    pid: () => current.pid,
    kill: async () => {
      // Its group: the watcher that ties it to us goes with it.
      process.kill(-current.pid, 'SIGKILL');
      await current.exited;
    },
    stop: () => current.stop(),
    start: async () => {
      current = await startServer(dir, port);
    },
    close: async () => {
      await current.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function startServer(dir: string, port: number): Promise<DevServer> {
  return startDevServer({
    cli: inject('temporalCli'),
    port,
    headless: true,
    dbFile: join(dir, 'temporal.db'),
    namespace: NAMESPACE,
    searchAttributes: SEARCH_ATTRIBUTES.map(({ name }) => name),
    log: pino({ level: 'silent' }),
    startTimeoutMs: 120_000,
  });
}
