/** The long activity that stands for one VM: from the grant of its slot until the VM is gone, or out of our sight. */

import type { Logger } from 'pino';
import type { HoldInput } from '../activities/contracts.js';
import type { Destroyer } from './destroyer.js';
import { AgentFailure, failureType } from './failure.js';
import type { Held, Holds } from './holds.js';
import { orAborted } from './waiting.js';
import type { WorkflowState, Workflows } from './workflows.js';

/** Why an activity was ended from outside (the SDK's cancel reasons, as far as they differ for us). */
export type EndReason = 'cancelled' | 'shutdown' | 'lost';

export interface HoldContext {
  readonly workflowId: string;
  readonly runId: string;
  readonly signal: AbortSignal;
  /** Why `signal` was aborted: `lost` when Temporal no longer knows this activity. */
  readonly endReason: () => EndReason;
}

export interface SlotHolderDeps {
  readonly holds: Holds;
  readonly destroyer: Destroyer;
  readonly workflows: Workflows;
  readonly log: Logger;
  /** This hold has a workflow that listens: follow its guest, if its runner was started. */
  readonly onAttended: (held: Held) => void;
  /** A hold was let go of while its VM may exist: have a look soon. */
  readonly onLeft: () => void;
}

/**
 * Resolves when `destroyVm` released the slot.
 * @throws AgentFailure `SlotRefused`, `VmGone`; the signal's reason when the activity was ended from outside
 */
export type HoldSlot = (input: HoldInput, context: HoldContext) => Promise<void>;

export function createSlotHolder(deps: SlotHolderDeps): HoldSlot {
  const { holds, destroyer, workflows, log } = deps;

  return async (input, context) => {
    const held = await grant(input, context);
    held.attended++;
    deps.onAttended(held);
    try {
      await orAborted(
        held.confirmed.then(() => held.released),
        context.signal,
      );
    } catch (reason) {
      if (failureType(reason) === 'SlotRefused') takeBack(held, reason);
      else await leave(held, context);
      throw reason;
    } finally {
      held.attended--;
    }
  };

  async function grant({ runner, slot, adopt }: HoldInput, { workflowId, runId }: HoldContext): Promise<Held> {
    const request = { runner, slot, workflowId, runId };
    if (!adopt) return holds.take(request);
    try {
      return await holds.adopt(request);
    } catch (err) {
      // Whatever there is of it: nobody will use it, and the workflow need not wait for its end.
      if (failureType(err) === 'VmGone') destroyInBackground(runner, 'it could not be adopted');
      throw err;
    }
  }

  /** There was no room after all: nobody will use what was begun. */
  function takeBack(held: Held, reason: unknown): void {
    held.abort.abort(reason);
    destroyInBackground(held.entry().runner, 'its host has no room for it');
  }

  async function leave(held: Held, context: HoldContext): Promise<void> {
    const { runner } = held.entry();
    const reason = context.endReason();
    log.info({ runner, reason }, 'hold left');
    // A cancel is the workflow's own, which destroys the VM itself; at a shutdown the VM waits to be adopted.
    const state = reason === 'lost' ? await stateOf(context.workflowId) : 'open';
    if (state === 'stopped' || state === 'served') {
      destroyInBackground(runner, `its workflow ${context.workflowId} is closed`);
    }
    // A job may run there though its workflow gave up: the sweep asks the guest first.
    if (reason === 'cancelled' || state === 'left') deps.onLeft();
  }

  async function stateOf(workflowId: string): Promise<WorkflowState> {
    try {
      return await workflows.stateOf(workflowId);
    } catch (err) {
      log.warn({ err, workflowId }, 'workflow not checked, its vm is kept');
      return 'open';
    }
  }

  function destroyInBackground(runner: string, why: string): void {
    destroyer
      .destroy(runner, why)
      .catch((err: unknown) => log.error({ err, runner }, 'vm not destroyed, sweep goes on'));
  }
}

export const agentStopped = (host: string): AgentFailure =>
  new AgentFailure('AgentStopped', `the agent of host ${host} was stopped before the runner began`);
