/** The Temporal Schedules of the sweeps: `reconcile/<part>`, one for each part that is switched on. */

import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Client, ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import type { Logger } from 'pino';
import { ORCHESTRATOR_QUEUE, reconcileWorkflowId } from '../jobs/names.js';
import { SWEEP_PARTS } from '../jobs/sweeps.js';
import type { SweepInput, SweepPart } from '../jobs/sweeps.js';
import { grpcCode, grpcText, isDenied } from '../temporal/grpc-status.js';

/** How often each part is swept, in milliseconds; null: never. */
export type SweepIntervals = Readonly<Record<SweepPart, number | null>>;

export interface SchedulesOptions {
  readonly client: { readonly schedule: Pick<Client['schedule'], 'create' | 'getHandle'> };
  readonly intervals: SweepIntervals;
  readonly log: Logger;
}

export interface ReconcileSchedules {
  /**
   * The first time it makes the schedules what the config says: this orchestrator is the newest, and its config holds.
   * Later it makes only such as are missing, so that orchestrators with different configs don't take turns.
   * Without the right to have schedules it warns once, and does nothing from then on.
   * @throws Error when Temporal does not answer
   */
  ensure(): Promise<void>;
}

/** What Temporal may start late after it was down; older than that, the next one is as good. It takes no less than 10 s. */
const CATCH_UP_MS = 60_000;

/** Sweeps of several parts shall not all come in the same moment; those who wait for one shall not wait much longer. */
const JITTER_SHARE = 0.1;
const MOST_JITTER_MS = 10_000;

export function createReconcileSchedules({ client, intervals, log }: SchedulesOptions): ReconcileSchedules {
  let isDeniedByServer = false;
  let isFirst = true;

  const one = async (part: SweepPart): Promise<void> => {
    const handle = client.schedule.getHandle(reconcileWorkflowId(part));
    const everyMs = intervals[part];
    if (everyMs === null) {
      if (isFirst && (await remove(handle))) log.info({ part }, 'sweep switched off');
      return;
    }
    const there = await describe(handle);
    if (there === undefined) {
      if (await create(client, part, everyMs)) log.info({ part, everyMs }, 'sweep scheduled');
    } else if (isFirst && !isAsWanted(there, everyMs)) {
      await handle.update((before) => ({ ...definition(part, everyMs), state: stateOf(before) }));
      log.info({ part, everyMs }, 'sweep rescheduled');
    }
  };

  return {
    ensure: async () => {
      if (isDeniedByServer) return;
      try {
        for (const part of SWEEP_PARTS) await one(part);
        isFirst = false;
      } catch (err) {
        const said = saidBy(err);
        if (!isDenied(said)) throw err;
        isDeniedByServer = true;
        log.warn(
          { why: grpcText(said) },
          'the Temporal server gives Berth no schedules, so there are no sweeps: allow them for this namespace, or run ' +
            '`berth sweep` from time to time',
        );
      }
    },
  };
}

const definition = (part: SweepPart, everyMs: number) => {
  const input: SweepInput = { part, dryRun: false, byHand: false };
  return {
    spec: { intervals: [{ every: everyMs }], jitter: jitterOf(everyMs) },
    action: {
      type: 'startWorkflow' as const,
      workflowType: 'reconcile',
      workflowId: reconcileWorkflowId(part),
      taskQueue: ORCHESTRATOR_QUEUE,
      args: [input],
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCH_UP_MS },
  };
};

const jitterOf = (everyMs: number): number => Math.min(Math.round(everyMs * JITTER_SHARE), MOST_JITTER_MS);

/** @returns false when another orchestrator was quicker */
async function create(client: SchedulesOptions['client'], part: SweepPart, everyMs: number): Promise<boolean> {
  try {
    await client.schedule.create({
      scheduleId: reconcileWorkflowId(part),
      ...definition(part, everyMs),
      state: { note: "Made by Berth's orchestrator. Its config says how often (`sweep`); a pause is left as it is." },
    });
    return true;
  } catch (err) {
    if (err instanceof ScheduleAlreadyRunning) return false;
    throw err;
  }
}

async function describe(handle: ScheduleHandle): Promise<ScheduleDescription | undefined> {
  try {
    return await handle.describe();
  } catch (err) {
    if (err instanceof ScheduleNotFoundError) return undefined;
    throw err;
  }
}

async function remove(handle: ScheduleHandle): Promise<boolean> {
  try {
    await handle.delete();
    return true;
  } catch (err) {
    if (err instanceof ScheduleNotFoundError) return false;
    throw err;
  }
}

/** What an update of Berth or of its config may change. */
function isAsWanted({ spec, action, policies }: ScheduleDescription, everyMs: number): boolean {
  const [interval, ...others] = spec.intervals ?? [];
  return (
    interval?.every === everyMs &&
    others.length === 0 &&
    spec.jitter === jitterOf(everyMs) &&
    policies.catchupWindow === CATCH_UP_MS &&
    policies.overlap === ScheduleOverlapPolicy.SKIP &&
    action.taskQueue === ORCHESTRATOR_QUEUE
  );
}

/** Whether it is paused, and why, is the operator's. */
function stateOf({ state }: ScheduleDescription): { readonly paused: boolean; readonly note?: string } {
  return { paused: state.paused, ...(state.note !== undefined && { note: state.note }) };
}

/** The client wraps what the server said. */
const saidBy = (err: unknown): unknown => (grpcCode(err) === undefined && err instanceof Error ? err.cause : err);
