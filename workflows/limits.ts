/**
 * `limits/<github host>/<credential>`: what the orchestrators know together of GitHub's limits of one token or
 * installation. It decides nothing. A process that finds something out signals it, and the others read that signal in
 * this workflow's history, for which they wait at the server: also while no worker is free.
 *
 * It may be terminated at any time: whoever follows it starts it anew and tells what still holds.
 */

import { condition, continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import { NOTHING_KNOWN, limitText, noted } from '../jobs/limits.js';
import type { SharedLimits } from '../jobs/limits.js';
import { limitNoted, limitsNow } from './messages.js';

export interface LimitsInput {
  readonly githubHost: string;
  readonly credential: string;
  /** From the run before; null: the first run. */
  readonly known: SharedLimits | null;
}

/** Whoever begins to follow it reads a whole run. */
const MAX_HISTORY = 500;

export async function limits({ githubHost, credential, known }: LimitsInput): Promise<void> {
  let now = known ?? NOTHING_KNOWN;
  setHandler(limitsNow, () => ({ githubHost, credential, ...now }));
  setHandler(limitNoted, (note) => {
    now = noted(now, note);
    setCurrentDetails(inWords(now));
  });
  setCurrentDetails(inWords(now));
  const isLong = (): boolean => workflowInfo().historyLength > MAX_HISTORY || workflowInfo().continueAsNewSuggested;
  await condition(isLong);
  await continueAsNew<typeof limits>({ githubHost, credential, known: now });
}

function inWords({ pause, left }: SharedLimits): string {
  const lines = [
    pause === null ? 'no pause so far' : `last pause: ${limitText(pause.why, pause.until)}, ${iso(pause.until)}`,
    left === null ? null : `${left.remaining} of ${left.limit} calls were left until ${iso(left.resetAt)}`,
  ];
  return lines.filter((line) => line !== null).join('\n\n');
}

const iso = (time: number): string => new Date(time).toISOString();
