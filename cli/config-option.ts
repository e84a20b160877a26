import type { Command } from 'commander';
import { loadConfig } from '../config/load.js';
import type { LoadedConfig } from '../config/parse.js';
import { warningsForRoles } from '../config/roles.js';
import type { Role } from '../config/roles.js';
import type { CliContext } from './context.js';

export interface ConfigOption {
  readonly config?: string;
}

/** `-c FILE`, as anklet had it. */
export const withConfigOption = (command: Command): Command =>
  command.option('-c, --config <file>', 'config file (default: ~/.config/berth/config.yml, then anklet’s)');

/**
 * The config for a process with these roles, with all its warnings.
 * @throws ConfigError
 */
export function loadFor(
  roles: readonly Role[],
  { config: path }: ConfigOption,
  { env, home }: CliContext,
): LoadedConfig {
  const loaded = loadConfig({ env, home, ...(path !== undefined && { path }) });
  return { ...loaded, warnings: [...loaded.warnings, ...warningsForRoles(loaded.config, roles)] };
}
