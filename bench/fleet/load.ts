/** Many jobs on a fleet, to their end, and what was seen of slots, grants and the dispatcher on the way. */

import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../observe.js';
import { dispatcherRuns } from './dispatcher-runs.js';
import type { DispatcherRun } from './dispatcher-runs.js';
import { NAMESPACE, POOL } from './fleet.js';
import type { BenchFleet } from './fleet.js';
import { idleSlots } from './idle-slots.js';
import type { Idle } from './idle-slots.js';
import { ratesBetween, requestsOf } from './server-requests.js';

export interface Load {
  readonly jobs: number;
  /** From the first webhook to the last job's end (milliseconds). */
  readonly wallMs: number;
  /** When Temporal had all `queued` (milliseconds after the first). */
  readonly queuedAfterMs: number;
  /** Longest first; the first VM of each slot is counted from the first webhook on. */
  readonly idle: readonly Idle[];
  /** The same, without those first VMs. */
  readonly idleLater: readonly Idle[];
  /** When each VM began (milliseconds since 1970). */
  readonly begunAt: readonly number[];
  readonly runs: readonly DispatcherRun[];
}

/** Webhooks at once. */
const IN_FLIGHT = 32;

/** Queues the jobs as fast as Temporal takes them and waits for their end. @throws Error when one does not end in time */
export async function runLoad({ client, github, hosts }: BenchFleet, jobs: number, withinMs: number): Promise<Load> {
  const first = github.jobs.length;
  const startedAt = Date.now();
  let left = jobs;
  const queue = async (): Promise<void> => {
    while (left-- > 0) await github.queueJob();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, queue));
  const queuedAfterMs = Date.now() - startedAt;
  const own = github.jobs.slice(first);
  const isOver = async (): Promise<boolean> => {
    if (github.failure() !== null) throw new Error('Temporal did not take an event', { cause: github.failure() });
    return own.every(({ completedAt }) => completedAt !== null);
  };
  await until(`${jobs} jobs over`, isOver, withinMs);
  const wallMs = Math.max(...own.map(({ completedAt }) => completedAt ?? 0)) - startedAt;
  await until('no VM left', async () => hosts.every(({ uses }) => uses.every((use) => use.until !== null)), 60_000);
  const uses = hosts.flatMap((host) => host.uses).filter(({ from }) => from >= startedAt);
  const begunAt = uses.map(({ from }) => from).sort((a, b) => a - b);
  const slots = hosts.flatMap((host) => host.slots);
  // The last that waited is not known before it has its VM.
  const idle = idleSlots(slots, uses, { since: startedAt, until: begunAt[jobs - 1] ?? startedAt });
  return {
    jobs,
    wallMs,
    queuedAfterMs,
    idle,
    idleLater: idle.filter(({ from }) => from > startedAt),
    begunAt,
    runs: await dispatcherRuns(client, POOL),
  };
}

/** Calls a second that an idle fleet costs Temporal, by operation, the most frequent first. */
export async function idleRequests(
  { metricsPort }: BenchFleet,
  { settleMs, forMs }: { readonly settleMs: number; readonly forMs: number },
): Promise<readonly (readonly [string, number])[]> {
  await delay(settleMs);
  const before = await requestsOf(metricsPort, NAMESPACE);
  await delay(forMs);
  return ratesBetween(before, await requestsOf(metricsPort, NAMESPACE), forMs / 1_000);
}
