/**
 * Which job gets which slot of which host. Pure: `(fleet, policy) → grants, reasons, hosts to keep`; the caller applies
 * them. Jobs are served in the order of their creation unless the policy says otherwise (`by-policy.ts`). A job that
 * fits nowhere does not hold up those behind it, except on the one host that may be kept for it (`keep.ts`).
 */

import { DEFAULT_POLICY, isByAge } from '../jobs/policy.js';
import type { Policy } from '../jobs/policy.js';
import { grantByPolicy } from './by-policy.js';
import type { ByPolicy, PolicyDeps } from './by-policy.js';
import { createChooser } from './choice.js';
import { createDemands } from './demand.js';
import type { Demands } from './demand.js';
import { waitingJobs } from './fleet.js';
import type { Fleet, FleetJob } from './fleet.js';
import { grant } from './grant.js';
import type { Placement } from './grant.js';
import { createKeeper } from './keep.js';
import type { Kept } from './keep.js';
import { offersOf, takesJobs } from './offer.js';
import type { Offer } from './offer.js';
import type { Passed } from './passing.js';
import { isRobbed, whyPassed, whyRobbed, whyWaits } from './reasons.js';
import type { WaitReason } from './reasons.js';
import { sizeBook } from './size.js';

export type { Placement } from './grant.js';

export interface Placements {
  readonly grants: readonly Placement[];
  /** For each job that goes on waiting: why. */
  readonly reasons: ReadonlyMap<number, WaitReason>;
  /** Hosts to be kept until the next placement, by job. */
  readonly kept: ReadonlyMap<number, Kept>;
  /** Jobs of which a younger one got a slot that they could have had. */
  readonly passed: ReadonlyMap<number, Passed>;
}

export function place(fleet: Fleet, policy: Policy = DEFAULT_POLICY): Placements {
  const sizes = sizeBook(fleet);
  const demands = createDemands(fleet, sizes);
  const all = waitingJobs(fleet);
  const waiting = all.filter((job) => !isRobbed(job));
  const offers = offersOf(fleet, sizes);
  const deps = { fleet, policy, waiting, offers, demands, sizes };
  const { grants, kept, passed } = isByAge(policy) ? grantByAge(deps) : grantByPolicy(deps);
  const given = new Set(grants.map(({ job }) => job.jobId));
  const left = all.filter(({ jobId }) => !given.has(jobId));
  return { grants, reasons: reasonsFor({ left, passed }, offers, demands), kept, passed };
}

function grantByAge({ policy, waiting, offers, demands, sizes }: PolicyDeps): ByPolicy {
  const keeper = createKeeper({ waiting, offers, demands, sizes });
  const chooser = createChooser(offers.filter(takesJobs), policy.hosts);
  const grants: Placement[] = [];
  // What finds nothing once finds nothing later, and neither do others of its kind.
  const full = new Set<string>();
  for (const job of waiting) {
    const demand = demands(job);
    if (full.has(demand.key)) continue;
    const choice = chooser.choose(job, demand);
    if (choice !== undefined) {
      grants.push(grant(choice, job, demand));
      chooser.noteTaken(choice.offer);
      keeper.release(job);
      continue;
    }
    full.add(demand.key);
    keeper.keepFor(job, demand, chooser.obstacles(demand));
  }
  return { grants, kept: keeper.kept, passed: new Map() };
}

/** What the next placement must know of this one: the host that a job has kept for it, and how it was passed over. */
export function notePlaced(fleet: Fleet, { kept, passed }: Pick<Placements, 'kept' | 'passed'>): void {
  for (const job of Object.values(fleet.jobs)) {
    const host = kept.get(job.jobId) ?? null;
    if (host !== null || job.kept != null) job.kept = host;
    const over = passed.get(job.jobId) ?? null;
    if (over !== null || job.passed != null) job.passed = over;
  }
}

/** After the grants, so that a slot which an older job just got counts as busy. Jobs of one kind wait alike. */
function reasonsFor(
  { left, passed }: { readonly left: readonly FleetJob[]; readonly passed: Placements['passed'] },
  offers: readonly Offer[],
  demands: Demands,
): ReadonlyMap<number, WaitReason> {
  const byDemand = new Map<string, WaitReason>();
  const reasons = new Map<number, WaitReason>();
  for (const job of left) {
    if (isRobbed(job)) {
      reasons.set(job.jobId, whyRobbed(job));
      continue;
    }
    const demand = demands(job);
    const reason = byDemand.get(demand.key) ?? whyWaits(offers, demand);
    byDemand.set(demand.key, reason);
    const by = passed.get(job.jobId)?.by;
    reasons.set(job.jobId, by === undefined ? reason : whyPassed(reason, by));
  }
  return reasons;
}
