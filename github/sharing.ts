/** How what one process finds out about a credential's limits reaches the other processes that use it. */

import type { LimitNews } from './gate.js';

/** One credential's limits, as this process shares them. None of these ever fails, and none but `ready` waits. */
export interface SharedCredential {
  /** What the others know has been heard, or would take too long: the first call of a process waits for it. */
  readonly ready: Promise<void>;
  readonly tell: (news: LimitNews) => void;
  /** This process registers a runner now, and takes its share of the creations. */
  readonly registers: () => void;
  /** How many processes register runners at the moment, this one included. */
  readonly registrars: () => number;
}

/**
 * Called once for each credential that is used.
 * @param hear is told what the others found out
 */
export type ShareLimits = (credential: string, hear: (news: LimitNews) => void) => SharedCredential;

/** A process that shares with nobody. */
export const unshared: ShareLimits = () => ({
  ready: Promise.resolve(),
  tell: () => undefined,
  registers: () => undefined,
  registrars: () => 1,
});
