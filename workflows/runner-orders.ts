/** What a runner has been told so far, by its job, the dispatcher, an operator and its guest. */

import { setHandler } from '@temporalio/workflow';
import type { GuestState, JobRef } from '../activities/contracts.js';
import { guestReported, jobOver, meantFor, retire, servesJob, stopNow } from './messages.js';

type Job = JobRef & { readonly workflowId: string; readonly pool?: string };

export interface Orders {
  /** The waiting job that counts on it. */
  readonly meantFor: () => Job | null;
  /** Hears which job GitHub gave it. */
  readonly whenServing: (then: (job: Job) => void) => void;
  /** Hears each time the dispatcher counts on this runner for another job. */
  readonly whenMeantFor: (then: () => void) => void;
  /** The job that GitHub gave it, once its name is known. */
  readonly serves: () => Job | null;
  readonly guest: () => GuestState | null;
  /** What the guest's files say, asked rather than reported. */
  readonly note: (guest: GuestState) => void;
  /** Hears each time the guest says something, through its host. */
  readonly whenGuestSpoke: (then: () => void) => void;
  /** GitHub refused to remove it: it takes it to be at work. */
  readonly noteBusy: (isBusy: boolean) => void;
  /** Temporal's own cancel: as an operator's word. */
  readonly noteStop: () => void;
  /** A job runs on it, known by name or not. */
  readonly isAtWork: () => boolean;
  /** It is at work by GitHub's refusal to remove it, and by nothing else. */
  readonly isOnlySaidToBeBusy: () => boolean;
  /** GitHub said that its job is over. */
  readonly isJobOver: () => boolean;
  /** The runner process ended. */
  readonly hasExited: () => boolean;
  /** Its job went to its end by all signs, so GitHub takes the registration away by itself. */
  readonly hasFinishedItsJob: () => boolean;
  /** There is nothing left to wait for. */
  readonly isDone: () => boolean;
  /** An operator's word: even from the middle of a job. */
  readonly mustStop: () => boolean;
  /** It should go, if no job runs on it. */
  readonly mustGo: () => boolean;
}

/** Sets the signal handlers; call it before anything is awaited. */
export function listen(madeFor: Job): Orders {
  let wantedBy: Job | null = madeFor;
  let serving: Job | null = null;
  let guest: GuestState | null = null;
  let isOver = false;
  let isRetired = false;
  let isStopped = false;
  let isBusy = false;
  let onMeantFor = (): void => undefined;
  let onGuestSpoke = (): void => undefined;
  let onServing: (job: Job) => void = () => undefined;

  setHandler(servesJob, (job) => {
    serving = job;
    wantedBy = null;
    onServing(job);
  });
  setHandler(jobOver, ({ jobId }) => {
    // Only the job it serves: an order of an earlier plan may arrive late.
    if (serving === null || serving.jobId === jobId) isOver = true;
  });
  setHandler(meantFor, (job) => {
    wantedBy = job;
    onMeantFor();
  });
  setHandler(retire, () => {
    isRetired = true;
  });
  setHandler(stopNow, () => {
    isStopped = true;
  });
  setHandler(guestReported, (state) => {
    guest = state;
    onGuestSpoke();
  });

  const hasExited = (): boolean => guest !== null && guest.exitCode !== null;
  const isKnownToWork = (): boolean => serving !== null || (guest !== null && guest.jobStarted !== null);
  const isAtWork = (): boolean => isBusy || isKnownToWork();
  return {
    meantFor: () => wantedBy,
    whenServing: (then) => {
      onServing = then;
    },
    whenMeantFor: (then) => {
      onMeantFor = then;
    },
    serves: () => serving,
    guest: () => guest,
    note: (state) => {
      guest = state;
    },
    whenGuestSpoke: (then) => {
      onGuestSpoke = then;
    },
    noteBusy: (isSaid) => {
      isBusy = isSaid;
    },
    noteStop: () => {
      isStopped = true;
    },
    isAtWork,
    isOnlySaidToBeBusy: () => isBusy && !isKnownToWork(),
    isJobOver: () => isOver,
    hasExited,
    hasFinishedItsJob: () => isOver || (hasExited() && guest?.jobCompleted === true),
    isDone: () => isOver || hasExited(),
    mustStop: () => isStopped,
    mustGo: () => isStopped || isRetired || isOver,
  };
}
