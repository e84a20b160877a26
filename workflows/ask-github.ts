import { isCancellation } from '@temporalio/workflow';
import type { JobRecord } from './job-record.js';
import { githubAtOnce, githubSoon } from './policies.js';

/**
 * - `with its run`: a job may read `queued` for ever though its run is over; where that is not asked for, only jobs that
 *   are ten minutes old are looked at so;
 * - `at once`: somebody waits for the answer.
 */
export type Manner = 'plainly' | 'with its run' | 'at once';

/** Asks once and takes the answer as an event. No answer changes nothing: Berth goes on with what it knows. */
export async function askGitHub(job: JobRecord, manner: Manner = 'plainly'): Promise<void> {
  const by = manner === 'at once' ? githubAtOnce : githubSoon;
  const asked = { ...job.ref, ...(manner === 'with its run' && { withRun: true }) };
  const event = await by.lookUpJob(asked).catch((err: unknown) => {
    if (isCancellation(err)) throw err;
    return null;
  });
  if (event !== null) job.apply(event);
}
