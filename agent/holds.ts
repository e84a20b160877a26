/**
 * Who holds which slot of this host. A hold is granted by what the provider's list and the ledger say; granting is
 * serialised, so that two at once never overshoot. What was seen last is enough to begin with: a look of now confirms
 * it while the VM is cloned, and no VM starts before that (docs/decisions/0010).
 */

import type { Logger } from 'pino';
import { AgentFailure, failureType, messageOf } from './failure.js';
import type { Ledger, LedgerEntry } from './ledger.js';
import type { LibraryEntry } from '../providers/provider.js';
import type { Library } from './library.js';
import { whyNoRoom } from './room.js';
import { createSerial, orAborted } from './waiting.js';

/** One hold, from its grant until its VM is gone. */
export interface Held {
  readonly entry: () => LedgerEntry;
  /** Resolves when its VM is gone and the slot is free. */
  readonly released: Promise<void>;
  /** What this host had when the slot was granted; rejects with `SlotRefused` when there was no room after all. */
  readonly confirmed: Promise<readonly LibraryEntry[]>;
  /** Ends every command that runs for its VM; the reason is an `AgentFailure`. */
  readonly abort: AbortController;
  /** One step at a time. */
  readonly steps: ReturnType<typeof createSerial>;
  /** Found in the ledger at the agent's start, so nothing is known of what was under way for it. */
  readonly inherited: boolean;
  /** How many `holdSlot` activities attend it right now. */
  attended: number;
}

export interface HoldRequest {
  readonly runner: string;
  readonly slot: string;
  readonly workflowId: string;
  readonly runId: string;
}

export interface HoldsDeps {
  readonly host: string;
  readonly namePrefix: string;
  readonly slots: readonly string[];
  readonly vmLimit: number;
  readonly ledger: Ledger;
  readonly library: Library;
  readonly log: Logger;
  /** Called after each grant and release. */
  readonly onChange: () => void;
}

export interface Holds {
  /** @throws AgentFailure `SlotRefused`, with the reason in words; `VmGone` when this runner's VM was destroyed */
  readonly take: (request: HoldRequest) => Promise<Held>;
  /** Takes up a hold of before. @throws AgentFailure `VmGone` when there is none, or its VM should run and does not */
  readonly adopt: (request: HoldRequest) => Promise<Held>;
  readonly find: (runner: string) => Held | undefined;
  readonly all: () => readonly Held[];
  /** Waits for this runner's hold. @throws AgentFailure `VmGone` when it is over, or does not come in time */
  readonly awaited: (runner: string, withinMs: number, signal: AbortSignal) => Promise<Held>;
  /** From now on its runner may have been started: durable. */
  readonly noteStarted: (held: Held) => Promise<void>;
  /** This runner gets no VM any more, whatever is asked for late. */
  readonly doom: (runner: string) => void;
  /** Its VM is gone: forgets it and frees the slot. */
  readonly release: (held: Held) => Promise<void>;
  /** No new holds, with this reason; undefined opens again. */
  readonly close: (reason: string | undefined) => void;
}

/** Names of destroyed VMs that late steps are checked against; a host makes a few hundred VMs a day at most. */
const REMEMBER_DOOMED = 1_000;

interface Slot extends Held {
  readonly free: () => void;
}

