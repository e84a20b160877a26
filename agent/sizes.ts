/**
 * How large templates and VMs of others are. The tool is asked once for each of them and each tag, between jobs, never
 * on a job's way: until it has answered, and if it doesn't, the size is not known.
 */

import type { Logger } from 'pino';
import type { VmSize } from '../activities/contracts.js';
import { isOurRunner } from '../jobs/names.js';
import type { LibraryEntry, Provider } from '../providers/provider.js';
import { failureType } from './failure.js';

export interface Sizes {
  /** As far as it is known. */
  readonly sizeOf: (entry: LibraryEntry) => VmSize | undefined;
  /** What these take together, as far as it is known. */
  readonly ofAll: (entries: readonly LibraryEntry[]) => VmSize;
  /** Asks for those in this list that are not known, one after the other; one look at a time. Never fails. */
  readonly look: (library: readonly LibraryEntry[]) => Promise<void>;
  /** Resolves when the look that is under way has ended, or so many milliseconds later; at once when there is none. */
  readonly settled: (withinMs: number) => Promise<void>;
}

export interface SizesDeps {
  readonly namePrefix: string;
  readonly provider: Provider;
  readonly log: Logger;
  /** Called once a look has found something. */
  readonly onFound: () => void;
}

export function createSizes({ namePrefix, provider, log, onFound }: SizesDeps): Sizes {
  /** Null: asked in vain, and not asked again until the entry changes. */
  let known = new Map<string, VmSize | null>();
  let looking: Promise<void> | undefined;

  async function ask(entry: LibraryEntry): Promise<VmSize | null> {
    try {
      return (await provider.sizeOf(entry.uuid)) ?? null;
    } catch (err) {
      if (failureType(err) === undefined) throw err;
      log.warn({ err, vm: entry.name }, 'size not known');
      return null;
    }
  }

  async function lookOnce(library: readonly LibraryEntry[]): Promise<void> {
    const entries = [...templatesIn(library, namePrefix), ...foreignIn(library, namePrefix)];
    const next = new Map<string, VmSize | null>();
    let hasFound = false;
    for (const entry of entries) {
      const before = known.get(keyOf(entry));
      const size = before === undefined ? await ask(entry) : before;
      hasFound ||= before === undefined && size !== null;
      next.set(keyOf(entry), size);
    }
    // What is listed no more is forgotten: it may come back with another size.
    known = next;
    if (hasFound) onFound();
  }

  const sizeOf = (entry: LibraryEntry): VmSize | undefined => known.get(keyOf(entry)) ?? undefined;

  return {
    sizeOf,
    ofAll: (entries) => {
      const sizes = entries.map(sizeOf).filter((size) => size !== undefined);
      const sum = (of: (size: VmSize) => number): number => sizes.reduce((total, size) => total + of(size), 0);
      return { cpus: sum(({ cpus }) => cpus), memoryBytes: sum(({ memoryBytes }) => memoryBytes) };
    },
    look: async (library) => {
      if (looking !== undefined) return;
      looking = lookOnce(library)
        .catch((err: unknown) => log.warn({ err }, 'sizes not looked at'))
        .finally(() => (looking = undefined));
      await looking;
    },
    settled: async (withinMs) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, withinMs)));
      await Promise.race([looking, late]).finally(() => clearTimeout(timer));
    },
  };
}

/** A VM is made larger only while it is stopped, so whether it runs is part of what is remembered. */
const keyOf = ({ uuid, tag = '', status }: LibraryEntry): string => `${uuid}\n${tag}\n${status}`;

/** What is not ours and does not run: a template, or somebody's stopped VM, which no label will name. */
export function templatesIn(library: readonly LibraryEntry[], namePrefix: string): readonly LibraryEntry[] {
  return library.filter(
    ({ name, status }) => !isOurRunner(namePrefix, name) && status !== 'running' && status !== 'failed',
  );
}

/** Running VMs that are not ours. */
export function foreignIn(library: readonly LibraryEntry[], namePrefix: string): readonly LibraryEntry[] {
  return library.filter(({ name, status }) => status === 'running' && !isOurRunner(namePrefix, name));
}
