import type { Command } from 'commander';
import type { CliContext } from './context.js';
import { packageVersion } from './package-version.js';

export function define(command: Command, { out }: CliContext): void {
  command.action(() => out(`${packageVersion()}\n`));
}
