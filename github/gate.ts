/**
 * The limits of one credential. GitHub says with each answer how much is left, and with 403 or 429 when to come again
 * (GitHub docs "Rate limits for the REST API"). Until then the gate is closed: a call fails here, before it leaves. When
 * few calls are left it is closed to the less important ones (`purpose.ts`).
 */

import type { Logger } from 'pino';
import { limitText } from '../jobs/limits.js';
import type { LimitLeft, LimitPause, LimitWhy } from '../jobs/limits.js';
import { createBudget } from './budget.js';
import type { Clock } from './clock.js';
import { GitHubRateLimited } from './errors.js';
import { coreNumbers, isRefusedByLimit, retryAfter, whenAgain } from './limit-headers.js';
import type { LimitedAnswer } from './limit-headers.js';
import { stoppedAt } from './purpose.js';
import type { Purpose } from './purpose.js';

/** How much a credential may still do, as its last answer said. */
export interface LimitState {
  readonly credential: string;
  /** Null until an answer said so. */
  readonly limit: number | null;
  readonly remaining: number | null;
  /** Epoch milliseconds. */
  readonly resetAt: number | null;
  /** Epoch milliseconds; null: open. */
  readonly closedUntil: number | null;
}

/** What one process found out, and the others should know. */
export interface LimitNews {
  readonly pause?: LimitPause;
  readonly left?: LimitLeft;
}

/** A call that is under way. */
export interface Passage {
  /** Reads the answer; tells whether it was refused because of a limit, and if so the pause that follows. */
  note(answer: LimitedAnswer): LimitPause | null;
  /** The call is over, whether it was answered or not. */
  leave(): void;
}

export interface Gate {
  /** @throws GitHubRateLimited while the gate is closed to calls of this kind */
  check(purpose: Purpose): void;
  /** As `check`, for a call that leaves now. */
  enter(purpose: Purpose): Passage;
  /** What another process found out. */
  hear(news: LimitNews): void;
  state(): LimitState;
}

export interface GateOptions {
  readonly credential: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told what this process finds out, and the others should know. */
  readonly tell?: ((news: LimitNews) => void) | undefined;
}

/** Without a time from GitHub: one minute, doubled each time it is refused again, at most 15. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 15 * 60_000;
/** No time that GitHub gives is longer than an hour; one that is must be a mistake of something in between. */
const LONGEST_OBEYED_MS = 24 * 3_600_000;
/** Warned about once an hour when less than this share is left. */
const LOW_SHARE = 0.1;

export function createGate({ credential, clock, log, tell = () => undefined }: GateOptions): Gate {
  const budget = createBudget(clock);
  let pause: LimitPause = { until: 0, why: 'asked', refusals: 0 };
  let warnedFor: number | null = null;
  let toldStopped = 0;

  const close = (wanted: number, why: LimitPause['why'], words: string, refusals = pause.refusals): LimitPause => {
    const until = Math.min(wanted, clock.now() + LONGEST_OBEYED_MS);
    if (until <= pause.until) return pause;
    pause = { until, why, refusals };
    log.warn({ credential, until: new Date(until).toISOString(), why: words }, 'github limit reached: calls paused');
    tell({ pause });
    return pause;
  };

  const pauseWithoutTime = (): LimitPause => {
    // Calls that were under way when the gate closed are refused too: that is one refusal, not many.
    if (clock.now() < pause.until) return pause;
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** pause.refusals, LONGEST_PAUSE_MS);
    return close(clock.now() + ms, 'asked', 'secondary limit', pause.refusals + 1);
  };

  const look = (): void => {
    const left = budget.left();
    if (left === null) return;
    const { limit, remaining, resetAt } = left;
    if (remaining === 0 && resetAt > clock.now()) close(resetAt + 1_000, 'used-up', 'primary limit used up');
    const stopped = stoppedAt(remaining, limit);
    // That nothing is left has just been told.
    if (stopped > toldStopped && remaining > 0) tell({ left });
    toldStopped = stopped;
    if (remaining > limit * LOW_SHARE || warnedFor === resetAt) return;
    warnedFor = resetAt;
    log.warn({ credential, remaining, limit, resetAt }, 'github limit is low');
  };

  const note = (answer: LimitedAnswer, call: number): LimitPause | null => {
    const numbers = coreNumbers(answer.headers);
    if (numbers !== null) budget.read(numbers, call);
    look();
    const again = whenAgain(answer, clock.now());
    if (again?.isUsedUp === true) return close(again.until, 'used-up', 'primary limit used up');
    if (again !== null) return close(again.until, 'asked', 'github said when to come again');
    if (isRefusedByLimit(answer)) return pauseWithoutTime();
    if (answer.status < 400) pause = { ...pause, refusals: 0 };
    // A failing GitHub may ask for time too; this answer is a failure all the same.
    const after = retryAfter(answer.headers['retry-after'], clock.now());
    if (after !== null && answer.status >= 500) close(after, 'asked', 'github failed and asked to wait');
    return null;
  };

  const check = (purpose: Purpose): void => {
    const isPaused = clock.now() < pause.until;
    const obstacle = isPaused ? pause : budget.obstacle(purpose);
    if (obstacle !== null) throw limited(obstacle, credential);
  };

  return {
    check,
    enter: (purpose) => {
      check(purpose);
      const call = budget.begin();
      return { note: (answer) => note(answer, call), leave: () => budget.end() };
    },
    hear: ({ pause: other, left }) => {
      if (left !== undefined) {
        budget.hear(left);
        toldStopped = Math.max(toldStopped, stoppedAt(left.remaining, left.limit));
      }
      if (other === undefined || other.until <= Math.max(pause.until, clock.now())) return;
      pause = other;
      const until = new Date(other.until).toISOString();
      log.warn({ credential, until, why: other.why }, 'github limit reached by another orchestrator: calls paused');
    },
    state: () => ({ credential, ...budget.numbers(), closedUntil: pause.until > clock.now() ? pause.until : null }),
  };
}

function limited({ until, why }: { readonly until: number; readonly why: LimitWhy }, credential: string): Error {
  return new GitHubRateLimited(`${limitText(why, until)} (credential: ${credential})`, until, why);
}
