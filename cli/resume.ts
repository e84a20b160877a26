import type { Command } from 'commander';
import { withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { hostArgument } from './fleet/host-argument.js';
import { withHosts } from './fleet/with-hosts.js';
import { stateText, whyText } from './fleet/words.js';

export function define(command: Command, context: CliContext): void {
  withConfigOption(command)
    .argument('<host>', 'name of the host', hostArgument)
    .action((host: string, options: ConfigOption) =>
      withHosts(options, context, async (hosts) => {
        const status = await hosts.resume(host);
        if (status === null) throw new CommandError(EXIT.notFound, `host ${host} has not announced itself yet`);
        const why = whyText(status);
        context.out(`${stateText(status)}${why === '' ? '' : ` (${why})`}\n`);
      }),
    );
}
