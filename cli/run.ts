import type { Command } from 'commander';
import { rolesOf } from '../config/roles.js';
import type { CliContext } from './context.js';
import { defineRoleCommand } from './role-command.js';
import { startRoles } from './start-roles.js';

export function define(command: Command, context: CliContext): void {
  defineRoleCommand(command, context, { name: 'run', roles: rolesOf, start: startRoles });
}
