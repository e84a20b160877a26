import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  TimeoutFailure,
  isCancellation,
  log,
  patched,
} from '@temporalio/workflow';
import { isFailureType } from '../jobs/failures.js';
import type { PhaseLimits } from '../jobs/phases.js';
import { hostSteps } from './policies.js';

/** How long a host may stay away before the job began: long enough for a quick restart of the agent. */
const IDLE_RETURN_GRACE_MS = 8_000;

/** A host that answers, each time with an error that nobody foresaw, is not asked for ever. */
const MAX_BROKEN = 5;

export interface Hold {
  /** Rejects, with a failure of Berth's, once the host refused the slot, lost the VM, or stayed away too long. */
  readonly lost: Promise<never>;
  /** Lets go of the slot, if the host has not released it by itself. */
  readonly end: () => Promise<void>;
}

/** How the hold learns whether waiting for a silent host is worth while. */
export interface Work {
  /** A job is known to run on the VM. */
  readonly isAtWork: () => boolean;
  /** Finds out by other ways than the host's; asked once before an idle runner is given up. */
  readonly isAtWorkAfterAll: () => Promise<boolean>;
  /** The host of a working VM does not answer. */
  readonly noteSilence: () => void;
}

/** Which slot, and how long its host is waited for while a job runs. */
export interface SlotHeld {
  readonly runner: string;
  readonly host: string;
  readonly slot: string;
  readonly limits: PhaseLimits;
}

/**
 * Takes a slot on a host, from now until the VM is gone. When the agent stops answering the slot is taken up again as
 * soon as it is back, for as long as it is worth waiting.
 */
export function takeHold({ limits, ...slot }: SlotHeld, work: Work): Hold {
  const steps = hostSteps(slot.host, limits);
  const scope = new CancellationScope();

  async function hold(): Promise<void> {
    try {
      await steps.hold.holdSlot({ runner: slot.runner, slot: slot.slot, adopt: false });
    } catch (err) {
      if (isFinal(err)) throw err;
      await adoptUntilReleased();
    }
  }

  async function adoptUntilReleased(): Promise<void> {
    for (let broken = 0; ;) {
      const wasAtWork = work.isAtWork();
      const within = wasAtWork ? limits.hostReturnMs : IDLE_RETURN_GRACE_MS;
      log.warn('the host does not answer; waiting for it to take up its VM again', { within, ...slot });
      if (wasAtWork) work.noteSilence();
      try {
        await steps.adopt(within).holdSlot({ runner: slot.runner, slot: slot.slot, adopt: true });
        return;
      } catch (err) {
        if (isFinal(err)) throw err;
        broken = isSilence(err) ? 0 : broken + 1;
        if (broken >= MAX_BROKEN && patched('give-up-broken-holds')) throw hostBroken(slot.host, err);
        // A pulse that was there and stopped once more gets the same grace again.
        if (!neverStarted(err)) continue;
        if (wasAtWork || !(work.isAtWork() || (await work.isAtWorkAfterAll()))) throw hostLost(slot.host);
      }
    }
  }

  // Shielded: cancelling the workflow must not drop the slot before the VM is gone.
  const held = CancellationScope.nonCancellable(() => scope.run(hold));
  const lost = held.then(
    () => new Promise<never>(() => undefined),
    (err: unknown) => {
      throw err;
    },
  );
  lost.catch(() => undefined);
  return {
    lost,
    end: async () => {
      scope.cancel();
      await held.catch(() => undefined);
    },
  };
}

const hostLost = (host: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(`host ${host} stopped answering`, 'HostLost');

const hostBroken = (host: string, err: unknown): ApplicationFailure =>
  ApplicationFailure.nonRetryable(`host ${host} cannot hold the slot: ${causeText(err)}`, 'HostBroken');

const causeOf = (err: unknown): unknown => (err instanceof ActivityFailure ? err.cause : err);

function causeText(err: unknown): string {
  const cause = causeOf(err);
  return cause instanceof Error ? cause.message : String(cause);
}

/** The host itself said no; anything else is silence. A stopped agent is silence, too: it may be back at once. */
function isFinal(err: unknown): boolean {
  if (isCancellation(err)) return true;
  const cause = causeOf(err);
  return cause instanceof ApplicationFailure && isFailureType(cause.type) && cause.type !== 'AgentStopped';
}

function isSilence(err: unknown): boolean {
  const cause = causeOf(err);
  return cause instanceof TimeoutFailure || (cause instanceof ApplicationFailure && cause.type === 'AgentStopped');
}

function neverStarted(err: unknown): boolean {
  return (causeOf(err) as { timeoutType?: string } | undefined)?.timeoutType === 'SCHEDULE_TO_START';
}
