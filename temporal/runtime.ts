/** The SDK's native core: one in a process. */

import { Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { temporalLogger } from '../logging/temporal-logger.js';

let installed = false;

/**
 * Sets up the native core: its logs (warnings and worse) go to `log`, and it leaves signals alone, because the process
 * stops its parts in an order of its own. Call it before the first connection or worker; later calls change nothing.
 */
export function installRuntime(log: Logger): void {
  if (installed) return;
  Runtime.install({
    logger: temporalLogger(log),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
  // The SDK ends its core with the last connection and makes the next one with the same options.
  installed = true;
}
