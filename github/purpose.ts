/** What calls are for. When few are left, the least important ones stop first. */

/**
 * - `registration`: a job waits for it; also what a registration cannot do without (tokens, groups);
 * - `removal`: of runners; also to cancel or run again, which a person or a job's end asked for;
 * - `lookup`: a question whose answer makes things better, but without which they go on;
 * - `redelivery`: of webhooks; `sweep`: whatever comes again in a few minutes anyway.
 */
export type Purpose = 'registration' | 'removal' | 'lookup' | 'redelivery' | 'sweep';

/**
 * The share of an hour's calls that is kept from calls of this kind, for the kinds before it. With 5,000 an hour sweeps
 * stop at the last 1,000, and the last 100 are for registrations.
 */
const RESERVES: Readonly<Record<Purpose, number>> = {
  registration: 0,
  removal: 0.02,
  lookup: 0.05,
  redelivery: 0.1,
  sweep: 0.2,
};

/** So many of `limit` calls are not for this purpose. */
export const reserveOf = (purpose: Purpose, limit: number): number => Math.ceil(limit * RESERVES[purpose]);

/** For which of the purposes so many calls are too few: the number changes when one more has to stop. */
export function stoppedAt(remaining: number, limit: number): number {
  return (Object.keys(RESERVES) as Purpose[]).filter((purpose) => remaining <= reserveOf(purpose, limit)).length;
}
