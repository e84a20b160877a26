import type { Command } from 'commander';
import { startHost } from '../workers/host-role.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { packageVersion } from './package-version.js';
import { defineRoleCommand } from './role-command.js';

export function define(command: Command, context: CliContext): void {
  defineRoleCommand(command, context, {
    name: 'host',
    roles: () => ['host'],
    start: async (config, log) => {
      if (config.slots.length === 0) {
        throw new CommandError(
          EXIT.config,
          `${config.file} has no entry with plugin: github, so this host has no slot`,
        );
      }
      return [startHost(config, packageVersion(), log)];
    },
  });
}
