/**
 * Disk room for a pull: what it needs against what is free, and if that is too little, which templates may go, the least
 * recently used first. What may go is decided narrowly, because what is gone by mistake may be gone for good:
 * a tagged entry that is no VM and does not run, that Berth itself pulled or used, that no VM of Berth's is made of, that
 * the config does not name, and that a registry still has with this very tag.
 */

import type { Logger } from 'pino';
import { isOurRunner } from '../jobs/names.js';
import type { LibraryEntry, Provider, PullSize, TemplateRef } from '../providers/provider.js';
import { gigabytes } from './disk-text.js';
import { AgentFailure, failureType } from './failure.js';
import type { Library } from './library.js';
import type { TemplateUses } from './template-uses.js';

export interface TemplateRoomDeps {
  readonly host: string;
  readonly namePrefix: string;
  readonly provider: Provider;
  readonly library: Library;
  readonly uses: TemplateUses;
  /** Whether this VM may still be there. */
  readonly isLive: (runner: string) => boolean;
  /** Templates that the config names, by id or name. */
  readonly pinned: readonly string[];
  /** Every registry that this host pulls from; undefined is Anka's default one. */
  readonly registries: readonly (string | undefined)[];
  readonly log: Logger;
}

export interface RoomRequest extends TemplateRef {
  readonly registryUrl: string | undefined;
  /** Percent of the disk that must stay free. */
  readonly bufferPercent: number;
  readonly signal: AbortSignal;
  readonly progress: (what: string) => void;
  /** Removes it, unless `mayGo` says otherwise once nobody can begin to use it. False: it stayed. */
  readonly remove: (entry: LibraryEntry, mayGo: (now: LibraryEntry) => boolean) => Promise<boolean>;
}

export interface TemplateRoom {
  /**
   * Makes sure that the pull fits.
   * @returns what is to be downloaded, if that is known
   * @throws AgentFailure `DiskFull`
   */
  readonly make: (request: RoomRequest) => Promise<number | undefined>;
}

interface Candidate {
  readonly entry: LibraryEntry;
  readonly usedAt: number;
}

export function createTemplateRoom(deps: TemplateRoomDeps): TemplateRoom {
  const { provider, library, uses, log } = deps;

  const make: TemplateRoom['make'] = async (request) => {
    const first = await sizeOf(request);
    const stayed = new Set<string>();
    for (let size = first; size !== undefined && missing(size, request) > 0; size = await sizeOf(request)) {
      request.progress(`makes room for ${request.template}`);
      const chosen = await choose(missing(size, request), request, stayed);
      if (chosen === undefined) throw diskFull(size, request);
      for (const entry of chosen) {
        if (!(await request.remove(entry, (now) => mayGo(now, request)))) stayed.add(entry.uuid);
      }
    }
    return first?.bytes;
  };

  /** Undefined where the tool cannot say: then the pull itself shows whether it fits. */
  async function sizeOf({ template, tag, registryUrl, signal }: RoomRequest): Promise<PullSize | undefined> {
    try {
      return await provider.pullSize({ template, tag }, registryUrl, { signal });
    } catch (err) {
      if (failureType(err) === undefined) throw err;
      log.warn({ err, template, tag }, 'size of the template not known, pulled without a look at the disk');
      return undefined;
    }
  }

  /** The least recently used ones that together are large enough; undefined when all of them are not. */
  async function choose(
    bytes: number,
    request: RoomRequest,
    stayed: ReadonlySet<string>,
  ): Promise<readonly LibraryEntry[] | undefined> {
    const chosen: LibraryEntry[] = [];
    let sum = 0;
    for (const { entry } of candidates(await library.read(0), request)) {
      if (stayed.has(entry.uuid) || !(await canBePulledAgain(entry, request.signal))) continue;
      chosen.push(entry);
      sum += (await provider.sizeOf(entry.uuid, { signal: request.signal }))?.imageBytes ?? 0;
      if (sum >= bytes) return chosen;
    }
    return undefined;
  }

  const candidates = (entries: readonly LibraryEntry[], ref: TemplateRef): readonly Candidate[] =>
    entries
      .filter((entry) => mayGo(entry, ref))
      .map((entry) => ({ entry, usedAt: Math.max(...uses.of(namesOf(entry)).map(({ usedAt }) => usedAt)) }))
      .sort((a, b) => a.usedAt - b.usedAt);

  function mayGo(entry: LibraryEntry, ref: TemplateRef): boolean {
    const { name, tag, status } = entry;
    const isTemplate = tag !== undefined && !isOurRunner(deps.namePrefix, name);
    const isAtRest = status === 'stopped' || status === 'suspended' || status === 'failed';
    const names = namesOf(entry);
    if (!isTemplate || !isAtRest || names.includes(ref.template)) return false;
    const known = uses.of(names);
    return (
      known.length > 0 &&
      !known.some(({ runners }) => runners.some(deps.isLive)) &&
      !deps.pinned.some((pinned) => names.includes(pinned))
    );
  }

  async function canBePulledAgain({ uuid, tag = '' }: LibraryEntry, signal: AbortSignal): Promise<boolean> {
    for (const registryUrl of deps.registries) {
      const has = provider.hasInRegistry({ template: uuid, tag }, registryUrl, { signal });
      const isThere = await has.catch((err: unknown) => {
        if (failureType(err) === undefined) throw err;
        return false;
      });
      if (isThere) return true;
    }
    return false;
  }

  function diskFull(size: PullSize, { template, tag, bufferPercent }: RoomRequest): AgentFailure {
    const { bytes, availableBytes, diskBytes } = size;
    const needs = `template ${template}, tag ${tag}, needs ${gigabytes(bytes)}`;
    const stays = `${gigabytes(spare(size, bufferPercent))} are to stay free`;
    const free = `${gigabytes(availableBytes)} of ${gigabytes(diskBytes)} are free`;
    return new AgentFailure(
      'DiskFull',
      `${needs} and ${stays}; ${free} on host ${deps.host}, and no unused templates would make room enough`,
    );
  }

  return { make };
}

const namesOf = ({ uuid, name }: LibraryEntry): readonly string[] => [uuid, name];

const spare = ({ diskBytes }: PullSize, bufferPercent: number): number => (diskBytes * bufferPercent) / 100;

/** How many bytes too few are free; 0 or less when it fits. */
const missing = (size: PullSize, { bufferPercent }: RoomRequest): number =>
  size.bytes + spare(size, bufferPercent) - size.availableBytes;
