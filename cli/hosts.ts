import type { Command } from 'commander';
import { askEach } from '../temporal/ask-each.js';
import { unlessGone } from '../temporal/open-workflows.js';
import type { HostStatus } from '../workflows/messages.js';
import { withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { hostArgument } from './fleet/host-argument.js';
import type { HostsClient } from './fleet/hosts-client.js';
import { columns } from './fleet/table.js';
import { whyText } from './fleet/words.js';
import { withHosts } from './fleet/with-hosts.js';

interface HostsOptions extends ConfigOption {
  readonly json?: boolean;
}

export function define(command: Command, context: CliContext): void {
  withConfigOption(command.command('forget').description('list a lost host no more'))
    .argument('<host>', 'name of the host', hostArgument)
    // `hosts` has the option, too, and takes it wherever it stands.
    .action((host: string, _own: ConfigOption, forget: Command) =>
      withHosts(forget.optsWithGlobals<ConfigOption>(), context, async (hosts) => {
        await hosts.forget(host);
        context.out(`${host} is forgotten; it is listed again if it comes back\n`);
      }),
    );
  withConfigOption(command)
    .option('--json', 'print JSON')
    .action((options: HostsOptions) =>
      withHosts(options, context, async (hosts) => {
        const all = await statuses(hosts);
        context.out(options.json === true ? `${JSON.stringify(all.map(entry), undefined, 2)}\n` : table(all));
      }),
    );
}

async function statuses(hosts: HostsClient): Promise<readonly HostStatus[]> {
  // Between the list and the question one may have been terminated.
  const found = await askEach(await hosts.names(), (name) => unlessGone(() => hosts.status(name)));
  return found.filter((status) => status !== null).sort((a, b) => a.host.localeCompare(b.host));
}

/** What scripts may rely on. */
function entry(status: HostStatus): object {
  const {
    host,
    pool,
    state,
    slots,
    labels = [],
    holds,
    templates,
    version,
    drain,
    drainedBy = [],
    overdue,
    foreignVms,
  } = status;
  const because = { why: whyText(status), drain, drainedBy, overdue, problems: status.provider.problems };
  return { host, pool, state, slots: slots.length, labels, vms: holds, foreignVms, templates, version, ...because };
}

function table(all: readonly HostStatus[]): string {
  if (all.length === 0) return 'no host has announced itself\n';
  const rows = all.map((status) => [
    status.host,
    status.state,
    `${status.holds.length}/${status.slots.length}`,
    String(status.templates.length),
    (status.labels ?? []).join(', '),
    status.version,
    whyText(status),
  ]);
  return columns([['HOST', 'STATE', 'BUSY', 'TEMPLATES', 'LABELS', 'VERSION', 'WHY'], ...rows]);
}
