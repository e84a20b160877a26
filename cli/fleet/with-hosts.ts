import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { Config } from '../../config/types.js';
import type { ConfigOption } from '../config-option.js';
import type { CliContext } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { createHostsClient, isNotFound } from './hosts-client.js';
import type { HostsClient } from './hosts-client.js';
import { isSilence, textOf, withTemporal } from './with-temporal.js';

/** For what `HostsClient` does not do. */
export interface Around {
  readonly client: Client;
  readonly config: Config;
}

/**
 * Runs a command's work about hosts with a connection to the Temporal of the config, and closes it.
 * @throws CommandError `notFound` where no host has the name, `unavailable` where nobody answers, `config` where the
 * settings cannot be used
 */
export async function withHosts(
  options: ConfigOption,
  context: CliContext,
  work: (hosts: HostsClient, around: Around) => Promise<void>,
): Promise<void> {
  await withTemporal(options, context, async ({ client, config, where }) => {
    const hosts = createHostsClient(client, config.github.webHost);
    try {
      await work(hosts, { client, config });
    } catch (err) {
      throw await explained(err, where, hosts);
    }
  });
}

async function explained(err: unknown, where: string, hosts: HostsClient): Promise<unknown> {
  if (err instanceof CommandError) return err;
  if (isNotFound(err)) {
    const known = await hosts.names().catch(() => []);
    const names = known.length === 0 ? 'no host has announced itself' : `known hosts: ${known.join(', ')}`;
    return new CommandError(EXIT.notFound, `${where} knows no host of this name; ${names}`, { cause: err });
  }
  if (err instanceof WorkflowUpdateFailedError) {
    return new CommandError(EXIT.failed, `refused: ${textOf(err.cause)}`, { cause: err });
  }
  if (!isSilence(err)) return err;
  const advice = 'is `berth orchestrator` running? What you asked for may still be done: look with `berth hosts`';
  return new CommandError(EXIT.unavailable, `${where} gave no answer (${textOf(err)}); ${advice}`, { cause: err });
}
