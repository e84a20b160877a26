/** What is known of the loss of a job's host or VM while the job ran, and what follows from it once the job is over. */

import { condition, log, sleep } from '@temporalio/workflow';
import { codeOf } from '../jobs/failures.js';
import type { Failure } from '../placement/messages.js';
import type { JobRecord } from './job-record.js';
import { pastLimitsAtLast } from './past-limits.js';
import { github } from './policies.js';

export class JobLoss {
  /** Why its runner cannot have brought it to an end. */
  failure: Failure | null = null;
  /** Its runner's host was silent: the runner has the last word about what that meant. */
  isSilent = false;
  /** Its runner is gone, and has said all that it knows. */
  hasLeft = false;

  /** How it ends, in Berth's words; null: as GitHub says. A job that ended well or was cancelled was not lost. */
  outcome(conclusion: string | null): 'infra_lost' | null {
    return this.failure !== null && (conclusion === null || conclusion === 'failure') ? 'infra_lost' : null;
  }
}

/** A runner whose host is silent finds out within its own time limits that it cannot be reached. */
const LAST_WORD_MS = 60_000;

/** Call it when the job is over and its runner knows. */
export async function untilLossIsClear({ loss, conclusion }: JobRecord): Promise<void> {
  if (conclusion === 'failure' && loss.isSilent) await condition(() => loss.hasLeft, LAST_WORD_MS);
}

/** Other jobs of its run may go on for hours, and GitHub repeats a job of a finished run only. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 15 * 60_000;
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;

/** Records the loss; has the job run again if the config wants that. Ends within a day. */
export async function dealWithLoss(job: JobRecord): Promise<void> {
  const { failure } = job.loss;
  if (failure === null) return;
  job.noteLost(failure);
  log.error('job lost with its host or VM', { ...job.ref, code: codeOf(failure.type), reason: failure.message });
  const until = Date.now() + GIVE_UP_AFTER_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 3, LONGEST_PAUSE_MS)) {
    const answer = await pastLimitsAtLast(() => github.rerunLostJob(job.lostJob)).catch(() => 'refused' as const);
    if (answer !== 'not-yet') return job.page.note(WORDS[answer]);
    if (pause === FIRST_PAUSE_MS) job.page.note('to be run again when the other jobs of its run are over');
    if (Date.now() > until) return job.page.note('not run again: its run does not end');
    await sleep(pause);
  }
}

const WORDS = {
  off: 'not run again: `on_infra_lost` is `nothing`',
  rerun: 'run again on GitHub',
  already: 'not run again: it was before',
  refused: 'GitHub refused to run it again',
} as const;
