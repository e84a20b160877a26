/** Jobs whose VM no host can hold: given up after a while, because a larger host may join meanwhile. */

import { jobOf } from './fleet.js';
import type { Fleet } from './fleet.js';
import type { Effect } from './messages.js';
import type { Placements } from './place.js';

/** How long a larger host is waited for where the job does not say (milliseconds). */
const UNPLACEABLE_AFTER_MS = 10 * 60_000;

/** Call it after each placement, and place at least each half minute. Changes `fleet` in place. */
export function giveUpTooBig(fleet: Fleet, reasons: Placements['reasons'], now: number): Effect[] {
  const effects: Effect[] = [];
  for (const [jobId, { code, words }] of reasons) {
    const job = jobOf(fleet, jobId);
    if (job === undefined) continue;
    if (code !== 'too-big') {
      if (job.tooBigSince != null) job.tooBigSince = null;
      continue;
    }
    job.tooBigSince ??= now;
    if (now - job.tooBigSince < (job.unplaceableAfterMs ?? UNPLACEABLE_AFTER_MS)) continue;
    delete fleet.jobs[String(jobId)];
    const { workflowId, position, taken } = job;
    const standing = { position, taken };
    const failure = { type: 'VmTooBig', message: words } as const;
    effects.push({ to: 'job', workflowId, jobId, say: 'paired', change: { kind: 'unplaceable', failure, standing } });
  }
  return effects;
}
