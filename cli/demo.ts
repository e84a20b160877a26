import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { pino } from 'pino';
import { jobWorkflowId } from '../jobs/names.js';
import { SEARCH_ATTRIBUTES } from '../jobs/search-attributes.js';
import { DEFAULT_TOKEN } from '../simulators/github/options.js';
import { startStack } from '../simulators/stack/stack.js';
import type { Stack } from '../simulators/stack/stack.js';
import { startDevServer } from '../temporal/dev-server.js';
import type { DevServer } from '../temporal/dev-server.js';
import { findTemporalCli } from '../temporal/find-cli.js';
import type { CliContext } from './context.js';
import { followLive } from './demo/live.js';
import type { Live } from './demo/live.js';
import { DELAYS, TEMPLATE, cancelHalfWay, queueJobs } from './demo/scenario.js';
import type { DemoJob } from './demo/scenario.js';
import { leftovers, rowsOf, tableOf, titleOf } from './demo/verdict.js';
import { CommandError, EXIT } from './exit-codes.js';

interface DemoOptions {
  readonly keep?: boolean;
}

/** All six jobs take about 15 s here; a slow machine gets plenty. */
const GIVE_UP_MS = 180_000;

const CLEAN_WITHIN_MS = 30_000;

export function define(command: Command, context: CliContext): void {
  command
    .option('--keep', 'leave everything running afterwards, until Ctrl-C')
    .action((options: DemoOptions) => runDemo(options, context));
}

/** @throws CommandError when a job did not end as it should, or something was left */
async function runDemo(options: DemoOptions, context: CliContext): Promise<void> {
  const { out } = context;
  const interrupted = whenInterrupted(context);
  out('Berth demo: a pretend GitHub and two pretend Macs; everything else is real.\n\n');
  const server = await startTemporal(context);
  try {
    const stack = await startPretendFleet(server, out);
    try {
      const work = playAndCheck(stack, server, out);
      const isWell = await Promise.race([work, interrupted.then(() => false)]);
      if (options.keep === true) await keepRunning(stack, server, out, interrupted);
      if (!isWell) throw new CommandError(EXIT.failed, 'the demo did not end as it should');
    } finally {
      await stack.stop();
    }
  } finally {
    interrupted.forget();
    await server.stop();
  }
}

async function startTemporal({ env, out }: CliContext): Promise<DevServer> {
  const cli = await findTemporalCli({ progress: (line) => out(`  ${line}\n`), env });
  return startDevServer({
    cli: cli.file,
    namespace: 'berth',
    searchAttributes: SEARCH_ATTRIBUTES.map(({ name }) => name),
    log: pino({ level: 'silent' }),
  });
}

async function startPretendFleet(server: DevServer, out: (text: string) => void): Promise<Stack> {
  const anka = { templates: [TEMPLATE], delays: DELAYS };
  const stack = await startStack({
    dir: await mkdtemp(join(tmpdir(), 'berth-demo-')),
    temporal: { address: server.address, namespace: server.namespace },
    hosts: [
      { name: 'mini-1', slots: 2, anka },
      { name: 'mini-2', slots: 1, anka },
    ],
    credential: { kind: 'pat', token: DEFAULT_TOKEN },
  });
  out(`  ✓ Temporal      ${server.address}, UI ${server.uiUrl ?? 'off'}\n`);
  out(`  ✓ GitHub        ${stack.githubUrl} (pretend)\n`);
  out(`  ✓ receiver      ${stack.webhookUrl}\n  ✓ orchestrator\n`);
  for (const { name } of stack.hosts) out(`  ✓ host ${name}   provider anka (pretend)\n`);
  return stack;
}

/** @returns whether all ended as it should with nothing left */
async function playAndCheck(stack: Stack, server: DevServer, out: (text: string) => void): Promise<boolean> {
  const startedAt = Date.now();
  out('\nSix jobs are queued: one build, a matrix of four, and one that will be cancelled half-way.\n\n');
  const jobs = queueJobs(stack.github);
  const webHost = new URL(stack.githubUrl).host;
  const followed = jobs.map((demoJob) => ({
    title: titleOf(demoJob),
    workflowId: jobWorkflowId(webHost, demoJob.job.id),
  }));
  const live = followLive(stack.client, followed, out, startedAt);
  const failure = await played(stack, jobs).catch((err: unknown) => (err instanceof Error ? err.message : String(err)));
  const left = await untilClean(stack);
  await live.stop();
  const rows = rowsOf(stack, jobs, hostOfRunner(live));
  out(`\n${tableOf(rows)}\n`);
  out(
    left.length === 0 ? '  Nothing is left: no VM, no runner, no workflow.\n' : `  LEFT BEHIND: ${left.join(', ')}\n`,
  );
  if (failure !== undefined) out(`  ${failure}\n`);
  if (server.uiUrl !== null)
    out(`  Every step, in Temporal's UI: ${server.uiUrl}/namespaces/${server.namespace}/workflows\n`);
  return failure === undefined && left.length === 0 && rows.every(({ outcome, expected }) => outcome === expected);
}

/** Resolves when all jobs are over on GitHub. */
async function played(stack: Stack, jobs: readonly DemoJob[]): Promise<undefined> {
  await cancelHalfWay(stack.github, jobs, GIVE_UP_MS);
  const isOver = (id: number, over: readonly { id: number; status: string }[]): boolean =>
    over.some((job) => job.id === id && job.status === 'completed');
  await stack.github.waitFor((now) => jobs.every(({ job }) => isOver(job.id, now.jobs)), GIVE_UP_MS);
}

async function untilClean(stack: Stack): Promise<readonly string[]> {
  const deadline = Date.now() + CLEAN_WITHIN_MS;
  for (;;) {
    const left = await leftovers(stack);
    if (left.length === 0 || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A runner's host, from the pages of the jobs: GitHub only knows the runner's name. */
function hostOfRunner(live: Live): (runner: string) => string {
  const hosts = new Map<string, string>();
  for (const { runner, host } of live.statuses.values()) if (runner !== null && host !== null) hosts.set(runner, host);
  return (runner) => hosts.get(runner) ?? '?';
}

async function keepRunning(
  stack: Stack,
  server: DevServer,
  out: (text: string) => void,
  interrupted: Promise<void>,
): Promise<void> {
  out(`\n  Left running. Temporal UI ${server.uiUrl ?? 'off'}; pretend GitHub ${stack.githubUrl}. Ctrl-C ends it.\n`);
  await interrupted;
}

/** Resolves at the first SIGINT or SIGTERM. */
function whenInterrupted({ signals }: CliContext): Promise<void> & { readonly forget: () => void } {
  let interrupt = (): void => undefined;
  const promise = new Promise<void>((resolve) => (interrupt = resolve));
  const names = ['SIGINT', 'SIGTERM'] as const;
  for (const name of names) signals.on(name, interrupt);
  return Object.assign(promise, {
    forget: () => {
      for (const name of names) signals.off(name, interrupt);
    },
  });
}
