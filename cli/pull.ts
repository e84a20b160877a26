import type { Command } from 'commander';
import type { PullInput } from '../activities/contracts.js';
import { withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { hostArgument } from './fleet/host-argument.js';
import type { HostsClient } from './fleet/hosts-client.js';
import { operator } from './fleet/operator.js';
import { createPullsClient } from './fleet/pulls-client.js';
import type { PullEnd, PullsClient } from './fleet/pulls-client.js';
import { templateArgument } from './fleet/template-argument.js';
import { untilPulled } from './fleet/until-pulled.js';
import { withHosts } from './fleet/with-hosts.js';

interface PullOptions extends ConfigOption {
  readonly host?: readonly string[];
}

export function define(command: Command, context: CliContext): void {
  withConfigOption(command)
    .argument('<template>', 'TEMPLATE or TEMPLATE:TAG, as in the labels of a job', templateArgument)
    .option(
      '--host <name>',
      'on this host; may be given several times (default: on all of the pool)',
      (name: string, others: readonly string[] = []) => [...others, hostArgument(name)],
    )
    .action((wanted: PullInput, options: PullOptions) =>
      withHosts(options, context, async (hosts, { client, config }) => {
        const names = await targets(options.host, hosts, config.pool);
        await pullOn(names, wanted, createPullsClient(client), context);
      }),
    );
}

/** @throws WorkflowNotFoundError where a named host has never announced itself */
async function targets(
  named: readonly string[] | undefined,
  hosts: HostsClient,
  pool: string,
): Promise<readonly string[]> {
  const names = named === undefined ? await hosts.names() : [...new Set(named)];
  const all = await Promise.all(names.map(async (name) => ({ name, status: await hosts.status(name) })));
  const found = all.filter(({ status }) => named !== undefined || status?.pool === pool).map(({ name }) => name);
  if (found.length === 0) throw new CommandError(EXIT.notFound, `no host of the pool ${pool} has announced itself`);
  return found;
}

async function pullOn(
  names: readonly string[],
  wanted: PullInput,
  pulls: PullsClient,
  { out, err }: CliContext,
): Promise<void> {
  const by = operator();
  const what = `${wanted.template}, tag ${wanted.tag}`;
  const ends = await Promise.all(
    names.map(async (name) => {
      const end = await untilPulled(await pulls.begin(name, wanted, by), { say: err });
      if (end.kind === 'here') out(`${name} has ${hereText(wanted, end)}\n`);
      return { name, end };
    }),
  );
  const failed = ends.flatMap(({ name, end }) => (end.kind === 'failed' ? [`  ${name}: ${end.why}`] : []));
  if (failed.length === 0) return;
  const count = `${failed.length} of ${names.length} host${names.length === 1 ? '' : 's'}`;
  throw new CommandError(EXIT.failed, `${what} is not on ${count}:\n${failed.join('\n')}`);
}

const hereText = ({ template }: PullInput, { tag, pulled }: Extract<PullEnd, { kind: 'here' }>): string =>
  `${template}, tag ${tag}: ${pulled ? 'pulled' : 'it was there'}`;
