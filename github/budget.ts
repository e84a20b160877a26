/** What is left of an hour's calls, and for what. */

import { lessOf } from '../jobs/limits.js';
import type { LimitLeft, LimitWhy } from '../jobs/limits.js';
import type { Clock } from './clock.js';
import type { CoreNumbers } from './limit-headers.js';
import { reserveOf } from './purpose.js';
import type { Purpose } from './purpose.js';

export interface Obstacle {
  /** Epoch milliseconds. */
  readonly until: number;
  readonly why: LimitWhy;
}

export interface Budget {
  /** Counts a call as under way; its number orders it among the others. */
  begin(): number;
  end(): void;
  /** What the answer to that call says. */
  read(numbers: CoreNumbers, call: number): void;
  /** What another process was told. */
  hear(left: LimitLeft): void;
  /** Why a call of this kind must wait; null: it need not. */
  obstacle(purpose: Purpose): Obstacle | null;
  /** Null fields: not known. */
  numbers(): CoreNumbers;
  /** Null until GitHub said all of it, and after the reset. */
  left(): LimitLeft | null;
}

/** Resets are whole seconds. */
const ROUNDING_MS = 1_000;
/** Calls under way end within a moment; then it is known what is left. */
const UNDER_WAY_MS = 1_000;

export function createBudget(clock: Clock): Budget {
  let limit: number | null = null;
  let remaining: number | null = null;
  let resetAt: number | null = null;
  let begun = 0;
  let newest = 0;
  let underWay = 0;

  const left = (): LimitLeft | null => {
    if (limit === null || remaining === null || resetAt === null || clock.now() >= resetAt + ROUNDING_MS) return null;
    return { limit, remaining, resetAt };
  };

  return {
    begin: () => {
      underWay += 1;
      return (begun += 1);
    },
    end: () => {
      underWay -= 1;
    },
    read: (numbers, call) => {
      limit = numbers.limit ?? limit;
      // Answers overtake each other: the call that began last knows best.
      if (call < newest && (numbers.resetAt ?? 0) <= (resetAt ?? 0)) return;
      newest = Math.max(newest, call);
      resetAt = numbers.resetAt ?? resetAt;
      remaining = numbers.remaining ?? remaining;
    },
    hear: (news) => {
      ({ limit, remaining, resetAt } = lessOf(left(), news) ?? news);
    },
    obstacle: (purpose) => {
      const known = left();
      if (known === null) return null;
      const reserve = reserveOf(purpose, known.limit);
      const until = known.resetAt + ROUNDING_MS;
      if (known.remaining <= reserve) return { until, why: known.remaining === 0 ? 'used-up' : 'reserved' };
      const isTight = known.remaining - underWay <= reserve;
      return isTight ? { until: Math.min(until, clock.now() + UNDER_WAY_MS), why: 'under-way' } : null;
    },
    numbers: () => ({ limit, remaining, resetAt }),
    left,
  };
}
