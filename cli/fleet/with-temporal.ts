import { ServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { temporalSettings } from '../../config/temporal-settings.js';
import type { Config } from '../../config/types.js';
import { connectClient } from '../../temporal/connect.js';
import { TemporalSettingsError } from '../../temporal/settings-error.js';
import { loadFor } from '../config-option.js';
import type { ConfigOption } from '../config-option.js';
import type { CliContext } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';

/** A connection for one command. */
export interface TemporalOfCommand {
  readonly client: Client;
  readonly config: Config;
  /** Address and namespace, in words. */
  readonly where: string;
}

/**
 * Runs a command's work with a connection to the Temporal of the config, and closes it.
 * @throws CommandError `unavailable` where nobody answers, `config` where the settings cannot be used
 */
export async function withTemporal(
  options: ConfigOption,
  context: CliContext,
  work: (temporal: TemporalOfCommand) => Promise<void>,
): Promise<void> {
  const { config } = loadFor([], options, context);
  const settings = temporalSettings(config.temporal);
  const where = `Temporal at ${settings.address} (namespace ${settings.namespace})`;
  const client = await connectClient(settings).catch((err: unknown) => {
    throw new CommandError(err instanceof TemporalSettingsError ? EXIT.config : EXIT.unavailable, textOf(err));
  });
  try {
    await work({ client, config, where });
  } finally {
    await client.connection.close();
  }
}

/** The connection failed or ended in time, or nobody runs the workflow. */
export const isSilence = (err: unknown): boolean =>
  err instanceof ServiceError ||
  err instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
  (err instanceof Error && err.name === 'NamespaceNotFoundError');

/** The SDK wraps what the server said: that is what helps. */
export function textOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err instanceof ServiceError && err.cause instanceof Error ? err.cause.message : err.message;
}
