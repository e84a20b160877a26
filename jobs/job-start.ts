/** From an event to what starts its job's workflow. Pure. */

import type { JobEvent } from './event.js';
import { takesJobsOf } from './intake.js';
import type { Intake } from './intake.js';
import type { JobInput } from './job-input.js';
import { readLabels } from './labels.js';
import { isOurRunner } from './names.js';

/** One event of one job on its way to Temporal, with what its labels say. */
export interface JobStart extends Pick<JobInput, 'verdict' | 'reason' | 'template' | 'tag' | 'labels'> {
  readonly event: JobEvent;
}

export type StartVerdict =
  | { readonly kind: 'start'; readonly start: JobStart }
  /** `refused`: unsafe input; `foreign`: not Berth's; `not-allowed`: not to be served here. Nothing is done with it. */
  | { readonly kind: 'refused' | 'foreign' | 'not-allowed'; readonly reason: string };

/** Which jobs this installation takes, and which runners are its own. */
export interface Terms {
  readonly namePrefix: string;
  readonly intake: Intake;
}

/** Whether this event is to reach a workflow, however it came. @param labels as they came; those of the event may be cut */
export function startOf(event: JobEvent, labels: readonly string[], terms: Terms): StartVerdict {
  const verdict = readLabels(labels);
  const start = { event, reason: null, template: null, tag: null, labels: event.labels };
  // GitHub gives a job to any idle runner that has its labels, so one of ours may serve what is not for us.
  const isOnOurs = event.runnerName !== null && isOurRunner(terms.namePrefix, event.runnerName);
  const foreign: StartVerdict = { kind: 'start', start: { ...start, verdict: 'foreign' } };
  if (verdict.kind === 'refused') return { kind: 'refused', reason: verdict.reason };
  if (verdict.kind === 'foreign') {
    return isOnOurs ? foreign : { kind: 'foreign', reason: 'the job has no anka-template label' };
  }
  if (!takesJobsOf(terms.intake, event.owner, event.repo)) {
    const reason = `${event.owner}/${event.repo} is neither in allowed_owners nor in allowed_repositories`;
    return isOnOurs ? foreign : { kind: 'not-allowed', reason };
  }
  if (verdict.kind === 'wrong') {
    return { kind: 'start', start: { ...start, verdict: 'wrong', reason: verdict.reason } };
  }
  const { template, tag, labels: own } = verdict;
  return { kind: 'start', start: { ...start, verdict: 'ours', template, tag, labels: own } };
}
