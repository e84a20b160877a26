/** What follows from what GitHub says about a job whose workflow is open. Pure functions. */

import type { JobEvent } from '../../jobs/event.js';

export type JobVerdict =
  | { readonly is: 'fine' }
  /** Its webhook may still be on its way. */
  | { readonly is: 'seen'; readonly why: string }
  /** The workflow is to hear the event. */
  | { readonly is: 'unheard'; readonly why: string; readonly ends: boolean };

/** Webhooks come within a few seconds. */
const WEBHOOK_MS = 10_000;

/** @param state the `BerthState` of its workflow, which lags by seconds */
export function judgeJob(state: string | null, event: JobEvent, now: number): JobVerdict {
  if (state === 'over') return { is: 'fine' };
  const { action, conclusion, runnerName } = event;
  const isCompleted = action === 'completed';
  if (!isCompleted && (action !== 'in_progress' || state === 'running')) return { is: 'fine' };
  const since = isCompleted ? event.completedAt : event.startedAt;
  const why = isCompleted
    ? `GitHub says that it is over (${conclusion ?? 'no conclusion'})`
    : `GitHub says that it runs on ${runnerName ?? 'a runner'}`;
  if (since !== null && now - since < WEBHOOK_MS) return { is: 'seen', why: `${why}, since a moment ago` };
  return { is: 'unheard', why: `${why}, and no webhook told so`, ends: isCompleted };
}

export interface UnknownJob {
  /** GitHub did not know it in an earlier look either, long enough ago. */
  readonly wasSeen: boolean;
  /** Whether GitHub shows its repository: one that it hides may be there all the same. */
  readonly isRepoThere: boolean;
  /** The runner that it is known to run on, when that runner's workflow is open. */
  readonly runsOn: string | null;
  /** How long its workflow has been open (milliseconds). */
  readonly ageMs: number;
}

/** A job waits a day at most and runs five on self-hosted runners (GitHub docs "Usage limits"). */
const LONGEST_LIFE_MS = 6 * 86_400_000;

export type UnknownVerdict = { readonly is: 'left' | 'seen' | 'gone'; readonly why: string };

/** A job that GitHub does not know: deleted with its run or repository, or hidden because a credential lost its rights. */
export function judgeUnknownJob({ wasSeen, isRepoThere, runsOn, ageMs }: UnknownJob): UnknownVerdict {
  if (!wasSeen) return { is: 'seen', why: 'GitHub does not know it' };
  if (runsOn !== null) return { is: 'left', why: `GitHub does not know it, but its runner ${runsOn} works` };
  if (isRepoThere) return { is: 'gone', why: 'GitHub does not know it any more: it was deleted, or its run was' };
  if (ageMs > LONGEST_LIFE_MS) {
    return { is: 'gone', why: 'GitHub shows neither it nor its repository, and no job lives that long' };
  }
  return { is: 'left', why: 'GitHub does not show its repository: deleted, or the credential has lost its rights' };
}
