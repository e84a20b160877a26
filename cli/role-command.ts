import type { Command } from 'commander';
import type pino from 'pino';
import type { Role as RoleName } from '../config/roles.js';
import type { Config } from '../config/types.js';
import { createLogger } from '../logging/log.js';
import type { Role } from '../workers/role.js';
import { loadFor, withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { packageVersion } from './package-version.js';
import { runRoles } from './run-roles.js';

export interface RoleCommand {
  readonly name: string;
  readonly roles: (config: Config) => readonly RoleName[];
  /** @throws CommandError when the config lacks what the role needs */
  readonly start: (config: Config, log: pino.Logger) => Promise<readonly Role[]>;
}

/** Gives a command `-c FILE`, and lets it run its roles until a signal. */
export function defineRoleCommand(command: Command, context: CliContext, role: RoleCommand): void {
  withConfigOption(command).action(async (options: ConfigOption) => {
    const { config, file } = loadFor([], options, context);
    const { warnings } = loadFor(role.roles(config), options, context);
    const fileDir = config.log.fileDir;
    const log = createLogger({ role: role.name, version: packageVersion(), env: context.env, fileDir });
    log.info({ file }, 'config loaded');
    for (const warning of warnings) log.warn({ warning }, 'config warning');
    const roles = await role.start(config, log);
    await runRoles({ roles, config, name: role.name, log }, context);
  });
}
