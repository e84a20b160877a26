/** What a job does after its runner failed. Pure; the table of tests is `test/jobs/attempts.test.ts`. */

import { remedyFor } from './failures.js';
import type { FailureType } from './failures.js';

/** What has gone wrong so far for one job. */
export interface Trouble {
  /** Attempts that failed through a VM or a guest. */
  readonly used: number;
  /** Failures in a row that weren't the job's: busy hosts, GitHub, no pick-up. */
  readonly free: number;
}

export const NO_TROUBLE: Trouble = { used: 0, free: 0 };

export type NextMove =
  | { readonly kind: 'again'; readonly trouble: Trouble; readonly pauseMs: number; readonly avoidHost: boolean }
  | { readonly kind: 'give-up'; readonly trouble: Trouble; readonly type: FailureType };

const LONGEST_PAUSE_MS = 5 * 60_000;

/** The first repeats are free of waiting: most troubles are gone with a new VM or another host. */
function pauseAfter(repeats: number, firstPauseMs: number): number {
  return repeats <= 1 ? 0 : Math.min(firstPauseMs * 2 ** (repeats - 2), LONGEST_PAUSE_MS);
}

/**
 * @param failure why the runner ended; null when it was stopped on purpose while the job still wanted it
 * @param retryAttempts how many failed attempts a job may use up (config `job_retry_attempts`)
 */
export function nextMove(trouble: Trouble, failure: FailureType | null, retryAttempts: number): NextMove {
  const remedy = failure === null ? 'other-host-free' : remedyFor(failure);
  switch (remedy) {
    case 'end-job':
    case 'let-go':
      return { kind: 'give-up', trouble, type: failure ?? 'AttemptsUsedUp' };
    case 'retry-here':
    case 'job-lost':
    case 'new-vm':
    case 'other-host': {
      const used = trouble.used + 1;
      const next = { used, free: trouble.free };
      if (used >= retryAttempts) return { kind: 'give-up', trouble: next, type: 'AttemptsUsedUp' };
      return { kind: 'again', trouble: next, pauseMs: pauseAfter(used, 2_000), avoidHost: true };
    }
    case 'reseal':
    case 'host-broken':
    case 'other-host-free': {
      const next = { used: trouble.used, free: trouble.free + 1 };
      return { kind: 'again', trouble: next, pauseMs: pauseAfter(next.free - 2, 2_000), avoidHost: failure !== null };
    }
    case 'wait-for-reset':
    case 'wait': {
      const next = { used: trouble.used, free: trouble.free + 1 };
      return { kind: 'again', trouble: next, pauseMs: pauseAfter(next.free, 10_000), avoidHost: false };
    }
  }
}