export function createHolds(deps: HoldsDeps): Holds {
  const { host, ledger, library, log, onChange } = deps;
  const slots = new Map<string, Slot>();
  const waiters = new Map<string, Set<() => void>>();
  const doomed = new Set<string>();
  const serial = createSerial();
  const entries = new Map<string, LedgerEntry>();
  let closedBecause: string | undefined;
  for (const entry of ledger.found) register(entry, true, Promise.resolve([]));

  function register(entry: LedgerEntry, inherited: boolean, confirmed: Slot['confirmed']): Slot {
    let free = (): void => undefined;
    const released = new Promise<void>((resolve) => (free = resolve));
    const { runner } = entry;
    const slot: Slot = {
      entry: () => entries.get(runner) ?? entry,
      released,
      confirmed,
      abort: new AbortController(),
      steps: createSerial(),
      inherited,
      attended: 0,
      free,
    };
    entries.set(runner, entry);
    slots.set(runner, slot);
    for (const wake of waiters.get(runner) ?? []) wake();
    return slot;
  }

  async function take(request: HoldRequest): Promise<Held> {
    const { runner, slot } = request;
    return serial.run(async () => {
      refuseDoomed(runner);
      const known = slots.get(runner);
      if (known !== undefined) return known;
      if (closedBecause !== undefined) throw refused(runner, closedBecause);
      const earlier = [...entries.keys()];
      const look = freshList(runner);
      look.catch(() => undefined);
      if (!seemsToHaveRoom(slot)) {
        // First the list, then the entries: what was released while the list was under way is in neither.
        const list = await look;
        refuseWithoutRoom(request, [...entries.values()], list);
      }
      refuseDoomed(runner);
      // eslint-disable-next-line no-restricted-properties -- for people who read the ledger
      const entry = { ...request, since: Date.now(), started: false };
      await ledger.put(entry);
      if (doomed.has(runner)) await ledger.remove(runner);
      refuseDoomed(runner);
      const confirmed = look.then((list) => {
        // Holds that came later give way to this one.
        const before = earlier.flatMap((name) => entries.get(name) ?? []);
        refuseWithoutRoom(
          request,
          before,
          list.filter(({ name }) => name !== runner),
        );
        return list;
      });
      confirmed.catch(() => undefined);
      const granted = register(entry, false, confirmed);
      log.info({ runner, slot, host }, 'slot held');
      onChange();
      return granted;
    });
  }

  function seemsToHaveRoom(slot: string): boolean {
    const seen = library.last();
    return (
      seen !== undefined && whyNoRoom({ ...deps, holds: [...entries.values()], library: seen }, slot) === undefined
    );
  }

  function refuseWithoutRoom(
    { runner, slot }: HoldRequest,
    others: readonly LedgerEntry[],
    list: readonly LibraryEntry[],
  ): void {
    const why = whyNoRoom({ ...deps, holds: others, library: list }, slot);
    if (why !== undefined) throw refused(runner, why);
  }

  function refused(runner: string, why: string): AgentFailure {
    log.warn({ runner, host, why }, 'slot refused');
    return new AgentFailure('SlotRefused', `host ${host} has no room for ${runner}: ${why}`);
  }

  async function freshList(runner: string): ReturnType<Library['read']> {
    try {
      return await library.read(0);
    } catch (error) {
      const type = failureType(error);
      if (type === 'ToolMissing' || type === 'HostBroken') throw error;
      throw refused(runner, `what runs here cannot be told (${messageOf(error)})`);
    }
  }

  async function adopt({ runner, workflowId }: HoldRequest): Promise<Held> {
    refuseDoomed(runner);
    const held = slots.get(runner);
    if (held === undefined) throw new AgentFailure('VmGone', `host ${host} has no hold of ${runner}`);
    // What was being made by this very process goes on being made; what was inherited must be there, whole.
    if (held.inherited || held.entry().started) await mustRun(runner);
    log.info({ runner, host, workflowId }, 'vm adopted');
    return held;
  }

  async function mustRun(runner: string): Promise<void> {
    const why = await library.whyNotRunning(runner);
    // Another call may have ended it meanwhile.
    refuseDoomed(runner);
    if (why !== undefined)
      throw new AgentFailure('VmGone', `VM ${runner} does not run on host ${host} any more: ${why}`);
  }

  function refuseDoomed(runner: string): void {
    if (doomed.has(runner)) throw new AgentFailure('VmGone', `VM ${runner} was destroyed on host ${host}`);
  }

  async function awaited(runner: string, withinMs: number, signal: AbortSignal): Promise<Held> {
    refuseDoomed(runner);
    const known = slots.get(runner);
    if (known !== undefined) return known;
    const wakers = waiters.get(runner) ?? new Set();
    waiters.set(runner, wakers);
    let wake = (): void => undefined;
    let timer: NodeJS.Timeout | undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
      timer = setTimeout(resolve, withinMs);
    });
    wakers.add(wake);
    try {
      await orAborted(woken, signal);
    } finally {
      clearTimeout(timer);
      wakers.delete(wake);
      if (wakers.size === 0) waiters.delete(runner);
    }
    refuseDoomed(runner);
    const held = slots.get(runner);
    if (held !== undefined) return held;
    throw new AgentFailure('VmGone', `host ${host} holds no slot for ${runner}`);
  }

  function doom(runner: string): void {
    doomed.add(runner);
    for (const oldest of doomed) {
      if (doomed.size <= REMEMBER_DOOMED) break;
      doomed.delete(oldest);
    }
    for (const wake of waiters.get(runner) ?? []) wake();
  }

  async function release(held: Held): Promise<void> {
    const { runner } = held.entry();
    const slot = slots.get(runner);
    if (slot !== held) return;
    doom(runner);
    await ledger.remove(runner);
    slots.delete(runner);
    entries.delete(runner);
    slot.free();
    log.info({ runner, host }, 'slot released');
    onChange();
  }

  async function noteStarted(held: Held): Promise<void> {
    const entry = { ...held.entry(), started: true };
    await ledger.put(entry);
    entries.set(entry.runner, entry);
  }

  return {
    take,
    adopt,
    awaited,
    doom,
    release,
    noteStarted,
    find: (runner) => slots.get(runner),
    all: () => [...slots.values()],
    close: (reason) => {
      closedBecause = reason;
    },
  };
}
