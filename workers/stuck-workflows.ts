/**
 * Workflows that this version's code cannot carry on: their history does not fit it (somebody deployed an incompatible
 * change, or went back to a version that is too old), or their code throws. Temporal tries again for ever, so nothing is
 * lost; but an operator must hear of it. Some kinds need none, for all they know can be asked for again: these are ended,
 * and start anew by themselves.
 */

import type { EventEmitter } from 'node:events';
import type { Client } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';
import { EvictionReason } from '@temporalio/worker/lib/replay.js';
import type { Logger } from 'pino';
import { messageOf } from '../agent/failure.js';
import { NOTICES } from '../jobs/failures.js';
import { unlessGone } from '../temporal/open-workflows.js';

/** A run that leaves the worker's cache, and why. */
export interface Eviction {
  readonly runId: string;
  readonly evictJob: { readonly reason?: EvictionReason | null; readonly message?: string | null };
}

export interface StuckWatchDeps {
  readonly client: Client;
  readonly version: string;
  readonly log: Logger;
  /** Starts what was ended. */
  readonly restart: () => Promise<void>;
}

/** `dispatcher`: its jobs and hosts tell it everything again. `hostWatch`: its agent announces itself again.
 * `limits`: each orchestrator starts it again with what it knows. */
const STARTED_ANEW: ReadonlySet<string> = new Set(['dispatcher', 'hostWatch', 'limits']);

/**
 * A misfit found where an event of the history cannot follow what the code did: the SDK has no reason of its own for it
 * (runs that leave the cache because the worker stops have the same one), but these words.
 */
const MISFIT = /Fatal error in workflow machines/;

/** A run is tried again every few seconds to minutes; it is told this often (ms). */
const TELL_AGAIN_MS = 10 * 60_000;

/**
 * Follows what a worker drops from its cache. The SDK has no public way to learn of a task that fails on replay, and its
 * own log has the first attempt only, which may have been another process's; the version of the SDK is pinned.
 * @throws Error when the SDK has changed
 */
export function watchEvictions(worker: Worker, onEviction: (eviction: Eviction) => void): void {
  const { evictionsEmitter } = worker as unknown as { readonly evictionsEmitter?: EventEmitter };
  if (evictionsEmitter === undefined) throw new Error('this version of the Temporal SDK does not tell of evictions');
  evictionsEmitter.on('eviction', onEviction);
}

/** What to call for each eviction. Resolves when it has been dealt with; never rejects. */
export function createStuckWatch({ client, version, log, restart }: StuckWatchDeps) {
  const toldAt = new Map<string, number>();

  function isNews(runId: string): boolean {
    const now = performance.now();
    for (const [run, at] of toldAt) if (now - at > TELL_AGAIN_MS) toldAt.delete(run);
    if (toldAt.has(runId)) return false;
    toldAt.set(runId, now);
    return true;
  }

  async function startAnew(workflowId: string, runId: string): Promise<void> {
    // Another orchestrator may have been faster.
    await unlessGone(async () => {
      await client.workflow.getHandle(workflowId, runId).terminate(`its history does not fit Berth ${version}`);
      log.warn({ workflowId, runId, version }, 'workflow is started anew: its history does not fit this version');
      await restart();
    });
  }

  async function look(runId: string, why: string, isMisfit: boolean): Promise<void> {
    const workflow = await find(client, runId);
    const { workflowId = null, type: workflowType = null } = workflow ?? {};
    if (isMisfit && workflowId !== null && STARTED_ANEW.has(workflowType ?? '')) return startAnew(workflowId, runId);
    const { code } = NOTICES.WorkflowStuck;
    log.error(
      { code, workflowId, workflowType, runId, version, why },
      `workflow cannot go on with this version of Berth: ${isMisfit ? 'its history does not fit' : 'its code failed'}. ` +
        'Nothing is lost: it waits. Start the version that ran before (docs/how-to/upgrade.md), then report this line',
    );
  }

  return async ({ runId, evictJob }: Eviction): Promise<void> => {
    const { reason, message } = evictJob;
    const isMisfit = reason === EvictionReason.NONDETERMINISM || MISFIT.test(message ?? '');
    if (!isMisfit && reason !== EvictionReason.LANG_FAIL) return;
    if (!isNews(runId)) return;
    try {
      await look(runId, message ?? 'no reason given', isMisfit);
    } catch (err) {
      toldAt.delete(runId);
      log.warn({ runId, why: message, err: messageOf(err) }, 'stuck workflow could not be looked up');
    }
  };
}

async function find(client: Client, runId: string): Promise<{ workflowId: string; type: string } | undefined> {
  for await (const { workflowId, type } of client.workflow.list({ query: `RunId = '${runId}'`, pageSize: 1 })) {
    return { workflowId, type };
  }
  return undefined;
}
