import type pino from 'pino';
import { rolesOf } from '../config/roles.js';
import type { Config } from '../config/types.js';
import { startHost } from '../workers/host-role.js';
import { startOrchestrator } from '../workers/orchestrator-role.js';
import type { Role } from '../workers/role.js';
import { CommandError, EXIT } from './exit-codes.js';
import { packageVersion } from './package-version.js';
import { startReceiver } from './receiver-role.js';

/**
 * Starts every role that a config names, the host last: what it announces should find somebody who listens. They come
 * in the order in which they are to be stopped: the orchestrator after the host, which cleans up through it.
 * @throws CommandError when the config names none
 */
export async function startRoles(config: Config, log: pino.Logger): Promise<readonly Role[]> {
  const names = rolesOf(config).filter((name) => name !== 'metrics');
  if (names.length === 0) throw new CommandError(EXIT.config, `${config.file} names no role that this version has`);
  const version = packageVersion();
  const receiver = names.includes('receiver') ? [await startReceiver(config, log)] : [];
  const orchestrator = names.includes('orchestrator') ? [startOrchestrator(config, version, log)] : [];
  const host = names.includes('host') ? [startHost(config, version, log)] : [];
  return [...receiver, ...host, ...orchestrator];
}
