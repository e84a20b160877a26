import type { Command } from 'commander';
import { scopeText } from '../jobs/names.js';
import { loadConfig } from '../config/load.js';
import { ConfigError } from '../config/problems.js';
import { rolesOf, warningsForRoles } from '../config/roles.js';
import type { Role } from '../config/roles.js';
import type { Config } from '../config/types.js';
import { withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';

interface CheckOptions extends ConfigOption {
  readonly json?: boolean;
}

export function define(command: Command, context: CliContext): void {
  withConfigOption(command.command('check').description('say what a config is for, and all that is wrong with it'))
    .option('--json', 'print JSON')
    .action((options: CheckOptions) => check(options, context));
}

function check({ config: path, json = false }: CheckOptions, { out, env, home }: CliContext): void {
  try {
    const { config, file, warnings: ofFile } = loadConfig({ env, home, ...(path !== undefined && { path }) });
    const roles = rolesOf(config);
    const warnings = [...ofFile, ...warningsForRoles(config, roles)];
    out(json ? toJson({ file, roles, warnings, problems: [] }) : describe(config, roles, warnings));
  } catch (err) {
    if (!json || !(err instanceof ConfigError)) throw err;
    out(toJson({ file: err.problems[0]?.file ?? null, roles: [], warnings: [], problems: err.problems }));
    throw new CommandError(EXIT.config, '', { cause: err });
  }
}

const toJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

function describe(config: Config, roles: readonly Role[], warnings: readonly string[]): string {
  const lines = [
    `file      ${config.file}`,
    `temporal  ${config.temporal.address}, namespace ${config.temporal.namespace}`,
    `github    ${config.github.webUrl}`,
    `roles     ${roles.length === 0 ? 'none' : roles.join(', ')}`,
    ...(config.receiver === null ? [] : [`receiver  ${config.receiver.name}, port ${config.receiver.port}`]),
    ...config.slots.map(({ name, scope }) => `slot      ${name} for ${scopeText(scope)} on ${config.hostName}`),
    ...warnings.map((warning) => `warning   ${warning}`),
    'The config is valid.',
  ];
  return `${lines.join('\n')}\n`;
}
