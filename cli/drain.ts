import { Option } from 'commander';
import type { Command } from 'commander';
import { withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { parseDuration } from './fleet/duration.js';
import { hostArgument } from './fleet/host-argument.js';
import type { HostsClient } from './fleet/hosts-client.js';
import { operator } from './fleet/operator.js';
import { untilHostDrained } from './fleet/until-drained.js';
import { withHosts } from './fleet/with-hosts.js';
import { isSilence } from './fleet/with-temporal.js';
import { stateText, workText } from './fleet/words.js';

interface DrainOptions extends ConfigOption {
  /** Milliseconds. */
  readonly deadline: number | 'none';
  readonly wait?: boolean;
}

const DEFAULT_DEADLINE = '2h';

export function define(command: Command, context: CliContext): void {
  withConfigOption(command)
    .argument('<host>', 'name of the host', hostArgument)
    .addOption(
      new Option('--deadline <time>', 'say so when it takes longer: 90s, 30m, 2h, 1d, none')
        .argParser(parseDuration)
        .default(parseDuration(DEFAULT_DEADLINE), DEFAULT_DEADLINE),
    )
    .option('--wait', 'end when the host is drained; fail at the deadline')
    .action((host: string, options: DrainOptions) =>
      withHosts(options, context, (hosts) => drain(host, options, hosts, context)),
    );
}

async function drain(
  host: string,
  { deadline, wait = false }: DrainOptions,
  hosts: HostsClient,
  { out, err }: CliContext,
): Promise<void> {
  const status = await hosts.drain(host, { by: operator(), deadlineMs: deadline === 'none' ? null : deadline });
  if (status === null) throw new CommandError(EXIT.notFound, `host ${host} has not announced itself yet`);
  if (!wait) {
    out(`${stateText(status)}\n${workText(await hosts.workOn(status.pool, status.holds))}`);
    return;
  }
  out(`${stateText(await untilHostDrained(status, { hosts, say: err, isPassing: isSilence }))}\n`);
}
