/** Spreads calls over time. */

import { limitText } from '../jobs/limits.js';
import type { Clock } from './clock.js';
import { GitHubRateLimited } from './errors.js';
import type { Session } from './session.js';

export interface Spacing {
  /**
   * Takes the next place, if it is at most `patienceMs` away; else promises a later one to come back for. Who comes back
   * goes before those who have not waited yet. `sharedBy`: so many such spacings together keep the rate.
   * @returns whether it was taken, and how long to wait for it in milliseconds
   */
  take(asked: Asked): { readonly taken: boolean; readonly waitMs: number };
}

export interface Asked {
  readonly patienceMs: number;
  readonly hasWaited: boolean;
  readonly sharedBy: number;
}

/**
 * A token bucket: `burst` calls at once, `perMinute` on the long run. It keeps one number, the time at which the
 * bucket would be empty of debts (generic cell rate algorithm), and a second one for those who were sent away.
 */
export function createSpacing(perMinute: number, burst: number, clock: Clock): Spacing {
  let settled = 0;
  let promised = 0;
  return {
    take: ({ patienceMs, hasWaited, sharedBy }) => {
      const now = clock.now();
      const interval = (60_000 * sharedBy) / perMinute;
      const atOnce = Math.max(1, Math.floor(burst / sharedBy));
      const from = Math.max(settled, now);
      const waitMs = Math.max(0, Math.floor(from - now - (atOnce - 1) * interval));
      const isOvertaking = !hasWaited && promised > now;
      if (waitMs > patienceMs || isOvertaking) {
        // Each comes back at a time of its own, as far apart as places are.
        promised = Math.max(promised, now + waitMs) + interval;
        return { taken: false, waitMs: Math.ceil(promised - now - interval) };
      }
      settled = from + interval;
      return { taken: true, waitMs };
    },
  };
}

/**
 * GitHub's secondary limit is 900 points a minute and a creation costs 5, so 180 a minute; less, for what the sum of
 * several calls may exceed. A burst of jobs starts ten at once.
 */
const CREATIONS_PER_MINUTE = 166;
const CREATIONS_AT_ONCE = 10;
/** A longer wait for its place is the workflow's, not the activity's. */
const PATIENCE_MS = 5_000;

/**
 * Makes a function that waits until a credential may register one more runner, or throws `GitHubRateLimited` when its
 * place is too far away. `hasWaited`: it was sent away before.
 */
export function createPlaces(clock: Clock): (session: Session, hasWaited: boolean) => Promise<void> {
  const spacings = new Map<string, Spacing>();
  return async ({ credential, gate, shared }, hasWaited) => {
    gate.check('registration');
    shared.registers();
    const spacing = spacings.get(credential) ?? createSpacing(CREATIONS_PER_MINUTE, CREATIONS_AT_ONCE, clock);
    spacings.set(credential, spacing);
    const sharedBy = shared.registrars();
    const { taken, waitMs } = spacing.take({ patienceMs: PATIENCE_MS, hasWaited, sharedBy });
    if (!taken) {
      const until = clock.now() + waitMs;
      throw new GitHubRateLimited(limitText('spaced', until), until, 'spaced');
    }
    if (waitMs > 0) await clock.sleep(waitMs);
  };
}
