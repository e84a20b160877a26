/** Which webhooks did not arrive, and which of them to ask for again. Pure. */

import type { Delivery } from '../../github/deliveries.js';
import { JOB_ACTIONS } from '../../jobs/event.js';

/** An event of which no delivery was answered with success. */
export interface Missed {
  readonly guid: string;
  readonly action: string;
  /** Of its attempts, oldest first. */
  readonly attempts: readonly Delivery[];
  /** It fails although others arrive: it will go on failing. */
  readonly isHopeless: boolean;
}

/** So many attempts that failed by themselves, not because the receiver was away. */
export const MOST_OWN_FAILURES = 6;

/** An attempt that fails within this of one that arrives (ms) does so by itself. */
const SAME_TIME_MS = 60_000;

/** GitHub takes some seconds for a redelivery, at times minutes: it is not asked twice within this (ms). */
const ASKED_FOR_MS = 10 * 60_000;

/** What was asked for, by guid: how many attempts there were then, and when (epoch ms). */
export type Asked = Readonly<Record<string, { readonly attempts: number; readonly at: number }>>;

/** The events that did not arrive, oldest first. @param deliveries in any order */
export function missedIn(deliveries: readonly Delivery[]): readonly Missed[] {
  const groups = new Map<string, Delivery[]>();
  for (const delivery of deliveries) {
    if (!isOfUse(delivery)) continue;
    const attempts = groups.get(delivery.guid) ?? [];
    // A page may have shown it already.
    if (!attempts.some(({ id }) => id === delivery.id)) attempts.push(delivery);
    groups.set(delivery.guid, attempts);
  }
  const arrivals = deliveries.filter(({ isOk }) => isOk).map(({ at }) => at);
  return [...groups.entries()]
    .filter(([, attempts]) => !attempts.some(({ isOk }) => isOk))
    .map(([guid, attempts]) => missed(guid, attempts, arrivals))
    .sort((a, b) => firstAt(a) - firstAt(b));
}

/** Berth's own events; `ping` and whatever else the hook is set up for are of no use. */
function isOfUse({ event, action }: Delivery): boolean {
  return event === 'workflow_job' && JOB_ACTIONS.some((known) => known === action);
}

function missed(guid: string, unsorted: readonly Delivery[], arrivals: readonly number[]): Missed {
  const attempts = [...unsorted].sort((a, b) => a.at - b.at || a.id - b.id);
  const own = attempts.filter(
    ({ at, statusCode }) =>
      (statusCode >= 400 && statusCode < 500) || arrivals.some((other) => Math.abs(other - at) <= SAME_TIME_MS),
  );
  const action = attempts[0]?.action ?? '';
  return { guid, action, attempts, isHopeless: own.length >= MOST_OWN_FAILURES };
}

export const firstAt = ({ attempts }: Missed): number => attempts[0]?.at ?? 0;
export const lastAttempt = ({ attempts }: Missed): Delivery | undefined => attempts.at(-1);

/** Whether the receiver took what GitHub sent it last, whatever that was; so it does when nothing was sent. */
export function seemsUp(deliveries: readonly Delivery[]): boolean {
  const newest = deliveries.reduce<Delivery | undefined>(
    (last, each) => (last === undefined || each.at > last.at ? each : last),
    undefined,
  );
  return newest === undefined || newest.isOk;
}

/** Those to ask for now, oldest first. */
export function dueAmong(missedOnes: readonly Missed[], asked: Asked, now: number): readonly Missed[] {
  return missedOnes.filter(({ guid, attempts, isHopeless }) => {
    if (isHopeless) return false;
    const before = asked[guid];
    return before === undefined || before.attempts < attempts.length || now - before.at > ASKED_FOR_MS;
  });
}

/** Some that tell whether the receiver is back: those tried least. */
export function probesAmong(due: readonly Missed[], most: number): readonly Missed[] {
  return [...due].sort((a, b) => a.attempts.length - b.attempts.length).slice(0, most);
}
