import type { Connection } from '@temporalio/client';
import type pino from 'pino';
import { temporalSettings } from '../config/temporal-settings.js';
import type { Config } from '../config/types.js';
import { lazyClient } from '../temporal/connect.js';
import { createJobStarter } from '../temporal/job-starter.js';
import type { JobStarter } from '../temporal/job-starter.js';
import { soon } from '../temporal/soon.js';
import { createCalls } from './calls.js';
import { prepareTemporal } from './prepare-temporal.js';
import { within } from './within.js';

/** How long letting go waits for calls that are still being tried again (milliseconds). */
const LAST_CALLS_MS = 500;

const PROBE_TIMEOUT_MS = 2_000;

/** The receiver's side of Temporal. */
export interface TemporalLink {
  readonly starter: JobStarter;
  /** Rejects while the namespace cannot be reached. */
  probe(): Promise<void>;
  release(): Promise<void>;
}

export type LinkConfig = Pick<Config, 'temporal' | 'github' | 'pool' | 'namePrefix'> &
  Partial<Pick<Config, 'unplaceableAfterMs' | 'forkPullRequests' | 'poolRules'>>;

/**
 * Connects whenever Temporal is there; until then calls fail.
 * @throws Error that names the TLS or key file that cannot be used
 */
export async function linkTemporal(config: LinkConfig, log: pino.Logger): Promise<TemporalLink> {
  const { pool, poolRules = [], namePrefix, github, unplaceableAfterMs, forkPullRequests } = config;
  const { namespace } = config.temporal;
  const client = await lazyClient(temporalSettings(config.temporal), log);
  const connection = client.connection as Connection;
  const calls = createCalls();
  const { searchAttributes, stop, done } = prepareTemporal({ connection, namespace, log });
  void calls.track(done);
  const hidesNames = config.temporal.codec !== null;
  const starter = createJobStarter({
    client,
    githubHost: github.webHost,
    pool,
    poolRules,
    namePrefix,
    searchAttributes,
    hidesNames,
    ...(unplaceableAfterMs !== undefined && { unplaceableAfterMs }),
    refusesForks: forkPullRequests === 'refuse',
  });
  const describe = () => connection.workflowService.describeNamespace({ namespace });
  return {
    starter: { accept: (start) => calls.track(starter.accept(start)) },
    async probe() {
      await calls.track(soon(connection, PROBE_TIMEOUT_MS, describe));
    },
    async release() {
      stop();
      // The SDK tries calls again from timers, and throws there, for nobody to catch, when the connection is closed.
      const closed = calls.settled().then(() => connection.close());
      await within(LAST_CALLS_MS, closed, () => new Error('late')).catch(() => undefined);
    },
  };
}
