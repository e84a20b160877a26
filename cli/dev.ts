import type { Command } from 'commander';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type pino from 'pino';
import { rolesOf } from '../config/roles.js';
import type { Config } from '../config/types.js';
import { SEARCH_ATTRIBUTES } from '../jobs/search-attributes.js';
import { startDevServer } from '../temporal/dev-server.js';
import { findTemporalCli } from '../temporal/find-cli.js';
import type { Role } from '../workers/role.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { defineRoleCommand } from './role-command.js';
import { startRoles } from './start-roles.js';

/** Where Temporal's own dev server has its UI. */
const UI_PORT = 8233;

export function define(command: Command, context: CliContext): void {
  defineRoleCommand(command, context, {
    name: 'dev',
    roles: rolesOf,
    start: async (config, log) => {
      const temporal = await startTemporal(config, log, context);
      return [...(await startRoles(config, log)), temporal];
    },
  });
}

/** Temporal's dev server as a role: its state is a file, so jobs outlive a restart of this machine. */
async function startTemporal(config: Config, log: pino.Logger, context: CliContext): Promise<Role> {
  const port = loopbackPort(config);
  const cli = await findTemporalCli({ progress: (line) => context.err(`${line}\n`), env: context.env });
  await mkdir(config.stateDir, { recursive: true });
  const server = await startDevServer({
    cli: cli.file,
    port,
    uiPort: UI_PORT,
    dbFile: join(config.stateDir, 'temporal.db'),
    namespace: config.temporal.namespace,
    searchAttributes: SEARCH_ATTRIBUTES.map(({ name }) => name),
    log,
    logFile: join(config.stateDir, 'temporal.log'),
  });
  context.err(`Temporal UI: ${server.uiUrl ?? 'none'}\n`);
  let isStopping = false;
  return {
    name: 'Temporal dev server',
    done: server.exited.then((how) => {
      if (!isStopping) throw new Error(`ended with ${how}`);
    }),
    stop: () => {
      isStopping = true;
      return server.stop();
    },
  };
}

function loopbackPort(config: Config): number {
  const { address } = config.temporal;
  const match = /^(?:localhost|127\.0\.0\.1|\[::1\]):(\d+)$/.exec(address);
  if (match !== null) return Number(match[1]);
  const reason = `berth dev starts Temporal on this machine, but ${config.file} has temporal.address ${address}`;
  throw new CommandError(EXIT.config, `${reason}: use berth run for a server that exists`);
}
