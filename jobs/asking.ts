/** How often a waiting job says that it still waits. */

/** Each minute: whoever forgot it learns of it again (milliseconds). */
const ASK_INTERVAL_MS = 60_000;

/** Thousands may be outside; meanwhile as many wait inside, and are not served in this time (milliseconds). */
const LONGEST_INTERVAL_MS = 300_000;

/**
 * When a job asks again (milliseconds).
 * @param turnedAway how often it was turned away since it last had a place in the dispatcher's books
 */
export const askAgainMs = (turnedAway: number): number =>
  Math.min(LONGEST_INTERVAL_MS, ASK_INTERVAL_MS * Math.max(1, turnedAway));
