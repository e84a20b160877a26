import { setHandler } from '@temporalio/workflow';
import type { JobInput } from '../jobs/job-input.js';
import { runnerWorkflowId } from '../jobs/names.js';
import { JobRecord } from './job-record.js';
import {
  cancel,
  cancelJob,
  jobEvent,
  pairingChanged,
  retryJob,
  runnerLeft,
  runnerProgressed,
  serverSilent,
  slotGranted,
  status,
  stopNow,
  tellAgain,
  waitsBecause,
  whichRun,
} from './messages.js';
import { tell } from './tell.js';

/** Opens a job's record and lets every message write to it; call it before anything is awaited. */
export function followJob(input: JobInput): JobRecord {
  const job = new JobRecord(input);
  setHandler(jobEvent, (event) => job.apply(event));
  setHandler(slotGranted, (grant) => job.hear({ kind: 'granted', grant }));
  setHandler(pairingChanged, (change) => job.hear({ kind: 'paired', change }));
  setHandler(waitsBecause, (reason, code) => job.noteReason(reason, code));
  setHandler(runnerProgressed, (progress) => job.noteProgress(progress));
  setHandler(runnerLeft, (left) => job.noteServerLeft(left));
  setHandler(serverSilent, (silence) => job.noteSilence(silence));
  setHandler(tellAgain, () => {
    job.mustAskAgain = true;
  });
  setHandler(cancel, (request) => job.noteCancelled(request ?? {}));
  setHandler(status, () => job.status());
  setHandler(whichRun, () => job.run());
  setHandler(cancelJob, (request) => {
    if (job.isSettled) return `job ${input.jobId} is over already`;
    job.noteCancelled(request ?? {});
    return `job ${input.jobId} is cancelled in Berth`;
  });
  setHandler(retryJob, () => retry(job));
  return job;
}

async function retry(job: JobRecord): Promise<string> {
  const { jobId } = job.input;
  if (!job.isWaiting) return `job ${jobId} is not queued: there is nothing to retry`;
  job.isHurried = true;
  if (job.runner === null) return `job ${jobId} waits for a slot: ${job.page.reason ?? 'it asks again now'}`;
  const { name } = job.runner;
  await tell(runnerWorkflowId(name), stopNow, 'an operator asked for a new VM');
  return `job ${jobId} gets a new VM in place of ${name}`;
}
