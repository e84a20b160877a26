import { patched, sleep } from '@temporalio/workflow';
import type { LimitedDetails } from '../activities/contracts.js';
import type { LimitWhy } from '../jobs/limits.js';
import { detailsOf, isFailure } from './failure.js';

/** GitHub's limits want a call to wait. */
export interface Limited {
  /** Epoch milliseconds. */
  readonly until: number;
  readonly why: LimitWhy;
}

/** Those who wait for the same moment shall not all come in it. */
const SPREAD_MS = 2_000;

/** Longer than any limit of GitHub's; what still is refused then is a fault. */
const LONGEST_WAIT_MS = 6 * 3_600_000;

/**
 * Makes a call to GitHub, as often as its limits send it away, and waits in between: that is the workflow's wait, which
 * its page shows, and not an attempt of the activity's.
 * @param wait ends the waiting early by returning false: then nothing is called any more, and the answer is null
 */
export async function pastLimits<T>(
  call: (hasWaited: boolean) => Promise<T>,
  wait: (limited: Limited, ms: number) => Promise<boolean>,
): Promise<T | null> {
  const giveUpAt = Date.now() + LONGEST_WAIT_MS;
  for (let hasWaited = false; ; hasWaited = true) {
    try {
      return await call(hasWaited);
    } catch (err) {
      const limited = limitedBy(err);
      if (limited === null || Date.now() > giveUpAt) throw err;
      // Before, Temporal repeated such a call ten times, and then it had failed.
      if (!patched('wait-for-limits-in-the-workflow')) throw err;
      const ms = Math.max(0, limited.until - Date.now()) + Math.ceil(Math.random() * SPREAD_MS);
      if (!(await wait(limited, ms))) return null;
    }
  }
}

/** As `pastLimits`, for what must be said to GitHub in the end. */
export async function pastLimitsAtLast<T>(call: () => Promise<T>): Promise<T> {
  const answer = await pastLimits(
    async () => ({ is: await call() }),
    async (_, ms) => {
      await sleep(ms);
      return true;
    },
  );
  if (answer === null) throw new Error('this wait has no early end');
  return answer.is;
}

function limitedBy(err: unknown): Limited | null {
  if (!isFailure(err, 'GitHubRateLimited')) return null;
  const { resumeAt, why = 'asked' } = detailsOf(err)[0] as LimitedDetails;
  return { until: resumeAt, why };
}
