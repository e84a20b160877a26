import { Command, CommanderError } from 'commander';
import { ConfigError, problemText } from '../config/problems.js';
import { COMMANDS } from './commands.js';
import type { CommandEntry } from './commands.js';
import { processContext } from './context.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { packageVersion } from './package-version.js';
import { keepHeapSmall } from './small-heap.js';

/** How long what is left over may keep a process that is done (milliseconds). */
const LINGER_MS = 1_000;

/** What `bin/berth.js` calls. */
export async function main(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), processContext());
  // Ending by itself lets everything be written; only what would keep it for ever is cut off.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

/**
 * Runs one command.
 * @param args without `node` and the script
 * @returns the exit code; nothing is thrown
 */
export async function runCli(
  args: readonly string[],
  context: CliContext,
  commands: readonly CommandEntry[] = COMMANDS,
): Promise<number> {
  try {
    const program = await buildProgram(args, context, commands);
    if (args.length === 0) {
      context.err(program.helpInformation());
      return EXIT.usage;
    }
    await program.parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (err) {
    return explain(err, context);
  }
}

async function buildProgram(
  args: readonly string[],
  context: CliContext,
  commands: readonly CommandEntry[],
): Promise<Command> {
  const program = new Command('berth')
    .description('A fresh virtual machine on your own hardware for every GitHub Actions job')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.err });
  const wanted = args[0] === 'help' ? args[1] : args[0];
  for (const { name, description, load, isSmall = false } of commands) {
    const command = program.command(name).description(description);
    if (name === wanted && isSmall) keepHeapSmall();
    if (name === wanted) (await load()).define(command, context);
  }
  return program;
}

/** The library has explained its own errors by now; help and version are errors to it, too. */
function explain(err: unknown, context: CliContext): number {
  if (err instanceof CommanderError) return err.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (err instanceof CommandError) {
    if (err.message !== '') context.err(`berth: ${err.message}\n`);
    return err.exitCode;
  }
  if (err instanceof ConfigError) return explainConfig(err, context);
  context.err(`berth: ${err instanceof Error ? (err.stack ?? err.message) : String(err)}\n`);
  return EXIT.failed;
}

function explainConfig({ problems }: ConfigError, context: CliContext): number {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  context.err(`berth: the config has ${count}\n${problems.map((problem) => `  ${problemText(problem)}\n`).join('')}`);
  return EXIT.config;
}
