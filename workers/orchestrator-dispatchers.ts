/** Keeps a dispatcher running for each pool, and has a new one told at once what the one before it knew. */

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import type { Logger } from 'pino';
import { pause } from '../agent/waiting.js';
import { SLOTS_QUEUE, dispatcherWorkflowId } from '../jobs/names.js';
import type { Policy } from '../jobs/policy.js';
import { BerthState } from '../jobs/search-attributes.js';
import { packFleet } from '../placement/carry.js';
import { fleetRecalled } from '../placement/fleet.js';
import { isOpen, openWorkflows, unlessGone } from '../temporal/open-workflows.js';
import type { ListedType } from '../temporal/open-workflows.js';
import type { dispatcher } from '../workflows/dispatcher.js';
import { knownHosts } from './known-hosts.js';

/** As much of Temporal's client as is used here. */
export type DispatcherClient = {
  readonly workflow: Pick<Client['workflow'], 'getHandle' | 'list' | 'start'>;
};

export interface EnsureOptions {
  readonly client: DispatcherClient;
  readonly pool: string;
  readonly policy: Policy;
  /** The run of each pool's dispatcher that knows the policy; kept from one call to the next. */
  readonly told: Map<string, string>;
  readonly log: Logger;
  /** Ends the telling early: whoever was not told says it by itself within a minute. */
  readonly signal: AbortSignal;
}

/** Signals a second. Each wakes a workflow that then asks; what the orchestrator moves besides must not suffer. */
const RATE = 20;

/** After a minute every host and job has spoken by itself. */
const MOST_TOLD = 60 * RATE;

/** Of so many open jobs the oldest are looked for; reading more would take longer than they need to ask by themselves. */
const MOST_LISTED = 10_000;

/**
 * Starts the pool's dispatcher when it is missing: on the first day, and after somebody terminated it. The new one knows
 * what hosts said last, so that no job goes to a host that lacks a label which only one that has not spoken yet has; it
 * gives them nothing until they speak. Hosts and waiting jobs are asked to tell it, hosts first, then the oldest jobs.
 *
 * Tells each run of it the policy, once: after a change of the config and a restart of the orchestrator, and also when
 * somebody reset the dispatcher to a time before that change.
 *
 * @throws Error when Temporal does not answer
 */
export async function ensureDispatcher(options: EnsureOptions): Promise<void> {
  const { client, pool, policy, told: toldRuns, log } = options;
  const running = await runOf(client, pool);
  if (running !== null) {
    await tellPolicy(options, running);
    return;
  }
  const hosts = (await oldestFirst(client, 'hostWatch')).map(({ workflowId }) => workflowId);
  const packed = await lastKnown(options, hosts);
  try {
    const { firstExecutionRunId } = await client.workflow.start<typeof dispatcher>('dispatcher', {
      workflowId: dispatcherWorkflowId(pool),
      taskQueue: SLOTS_QUEUE,
      staticSummary: `grants slots and pairs runners in pool ${pool}`,
      args: [{ pool, fleet: null, policy, ...(packed !== undefined && { packed }) }],
    });
    toldRuns.set(pool, firstExecutionRunId);
  } catch (err) {
    // Another orchestrator was quicker, and tells everybody.
    if (err instanceof WorkflowExecutionAlreadyStartedError) return;
    throw err;
  }
  const told = await tellEverybody(options, hosts);
  log.info({ pool, told }, 'dispatcher started');
}

/** The run that is open, if one is. */
async function runOf(client: DispatcherClient, pool: string): Promise<string | null> {
  const found = await unlessGone(() => client.workflow.getHandle(dispatcherWorkflowId(pool)).describe());
  return found !== null && isOpen(found) ? found.runId : null;
}

async function tellPolicy({ client, pool, policy, told, log }: EnsureOptions, runId: string): Promise<void> {
  if (told.get(pool) === runId) return;
  const handle = client.workflow.getHandle(dispatcherWorkflowId(pool), runId);
  // If that run ended meanwhile, the next look finds another.
  if ((await unlessGone(() => handle.signal('policySet', policy))) === null) return;
  told.set(pool, runId);
  log.debug({ pool, policy }, 'dispatcher told its policy');
}

/** The books that a new dispatcher begins with; undefined: empty ones. */
async function lastKnown({ client, pool, log, signal }: EnsureOptions, hosts: readonly string[]) {
  const { reports, silent } = await knownHosts({ client, pool, workflowIds: hosts, signal });
  if (silent > 0) log.warn({ pool, silent }, 'dispatcher starts without some hosts: they did not answer');
  return reports.length === 0 ? undefined : packFleet(fleetRecalled(reports, Date.now()));
}

async function tellEverybody({ client, signal }: EnsureOptions, hosts: readonly string[]): Promise<number> {
  const jobs = (await oldestFirst(client, 'githubJob')).filter(mayWait).map(({ workflowId }) => workflowId);
  let told = 0;
  for (const workflowId of [...hosts, ...jobs].slice(0, MOST_TOLD)) {
    if (signal.aborted) break;
    // By name: this process does not load the workflows' code. One that has ended meanwhile needs nothing.
    await unlessGone(() => client.workflow.getHandle(workflowId).signal('tellAgain'));
    told += 1;
    await pause(1_000 / RATE, signal).catch(() => undefined);
  }
  return told;
}

async function oldestFirst(client: DispatcherClient, type: ListedType): Promise<readonly WorkflowExecutionInfo[]> {
  const found = await openWorkflows(client, type, MOST_LISTED);
  return found.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
}

/** Where search attributes are registered a job that runs is known by them, and need not be woken. */
function mayWait({ typedSearchAttributes }: WorkflowExecutionInfo): boolean {
  const state = typedSearchAttributes.get(BerthState);
  return state !== 'running' && state !== 'over';
}
