/**
 * GitHub's limits of one credential, as all orchestrators share them: what one of them found out, and what all of them
 * together know. Pure: the workflow `limits/…` and each process come to the same by the same notes.
 */

/**
 * Why a call must wait:
 * - `used-up`: the calls of this hour are used up; `reserved`: what is left is kept for what matters more;
 * - `asked`: GitHub asks for a pause (`retry-after`, a secondary limit);
 * - `spaced`: creations are spread over time; `under-way`: the calls under way may be the last.
 */
export type LimitWhy = 'used-up' | 'reserved' | 'asked' | 'spaced' | 'under-way';

/** No call is allowed before `until` (epoch milliseconds). */
export interface LimitPause {
  readonly until: number;
  readonly why: Extract<LimitWhy, 'used-up' | 'asked'>;
  /** How often GitHub refused without saying for how long, one after the other: the next such pause is longer. */
  readonly refusals: number;
}

/** What GitHub says is left of this hour's calls. */
export interface LimitLeft {
  readonly limit: number;
  readonly remaining: number;
  /** Epoch milliseconds. */
  readonly resetAt: number;
}

const WORDS: Readonly<Record<LimitWhy, string>> = {
  'used-up': "GitHub's limit is used up until",
  reserved: "what is left of GitHub's limit is kept for registrations until",
  asked: 'GitHub asks to wait until',
  spaced: 'many runners are being registered; this one waits until',
  'under-way': "GitHub's limit is nearly used up; the calls under way are waited for until",
};

/** In words for the operator; the time of day is UTC's. No limit of GitHub's lasts a day. */
export function limitText(why: LimitWhy, until: number): string {
  return `${WORDS[why]} ${new Date(until).toISOString().slice(11, 19)} UTC`;
}

/** What one orchestrator process tells the others. Crosses Temporal and stays in history. */
export interface LimitNote {
  /** The process. */
  readonly member: string;
  /** Epoch milliseconds, by the clock of the process. */
  readonly at: number;
  readonly pause?: LimitPause;
  readonly left?: LimitLeft;
  /** It registers runners at the moment: it takes its share of the creations. */
  readonly registers?: true;
  /** It ends, and takes no share any more. */
  readonly leaves?: true;
}

/** What all processes together know. */
export interface SharedLimits {
  readonly pause: LimitPause | null;
  readonly left: LimitLeft | null;
  /** Until when each process that registers runners counts as doing so (epoch milliseconds). */
  readonly registering: Readonly<Record<string, number>>;
}

export const NOTHING_KNOWN: SharedLimits = { pause: null, left: null, registering: {} };

/** A process that registers says so once a minute. */
export const REGISTERS_AGAIN_MS = 60_000;
const COUNTS_FOR_MS = REGISTERS_AGAIN_MS * 1.5;

export function noted(limits: SharedLimits, note: LimitNote): SharedLimits {
  const registering = Object.fromEntries(Object.entries(limits.registering).filter(([, until]) => until > note.at));
  if (note.registers === true) registering[note.member] = note.at + COUNTS_FOR_MS;
  if (note.leaves === true) delete registering[note.member];
  const { pause = null, left = null } = note;
  const isLonger = pause !== null && pause.until > (limits.pause?.until ?? 0);
  return { pause: isLonger ? pause : limits.pause, left: lessOf(limits.left, left), registering };
}

/** Resets are whole seconds, and GitHub's servers differ by one now and then. */
const SAME_RESET_MS = 5_000;

/** The word that counts of two about what is left: that of the later hour; of the same hour, the smaller number. */
export function lessOf(known: LimitLeft | null, news: LimitLeft | null): LimitLeft | null {
  if (known === null || news === null) return known ?? news;
  if (Math.abs(news.resetAt - known.resetAt) > SAME_RESET_MS) return news.resetAt > known.resetAt ? news : known;
  return news.remaining < known.remaining ? news : known;
}

/** How many processes register runners at `now`, `member` included. */
export function registrars({ registering }: SharedLimits, member: string, now: number): number {
  return 1 + Object.entries(registering).filter(([name, until]) => name !== member && until > now).length;
}
