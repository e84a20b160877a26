/** The provider's list, remembered for a moment: every look is a process, and several parts of the agent look. */

import { setTimeout as delay } from 'node:timers/promises';
import { LATEST } from '../jobs/labels.js';
import type { LibraryEntry, Provider } from '../providers/provider.js';

export interface Library {
  /** A list that was begun at most `maxAgeMs` ago; 0 = a new one. VMs deleted since its begin are left out. */
  readonly read: (maxAgeMs: number) => Promise<readonly LibraryEntry[]>;
  /** The last list, however old; undefined before the first. */
  readonly last: () => readonly LibraryEntry[] | undefined;
  /** A list that is at most this old, without asking for one. */
  readonly recent: (maxAgeMs: number) => readonly LibraryEntry[] | undefined;
  /**
   * Undefined when this VM runs, or may; else what it is instead, in a word. Looks twice before it says so: a VM that
   * a job runs on is given up by this answer.
   */
  readonly whyNotRunning: (vm: string) => Promise<string | undefined>;
  /** This VM is gone: lists begun before now may still name it. */
  readonly noteGone: (vm: string) => void;
  /** Something changed that the next reader must see. */
  readonly expire: () => void;
}

/** Far longer than any list takes; VM names are never used twice. */
const FORGET_GONE_MS = 10 * 60_000;

/** Between the two looks; a VM service that restarts has its VMs again by then. */
const SECOND_LOOK_MS = 500;

interface Snapshot {
  readonly begunAt: number;
  readonly entries: readonly LibraryEntry[];
}

export interface LibraryEvents {
  /** After each new list. */
  readonly onList: () => void;
  /** A list could not be had. */
  readonly onFailure: (err: unknown) => void;
}

/**
 * @param now a clock that never goes back (milliseconds)
 */
export function createLibrary(
  provider: Provider,
  { onList, onFailure }: LibraryEvents,
  now = (): number => performance.now(),
): Library {
  let snapshot: Snapshot | undefined;
  let isExpired = false;
  const gone = new Map<string, number>();

  const withoutGone = ({ begunAt, entries }: Snapshot): readonly LibraryEntry[] =>
    entries.filter(({ name }) => (gone.get(name) ?? -Infinity) < begunAt);

  function recent(maxAgeMs: number): readonly LibraryEntry[] | undefined {
    const isUsable = snapshot !== undefined && !isExpired && now() - snapshot.begunAt < maxAgeMs;
    return isUsable && snapshot !== undefined ? withoutGone(snapshot) : undefined;
  }

  async function list(): Promise<readonly LibraryEntry[]> {
    try {
      return await provider.list();
    } catch (err) {
      onFailure(err);
      throw err;
    }
  }

  async function read(maxAgeMs: number): Promise<readonly LibraryEntry[]> {
    const known = recent(maxAgeMs);
    if (known !== undefined) return known;
    const begunAt = now();
    isExpired = false;
    const taken: Snapshot = { begunAt, entries: await list() };
    // Of two lists under way at once the later one counts.
    if (snapshot === undefined || snapshot.begunAt <= begunAt) {
      snapshot = taken;
      for (const [name, at] of gone) if (at < begunAt - FORGET_GONE_MS) gone.delete(name);
    }
    onList();
    return withoutGone(taken);
  }

  async function look(vm: string): Promise<string | undefined> {
    const entry = (await read(0)).find(({ name }) => name === vm);
    if (entry === undefined) return 'not there';
    return entry.status === 'running' || entry.status === 'unknown' ? undefined : entry.status;
  }

  return {
    read,
    recent,
    whyNotRunning: async (vm) => {
      if ((await look(vm)) === undefined) return undefined;
      await delay(SECOND_LOOK_MS);
      return look(vm);
    },
    last: () => (snapshot === undefined ? undefined : withoutGone(snapshot)),
    noteGone: (vm) => gone.set(vm, now()),
    expire: () => {
      isExpired = true;
    },
  };
}

/** The tag that a list shows for this template; undefined when it is not there, or broken. */
export function tagIn(library: readonly LibraryEntry[], template: string): string | undefined {
  const entry = library.find(({ uuid, name }) => uuid === template || name === template);
  return entry === undefined || entry.status === 'failed' ? undefined : (entry.tag ?? LATEST);
}
