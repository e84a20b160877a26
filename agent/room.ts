/** Whether this host has room for one more VM: pure, by what is there, not by what anyone remembers. */

import { isOurRunner } from '../jobs/names.js';
import type { LibraryEntry } from '../providers/provider.js';

export interface Room {
  readonly namePrefix: string;
  /** Names of the configured slots. */
  readonly slots: readonly string[];
  readonly vmLimit: number;
  /** Every hold this host answers for, its VM made or not. */
  readonly holds: readonly { readonly runner: string; readonly slot: string }[];
  /** Everything in the provider's library. */
  readonly library: readonly LibraryEntry[];
}

/** Why there is no room in this slot, in words; undefined when there is. */
export function whyNoRoom(room: Room, slot: string): string | undefined {
  const { slots, holds, vmLimit } = room;
  if (!slots.includes(slot)) return `no slot is named ${slot} here`;
  const holder = holds.find((hold) => hold.slot === slot);
  if (holder !== undefined) return `slot ${slot} is held by ${holder.runner}`;
  const ours = ownVms(room);
  if (ours.length >= slots.length) return `all ${slots.length} slots are taken, by ${ours.join(', ')}`;
  const busy = runningOrHeld(room);
  if (busy.length >= vmLimit) return `${busy.length} of at most ${vmLimit} VMs run or are about to: ${busy.join(', ')}`;
  return undefined;
}

/** Our VMs, there or coming; also such as no hold names (leftovers take room until they are gone). */
export function ownVms({
  namePrefix,
  holds,
  library,
}: Pick<Room, 'namePrefix' | 'holds' | 'library'>): readonly string[] {
  const listed = library.map(({ name }) => name).filter((name) => isOurRunner(namePrefix, name));
  return [...new Set([...holds.map(({ runner }) => runner), ...listed])];
}

/** Running VMs, whoever's, and ours that may start at any moment. */
function runningOrHeld({ holds, library }: Room): readonly string[] {
  const held = new Set(holds.map(({ runner }) => runner));
  const running = library.filter(({ name, status }) => status === 'running' && !held.has(name));
  return [...held, ...running.map(({ name }) => name)];
}
