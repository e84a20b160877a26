/** Tells a runner's workflow how far a long step is: rarely, because each word is work for two workflows. */

import type { Logger } from 'pino';
import { messageOf } from './failure.js';
import type { Workflows } from './workflows.js';

/** Most steps are over by then, and nothing is told. */
const FIRST_AFTER_MS = 10_000;

/** The pauses double up to this: an hour's pull is told of seventy times. */
const LONGEST_PAUSE_MS = 60_000;

export interface StepNewsDeps {
  readonly workflows: Pick<Workflows, 'reportProgress'>;
  readonly log: Logger;
  /** Default: 10 seconds, 1 minute. */
  readonly pausesMs?: readonly [number, number];
}

/** Runs a step; what it says last goes to its workflow from time to time, if that is something new. */
export async function withNews<T>(
  { workflows, log, pausesMs: [first, longest] = [FIRST_AFTER_MS, LONGEST_PAUSE_MS] }: StepNewsDeps,
  workflowId: string,
  progress: (what: string) => void,
  step: (progress: (what: string) => void) => Promise<T>,
): Promise<T> {
  let last = '';
  let told = '';
  let isOver = false;
  let timer = setTimeout(() => void tell(first), first);

  async function tell(pause: number): Promise<void> {
    const what = last;
    try {
      if (what !== told) await workflows.reportProgress(workflowId, what);
      told = what;
    } catch (err) {
      log.debug({ err: messageOf(err), workflowId }, 'progress not told');
    }
    const next = Math.min(pause * 2, longest);
    if (!isOver) timer = setTimeout(() => void tell(next), next);
  }

  try {
    return await step((what) => {
      last = what;
      progress(what);
    });
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
