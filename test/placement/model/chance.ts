/** Choices that a seed decides, so that a schedule can be run again. */
export interface Chance {
  /** A whole number from 0 to `n` - 1. */
  readonly below: (n: number) => number;
  /** True once in `n`. */
  readonly oneIn: (n: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T | undefined;
}

/** The generator known as mulberry32: small, and good enough to choose between a few things. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { below, oneIn: (n) => below(n) === 0, pick: (list) => list[below(list.length)] };
}
