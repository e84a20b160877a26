/**
 * A job that waits for long and hears nothing: its cancellation may be lost. GitHub is asked before a VM is made for it,
 * and now and then meanwhile, so rarely that thousands of waiting jobs cost a few calls each a day.
 */

import { log, patched } from '@temporalio/workflow';
import { codeOf } from '../jobs/failures.js';
import { askGitHub } from './ask-github.js';
import type { JobRecord } from './job-record.js';

const HOUR = 60 * 60_000;

/** What GitHub said is believed for this long when a VM is to be made. */
const BELIEVED_MS = 10 * 60_000;

const FIRST_QUESTION_MS = 2 * HOUR;
const LONGEST_QUESTION_MS = 8 * HOUR;

/** GitHub fails a job that was queued for 24 hours (GitHub docs "Usage limits"); its word on that may be lost, too. */
const LONGEST_WAIT_MS = 25 * HOUR;

export interface LongWait {
  /** Call it when a slot was granted. */
  readonly beforeVm: () => Promise<void>;
  /** Call it each minute while the job waits. */
  readonly lookAgain: () => Promise<void>;
}

export function watchLongWait(job: JobRecord): LongWait {
  let pause = FIRST_QUESTION_MS;
  let askedAt = 0;
  return {
    beforeVm: async () => {
      if (Date.now() - job.heardAt > BELIEVED_MS && patched('ask-before-late-vm')) await askGitHub(job, 'at once');
    },
    lookAgain: async () => {
      if (job.runner !== null || !job.wantsRunner) return;
      const isDue = Date.now() - Math.max(job.heardAt, askedAt) > pause;
      const isTooLong = job.wantedSince !== null && Date.now() - job.wantedSince > LONGEST_WAIT_MS;
      if (!(isDue || isTooLong) || !patched('ask-in-long-waits')) return;
      askedAt = Date.now();
      pause = Math.min(pause * 3, LONGEST_QUESTION_MS);
      await askGitHub(job);
      if (!isTooLong || !job.wantsRunner || job.runner !== null) return;
      log.error('job waited for too long', { ...job.ref, code: codeOf('WaitedTooLong'), reason: job.page.reason });
      job.giveUp('WaitedTooLong', 'it waited for 25 hours, and GitHub fails jobs that are queued for 24');
    },
  };
}
