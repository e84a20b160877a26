import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { SWEEP_PARTS } from '../jobs/sweeps.js';
import type { SweepPart } from '../jobs/sweeps.js';
import { withConfigOption } from './config-option.js';
import type { ConfigOption } from './config-option.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { sweepText } from './fleet/sweep-words.js';
import { createSweepsClient } from './fleet/sweeps-client.js';
import type { SweptPart } from './fleet/sweeps-client.js';
import { isSilence, textOf, withTemporal } from './fleet/with-temporal.js';

interface SweepOptions extends ConfigOption {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** A VM that goes lets its runner go; a job that is over lets both go. Webhooks and new jobs come last. */
const IN_ORDER: readonly SweepPart[] = ['vms', 'jobs', 'runners', 'deliveries', 'queued'];

export function define(command: Command, context: CliContext): void {
  withConfigOption(command)
    .argument('[part...]', `${IN_ORDER.join(', ')}; none: all of them`, collectPart)
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--json', 'print JSON')
    .action((parts: readonly SweepPart[] | undefined, options: SweepOptions) => sweep(parts ?? [], options, context));
}

async function sweep(parts: readonly SweepPart[], options: SweepOptions, context: CliContext): Promise<void> {
  const { dryRun = false, json = false } = options;
  const swept: SweptPart[] = [];
  await withTemporal(options, context, async ({ client, where }) => {
    const sweeps = createSweepsClient(client, where);
    for (const part of IN_ORDER.filter((one) => parts.length === 0 || parts.includes(one))) {
      context.err(`sweeping ${part}\n`);
      swept.push(await sweeps.sweep(part, dryRun).catch((err: unknown) => explain(err, where)));
    }
  });
  context.out(json ? `${JSON.stringify(swept.map(entry), undefined, 2)}\n` : sweepText(swept, dryRun));
  const wrong = swept.filter(isWrong).map(({ part }) => part);
  if (wrong.length > 0) throw new CommandError(EXIT.failed, `not everything could be dealt with: ${wrong.join(', ')}`);
}

function explain(err: unknown, where: string): never {
  if (!isSilence(err)) throw err;
  throw new CommandError(EXIT.unavailable, `${where} gave no answer (${textOf(err)})`, { cause: err });
}

const isWrong = (swept: SweptPart): boolean =>
  'failure' in swept || swept.report.findings.some(({ done }) => done === 'failed');

/** What scripts may rely on. */
function entry(swept: SweptPart): object {
  if ('failure' in swept) return swept;
  const { part, looked, found, findings, calls, isComplete } = swept.report;
  return { part, looked, found, findings, calls, isComplete };
}

/** @throws InvalidArgumentError for what is no part */
function collectPart(text: string, before: readonly SweepPart[] | undefined): readonly SweepPart[] {
  const part = SWEEP_PARTS.find((one) => one === text);
  if (part === undefined) throw new InvalidArgumentError(`Expected one of ${IN_ORDER.join(', ')}.`);
  return [...(before ?? []), part];
}
