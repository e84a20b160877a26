/**
 * Follows one guest from the start of its runner to its end: a single long command that prints a line when something
 * changed. While all is well nothing is polled; only when that command ends early is the provider asked about the VM.
 */

import type { Logger } from 'pino';
import type { GuestState } from '../activities/contracts.js';
import { VM_LOST } from '../jobs/exit-codes.js';
import type { Provider } from '../providers/provider.js';
import { messageOf } from './failure.js';
import { GUEST_WATCH } from './guest-files.js';
import { NOTHING_YET, parseGuestState } from './guest-state.js';
import type { Library } from './library.js';
import { pause } from './waiting.js';
import type { Workflows } from './workflows.js';

export interface WatchDeps {
  readonly provider: Provider;
  readonly library: Library;
  readonly workflows: Workflows;
  readonly log: Logger;
  /** Pauses between attempts, in milliseconds, the last one for ever. */
  readonly pausesMs?: readonly number[];
  /** Default: `QUIET_MS`. */
  readonly quietMs?: number;
}

/**
 * News of the guest waits this long (milliseconds): GitHub's webhook usually says the same at the same moment, and when
 * the VM is destroyed by then, a message and its work are saved. A job's start matters a minute later at the earliest.
 */
const QUIET_MS = 1_000;

/** A watch that broke is taken up at once, then ever more rarely. */
const PAUSES_MS = [200, 1_000, 5_000, 15_000, 60_000];

/** A watch that lived this long was well: the pauses begin anew. */
const WELL_MS = 60_000;

/**
 * Resolves when the runner has ended and its workflow knows, or the workflow is gone, or `signal` is aborted.
 * A VM that stopped running is told as exit code 125 (`VM_LOST`). Never rejects.
 */
export async function watchGuest(
  deps: WatchDeps,
  vm: { readonly runner: string; readonly workflowId: string },
  signal: AbortSignal,
): Promise<void> {
  const { log, pausesMs = PAUSES_MS } = deps;
  const { runner } = vm;
  const teller = createTeller(deps, vm, signal, pausesMs);
  try {
    for (let broken = 0; ; broken++) {
      const since = performance.now();
      const why = await follow(deps, runner, signal, teller.tell);
      if (teller.hasEnded()) return await teller.settled();
      if (performance.now() - since > WELL_MS) broken = 0;
      log.warn({ runner, why, broken }, 'watch interrupted');
      if (await isLost(deps, runner)) {
        log.error({ runner }, 'vm lost');
        teller.tell({ ...teller.last(), exitCode: VM_LOST });
        return await teller.settled();
      }
      await pause(pauseAt(pausesMs, broken), signal);
    }
  } catch (err) {
    if (!signal.aborted) log.error({ err, runner }, 'watch ended');
  }
}

const pauseAt = (pausesMs: readonly number[], tries: number): number =>
  pausesMs[Math.min(tries, pausesMs.length - 1)] ?? 1_000;

/** One watch command, to its end; answers why it ended. @throws the signal's reason */
async function follow(
  { provider }: WatchDeps,
  runner: string,
  signal: AbortSignal,
  tell: (state: GuestState) => void,
): Promise<string> {
  const onLine = (line: string): void => {
    const state = parseGuestState(line);
    if (state !== undefined) tell(state);
  };
  try {
    const { exitCode } = await provider.run(runner, GUEST_WATCH, { timeoutMs: 0, signal, onLine });
    return `exit code ${exitCode}`;
  } catch (err) {
    if (signal.aborted) throw err;
    return messageOf(err);
  }
}

/** Only a list that answers and doesn't have the VM running is proof. */
async function isLost({ library, log }: WatchDeps, runner: string): Promise<boolean> {
  try {
    return (await library.whyNotRunning(runner)) !== undefined;
  } catch (err) {
    log.warn({ err, runner }, 'vm not checked');
    return false;
  }
}

interface Teller {
  readonly tell: (state: GuestState) => void;
  readonly last: () => GuestState;
  readonly hasEnded: () => boolean;
  /** Resolves when the workflow knows the last state. */
  readonly settled: () => Promise<void>;
}

/** Tells the workflow the newest state, however long Temporal is away; states in between may be skipped. */
function createTeller(
  { workflows, log, quietMs = QUIET_MS }: WatchDeps,
  { runner, workflowId }: { readonly runner: string; readonly workflowId: string },
  signal: AbortSignal,
  pausesMs: readonly number[],
): Teller {
  let last = NOTHING_YET;
  let told: GuestState | undefined;
  let telling: Promise<void> | undefined;

  async function tellAll(): Promise<void> {
    for (let tries = 0; told !== last && !signal.aborted;) {
      if (last.exitCode !== VM_LOST) await pause(quietMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const state = last;
      try {
        const answer = await workflows.reportGuest(workflowId, state);
        log.info({ runner, workflowId, ...state, answer }, 'guest reported');
        told = state;
        tries = 0;
      } catch (err) {
        log.warn({ err, runner, workflowId }, 'guest not reported yet');
        await pause(pauseAt(pausesMs, tries++), signal).catch(() => undefined);
      }
    }
  }

  return {
    tell: (state) => {
      last = state;
      telling ??= tellAll().finally(() => (telling = undefined));
    },
    last: () => last,
    hasEnded: () => last.exitCode !== null,
    settled: async () => {
      while (telling !== undefined) await telling;
    },
  };
}
