import type { Command } from 'commander';
import { createLogger } from '../logging/log.js';
import { loadFor, withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { packageVersion } from './package-version.js';
import { startReceiver } from './receiver-role.js';
import { runRoles } from './run-roles.js';

interface ReceiverOptions extends ConfigOption {
  readonly listen?: string;
}

export function define(command: Command, context: CliContext): void {
  withConfigOption(command)
    .option('--listen <address>', 'listen on this address only (default: all)')
    .action((options: ReceiverOptions) => runReceiver(options, context));
}

async function runReceiver(options: ReceiverOptions, context: CliContext): Promise<void> {
  const { config, file, warnings } = loadFor(['receiver'], options, context);
  const fileDir = config.log.fileDir;
  const log = createLogger({ role: 'receiver', version: packageVersion(), env: context.env, fileDir });
  log.info({ file }, 'config loaded');
  for (const warning of warnings) log.warn({ warning }, 'config warning');
  const roles = [await startReceiver(config, log, options.listen)];
  await runRoles({ roles, config, name: 'receiver', log }, context);
}
