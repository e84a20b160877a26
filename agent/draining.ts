/** Whether this host takes new VMs, and who says that it does not. It may be said by several at once. */

import type { DrainSource } from '../activities/contracts.js';

export interface Draining {
  readonly set: (source: DrainSource, isOn: boolean) => void;
  /** Empty: new VMs are taken. */
  readonly sources: () => readonly DrainSource[];
}

/** @param onChange called when somebody more, or somebody less, wants it drained */
export function createDraining(onChange: (sources: readonly DrainSource[]) => void): Draining {
  const on = new Set<DrainSource>();
  const sources = (): readonly DrainSource[] => [...on].sort();
  return {
    sources,
    set: (source, isOn) => {
      if (on.has(source) === isOn) return;
      if (isOn) on.add(source);
      else on.delete(source);
      onChange(sources());
    },
  };
}

const WORDS: Readonly<Record<DrainSource, string>> = {
  operator: 'an operator drained it',
  file: 'a drain file is there',
  stop: 'its agent stops',
};

/** Why it takes nothing, in words: "an operator drained it, a drain file is there". */
export const drainWords = (sources: readonly DrainSource[]): string =>
  sources.map((source) => WORDS[source]).join(', ');
