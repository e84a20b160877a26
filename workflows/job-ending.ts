/** A job that runs, or that nobody serves any more: until GitHub has said that it is over. */

import { condition, log, patched } from '@temporalio/workflow';
import { NOTICES } from '../jobs/failures.js';
import { dispatcherWorkflowId, isOurRunner, runnerWorkflowId } from '../jobs/names.js';
import { askGitHub } from './ask-github.js';
import type { JobRecord } from './job-record.js';
import { jobStarted, servesJob } from './messages.js';
import { tell } from './tell.js';

/** Its runner is gone; GitHub's `completed` is given this long before GitHub is asked, then asked ever more rarely. */
const FIRST_QUESTION_MS = 10_000;
const LONGEST_QUESTION_INTERVAL_MS = 10 * 60_000;

/** Longer than GitHub lets a job run (5 days), and than it takes to see that a runner is gone. */
const LONGEST_JOB_MS = 6 * 24 * 60 * 60_000;
const LONGEST_WITHOUT_RUNNER_MS = 24 * 60 * 60_000;

/** Webhooks and runners both silent: GitHub is asked this often whether a job in progress is over. */
const SILENT_JOB_MS = 6 * 60 * 60_000;

/** Waits for the job's end, whoever serves it. */
export async function untilItEnds(job: JobRecord): Promise<void> {
  if (job.hasBegun && !job.isSettled) await tellWhoServes(job);
  let pause = SILENT_JOB_MS;
  const since = Date.now();
  while (!job.isSettled) {
    await condition(() => job.isSettled || job.isRunnerGone, pause);
    if (job.isSettled) return;
    // The runner is gone, or nobody has said anything for long: the `completed` webhook may be lost.
    pause = pause === SILENT_JOB_MS ? FIRST_QUESTION_MS : Math.min(pause * 3, LONGEST_QUESTION_INTERVAL_MS);
    if (job.isRunnerGone) await condition(() => job.isSettled, pause);
    else if (patched('ask-rarely-while-runner-lives')) pause = SILENT_JOB_MS;
    if (!job.isSettled) await askGitHub(job);
    if (!job.isSettled && endIsUnknown(job, since)) return;
  }
}

/** GitHub ends every job some day, and says so when it is asked; where it never does, nobody waits for ever. */
function endIsUnknown(job: JobRecord, since: number): boolean {
  const longest = job.isRunnerGone ? LONGEST_WITHOUT_RUNNER_MS : LONGEST_JOB_MS;
  if (Date.now() - since < longest || !patched('end-without-github')) return false;
  log.error(NOTICES.JobEndUnknown.means, { ...job.ref, code: NOTICES.JobEndUnknown.code });
  job.noteEndUnknown();
  return true;
}

async function tellWhoServes(job: JobRecord): Promise<void> {
  const servedBy = job.servedBy;
  if (servedBy === null) return;
  const isOurs = isOurRunner(job.input.namePrefix, servedBy);
  const started = { jobId: job.input.jobId, runner: servedBy, foreign: job.input.verdict === 'foreign' };
  await Promise.all([
    isOurs ? tell(runnerWorkflowId(servedBy), servesJob, { ...job.ref, pool: job.input.pool }) : undefined,
    tell(dispatcherWorkflowId(job.input.pool), jobStarted, started),
  ]);
  job.noteServerTold(servedBy);
}
