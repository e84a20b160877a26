import type { Command } from 'commander';
import { startOrchestrator } from '../workers/orchestrator-role.js';
import type { CliContext } from './context.js';
import { packageVersion } from './package-version.js';
import { defineRoleCommand } from './role-command.js';

export function define(command: Command, context: CliContext): void {
  defineRoleCommand(command, context, {
    name: 'orchestrator',
    roles: () => ['orchestrator'],
    start: async (config, log) => [startOrchestrator(config, packageVersion(), log)],
  });
}
