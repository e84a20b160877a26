/** A container's health check: exits 0 when the orchestrator of this machine takes tasks from Temporal. */

import { homedir, hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.js';
import { temporalSettings } from '../config/temporal-settings.js';
import { ORCHESTRATOR_QUEUE } from '../jobs/names.js';
import { connectClient } from '../temporal/connect.js';
import { isPolledFrom } from '../temporal/pollers.js';

const { config: path } = parseArgs({ options: { config: { type: 'string', short: 'c' } } }).values;
try {
  const { config } = loadConfig({ env: process.env, home: homedir(), ...(path !== undefined && { path }) });
  const client = await connectClient(temporalSettings(config.temporal));
  const isPolled = await isPolledFrom(client, ORCHESTRATOR_QUEUE, hostname());
  await client.connection.close();
  if (!isPolled) throw new Error(`no orchestrator of ${hostname()} takes tasks from ${config.temporal.address}`);
} catch (err) {
  console.error((err as Error).message);
  process.exitCode = 1;
}
