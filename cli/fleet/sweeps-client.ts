/** What `berth sweep` asks of Temporal: one `reconcile` workflow for each part, waited for. */

import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { rootCause } from '@temporalio/common';
import { ORCHESTRATOR_QUEUE, sweepByHandWorkflowId } from '../../jobs/names.js';
import type { SweepInput, SweepPart, SweepReport } from '../../jobs/sweeps.js';
import { CommandError, EXIT } from '../exit-codes.js';

/** What became of one part. */
export type SweptPart =
  | { readonly part: SweepPart; readonly report: SweepReport }
  /** It could not be swept: why. */
  | { readonly part: SweepPart; readonly failure: string };

export interface SweepsClient {
  /**
   * Sweeps one part, and waits for what it found.
   * @throws CommandError `unavailable` when no orchestrator takes it up; `failed` when one by hand is under way already
   */
  readonly sweep: (part: SweepPart, dryRun: boolean) => Promise<SweptPart>;
}

/** A sweep of a whole fleet takes minutes at most; one that nobody carries on does not stay for ever. */
const LONGEST = '20 minutes';

/** An orchestrator takes a new workflow up in milliseconds; a restart of the only one takes seconds. */
const TAKEN_UP_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 500;

/** `WorkflowExecutionStarted` and `WorkflowTaskScheduled`: nobody has begun. */
const EVENTS_OF_UNTOUCHED = 2;

export function createSweepsClient(
  client: Pick<Client, 'workflow'>,
  where: string,
  takenUpWithinMs = TAKEN_UP_WITHIN_MS,
): SweepsClient {
  async function start(input: SweepInput): Promise<WorkflowHandle> {
    try {
      return await client.workflow.start<(input: SweepInput) => Promise<SweepReport>>('reconcile', {
        workflowId: sweepByHandWorkflowId(input.part),
        taskQueue: ORCHESTRATOR_QUEUE,
        workflowRunTimeout: LONGEST,
        staticSummary: `sweeps ${input.part} by hand${input.dryRun ? ', changing nothing' : ''}`,
        args: [input],
      });
    } catch (err) {
      if (!(err instanceof WorkflowExecutionAlreadyStartedError)) throw err;
      const message = `a sweep of ${input.part} by hand is under way already; try again when it is over`;
      throw new CommandError(EXIT.failed, message, { cause: err });
    }
  }

  /** Resolves only if nobody takes it up. */
  async function untilGivenUp(handle: WorkflowHandle, signal: AbortSignal): Promise<'given up'> {
    const until = Date.now() + takenUpWithinMs;
    while (Date.now() < until) {
      await delay(LOOK_EVERY_MS, undefined, { signal });
      if ((await handle.describe()).historyLength > EVENTS_OF_UNTOUCHED) return new Promise(() => undefined);
    }
    return 'given up';
  }

  return {
    sweep: async (part, dryRun) => {
      const handle = await start({ part, dryRun, byHand: true });
      const looking = new AbortController();
      const givenUp = untilGivenUp(handle, looking.signal);
      givenUp.catch(() => undefined);
      try {
        const ended = await Promise.race([handle.result() as Promise<SweepReport>, givenUp]);
        if (ended !== 'given up') return { part, report: ended };
        await handle.terminate('no orchestrator took it up').catch(() => undefined);
        const message = `${where} has no orchestrator that sweeps: is \`berth orchestrator\` running? Nothing was changed`;
        throw new CommandError(EXIT.unavailable, message);
      } catch (err) {
        if (!(err instanceof WorkflowFailedError)) throw err;
        return { part, failure: rootCause(err.cause) ?? err.message };
      } finally {
        looking.abort();
      }
    },
  };
}
