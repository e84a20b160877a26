/**
 * Which jobs the dispatcher keeps in its books. Its state goes from run to run as one payload, so it is bounded: the
 * oldest few thousand wait inside, the others are turned away and ask again. Jobs are bounded by kind (repository and
 * what they need), each kind to the same number, so that thousands of one kind, which may wait for a host for days, never
 * keep those of another outside. Pure.
 */

import { waitingJobs } from './fleet.js';
import type { Fleet, FleetJob } from './fleet.js';
import { createHostLabels } from './host-labels.js';
import { isRobbed } from './reasons.js';

/** Waiting jobs in the books: two thousand take 200 KB (test/placement/carry.test.ts). */
export const MOST_INSIDE = 2_000;

/** As many over it are let be, so that not every ask is followed by a sorting of all. */
const SLACK = 100;

export const isCrowded = (fleet: Fleet, most = MOST_INSIDE): boolean =>
  Object.values(fleet.jobs).filter(({ runner }) => runner === null).length > most + SLACK;

/**
 * Removes the youngest of the kinds that have most, until at most so many wait. They are to ask again; whoever was turned
 * away has at least `most / kinds` older jobs of its own kind inside (unless there are more kinds than places).
 *
 * @returns who was turned away, in the order of the queue
 */
export function turnAway(fleet: Fleet, most = MOST_INSIDE): readonly FleetJob[] {
  const waiting = waitingJobs(fleet);
  if (waiting.length <= most) return [];
  const kindOf = createKinds(fleet);
  const level = shareOf(waiting.map(kindOf), most);
  const inside = new Map<string, number>();
  let left = most;
  const outside = waiting.filter((job) => {
    const kind = kindOf(job);
    const before = inside.get(kind) ?? 0;
    const hasPlace = before < level && left > 0;
    if (hasPlace) inside.set(kind, before + 1);
    if (hasPlace) left -= 1;
    return !hasPlace;
  });
  for (const { jobId } of outside) delete fleet.jobs[String(jobId)];
  return outside;
}

/** In the words that an operator reads. */
export const whyOutside = (most = MOST_INSIDE): string =>
  `${most} jobs wait already, older ones of its kind among them: it asks again by itself`;

/** Jobs that only differ in age are of one. Those that wait for their labels to be mended are a kind of their own. */
function createKinds(fleet: Fleet): (job: FleetJob) => string {
  const hostLabelsOf = createHostLabels(fleet);
  return (job) => {
    const { owner, repo, template, tag, provider = '' } = job;
    return [owner, repo, template, tag, provider, isRobbed(job) ? 'taken' : '', ...hostLabelsOf(job)].join('\n');
  };
}

/** The most that every kind may have; kinds that have fewer leave room for the others. */
function shareOf(kinds: readonly string[], most: number): number {
  const sizes = new Map<string, number>();
  for (const kind of kinds) sizes.set(kind, (sizes.get(kind) ?? 0) + 1);
  let left = most;
  let others = sizes.size;
  for (const size of [...sizes.values()].sort((a, b) => a - b)) {
    if (size * others > left) break;
    left -= size;
    others -= 1;
  }
  return Math.max(1, Math.floor(left / Math.max(1, others)));
}
