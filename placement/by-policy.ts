/**
 * Grants where jobs do not come by age alone (`turns.ts`). Two things go by age all the same, so that nothing starves:
 * which hosts are kept for whom (`keep.ts`), and each slot that is due to somebody who was passed over too often
 * (`passing.ts`).
 */

import type { Policy } from '../jobs/policy.js';
import { createChooser } from './choice.js';
import type { Choice, Chooser } from './choice.js';
import type { Demand, Demands } from './demand.js';
import { slotsByRepository } from './fleet.js';
import type { Fleet, FleetJob } from './fleet.js';
import { grant } from './grant.js';
import type { Placement } from './grant.js';
import { createKeeper } from './keep.js';
import type { Kept, Keeper } from './keep.js';
import { takesJobs } from './offer.js';
import type { Offer } from './offer.js';
import { createPassing } from './passing.js';
import type { Passed, Passing } from './passing.js';
import type { SizeBook } from './size.js';
import { createTurns } from './turns.js';

export interface PolicyDeps {
  readonly fleet: Fleet;
  readonly policy: Policy;
  /** By age, without jobs that get no slot at all. */
  readonly waiting: readonly FleetJob[];
  /** What is granted is taken from them. */
  readonly offers: readonly Offer[];
  readonly demands: Demands;
  readonly sizes: SizeBook;
}

export interface ByPolicy {
  readonly grants: readonly Placement[];
  readonly kept: ReadonlyMap<number, Kept>;
  readonly passed: ReadonlyMap<number, Passed>;
}

/** A job and the slot that would be its own. */
interface Claim {
  readonly job: FleetJob;
  readonly demand: Demand;
  readonly choice: Choice;
}

export function grantByPolicy({ fleet, policy, waiting, offers, demands, sizes }: PolicyDeps): ByPolicy {
  const grants: Placement[] = [];
  const passing = createPassing(waiting, demands, policy);
  const slots = slotsByRepository(fleet);
  let left = waiting;
  for (;;) {
    const before = grants.length;
    for (const offer of offers) offer.keptFor = null;
    const keeper = createKeeper({ waiting: left, offers, demands, sizes });
    const chooser = createChooser(offers.filter(takesJobs), policy.hosts);
    keepByAge(passing, chooser, keeper);
    passing.look((demand) => chooser.hasAny(demand));
    const jobs = left.filter((job) => chooser.hasAny(demands(job)));
    const turns = createTurns({ jobs, policy, slots });
    let isKeptFree = false;
    const give = ({ job, demand, choice }: Claim): void => {
      passing.note(choice.offer, job);
      grants.push(grant(choice, job, demand));
      chooser.noteTaken(choice.offer);
      turns.granted(job);
      if (keeper.release(job)) isKeptFree = true;
    };
    const claimOf = (job: FleetJob, demand: Demand): Claim | undefined => {
      const choice = chooser.choose(job, demand);
      return choice === undefined ? undefined : { job, demand, choice };
    };
    /** Who was passed over too often may have a better slot than this one, which may be due to somebody older still. */
    const firstInstead = (claim: Claim): Claim => {
      const due = passing.due(claim.choice.offer, claim.job);
      const older = due === undefined ? undefined : claimOf(due.oldest, due.demand);
      if (older === undefined) return claim;
      return fleet.rules?.duesByAge === true ? firstInstead(older) : older;
    };
    for (let job = turns.next(); job !== undefined; job = turns.next()) {
      let served: FleetJob | undefined;
      while (served !== job) {
        const claim = claimOf(job, demands(job));
        if (claim === undefined) break;
        const first = firstInstead(claim);
        give(first);
        served = first.job;
      }
    }
    // What is left of a host that was kept until now is for everybody.
    if (!isKeptFree) return { grants, kept: keeper.kept, passed: passing.passed() };
    const done = new Set(grants.slice(before).map(({ job }) => job.jobId));
    left = left.filter(({ jobId }) => !done.has(jobId));
  }
}

const NOTHING: ReadonlySet<string> = new Set();

/** For the oldest job of each kind what was kept is kept on, and a host is kept if it fits nowhere. */
function keepByAge(passing: Passing, chooser: Chooser, keeper: Keeper): void {
  const older = new Set<string>();
  for (const { demand, oldest } of passing.kinds()) {
    const obstacles = chooser.hasAny(demand) ? NOTHING : chooser.obstacles(demand);
    keeper.keepFor(oldest, demand, obstacles, () => new Set(older));
    older.add(demand.key);
  }
}
