/**
 * Jobs that are passed over: a slot that they could have had went to a younger one, by priority or for fairness. That
 * is what those are for, and without a bound it could go on for ever. So the oldest job of each kind counts how often
 * in a row it was passed over, and every tenth slot goes by age: a job with N older ones gets a slot with the
 * 10 × (N + 1)th that it could have, at the latest.
 */

import { priorityOf } from '../jobs/policy.js';
import type { Policy } from '../jobs/policy.js';
import type { Demand, Demands } from './demand.js';
import { byAge } from './fleet.js';
import type { FleetJob } from './fleet.js';
import { fits } from './offer.js';
import type { Offer } from './offer.js';

/** Of so many slots in a row that a job could have, one at least goes to it or to an older one. */
export const OLDEST_EVERY = 10;

/** As the job carries it from one placement to the next, until it has a slot. */
export interface Passed {
  /** In a row; counted for the oldest job of its kind. */
  readonly times: number;
  /** What it was, the first time. */
  readonly by: 'priority' | 'fairness';
}

/** The jobs that need the same. */
export interface Kind {
  readonly demand: Demand;
  /** The oldest that has no slot. */
  readonly oldest: FleetJob;
}

export interface Passing {
  /** The kinds of those that have no slot, by the age of the oldest. */
  readonly kinds: () => readonly Kind[];
  /** Kinds that fit nowhere are not looked at from now on. */
  readonly look: (mayFit: (demand: Demand) => boolean) => void;
  /** A slot is to be given to `job`: who must have one instead, because it was passed over too often. */
  readonly due: (offer: Offer, job: FleetJob) => Kind | undefined;
  /** A slot is given to `job`. Call it before it is taken from the offer. */
  readonly note: (offer: Offer, job: FleetJob) => void;
  /** For those that have no slot. */
  readonly passed: () => ReadonlyMap<number, Passed>;
}

interface Line {
  readonly demand: Demand;
  /** By age. */
  readonly jobs: FleetJob[];
  /** The oldest without a slot. */
  at: number;
  /** How often that one was passed over in a row. */
  times: number;
  /** The youngest job that got a slot which this kind could have had. */
  youngest: FleetJob | undefined;
}

/** @param waiting by age, without jobs that get no slot at all */
export function createPassing(waiting: readonly FleetJob[], demands: Demands, policy: Policy): Passing {
  const lines = new Map<string, Line>();
  const granted = new Set<number>();
  for (const job of waiting) {
    const demand = demands(job);
    const line = lines.get(demand.key);
    if (line !== undefined) line.jobs.push(job);
    else {
      const times = job.passed?.times ?? 0;
      lines.set(demand.key, { demand, jobs: [job], at: 0, times, youngest: undefined });
    }
  }

  function removeGranted(line: Line): void {
    const before = line.at;
    for (let head = line.jobs[line.at]; head !== undefined && granted.has(head.jobId); head = line.jobs[line.at]) {
      line.at += 1;
    }
    if (line.at !== before) line.times = line.jobs[line.at]?.passed?.times ?? 0;
  }

  let seen: readonly Line[] = [...lines.values()];

  function note(offer: Offer, job: FleetJob): void {
    granted.add(job.jobId);
    for (const line of seen) {
      removeGranted(line);
      const oldest = line.jobs[line.at];
      if (oldest === undefined) continue;
      const isYounger = byAge(oldest, job) > 0;
      if ((isYounger && line.times === 0) || !fits(offer, line.demand, oldest)) continue;
      line.times = isYounger ? 0 : line.times + 1;
      if (!isYounger && (line.youngest === undefined || byAge(line.youngest, job) < 0)) line.youngest = job;
    }
  }

  function causeOf(job: FleetJob, { youngest }: Line): Passed['by'] | undefined {
    if (youngest === undefined || byAge(job, youngest) > 0) return undefined;
    const isHigher = priorityOf(policy, youngest) > priorityOf(policy, job);
    return isHigher || policy.order !== 'fair' ? 'priority' : 'fairness';
  }

  return {
    note,
    look: (mayFit) => {
      seen = [...lines.values()].filter(({ demand }) => mayFit(demand));
    },
    kinds: () =>
      [...lines.values()]
        .flatMap(({ demand, jobs, at }) => (jobs[at] === undefined ? [] : [{ demand, oldest: jobs[at] }]))
        .sort((a, b) => byAge(a.oldest, b.oldest)),
    due: (offer, job) => {
      let due: Kind | undefined;
      for (const { demand, jobs, at, times } of seen) {
        const oldest = jobs[at];
        if (times < OLDEST_EVERY - 1 || oldest === undefined || byAge(oldest, job) >= 0) continue;
        if (due !== undefined && byAge(due.oldest, oldest) < 0) continue;
        if (fits(offer, demand, oldest)) due = { demand, oldest };
      }
      return due;
    },
    passed: () => {
      const passed = new Map<number, Passed>();
      for (const line of lines.values()) {
        for (const job of line.jobs) {
          if (granted.has(job.jobId)) continue;
          const by = job.passed?.by ?? causeOf(job, line);
          const times = job === line.jobs[line.at] ? line.times : (job.passed?.times ?? 0);
          if (by !== undefined) passed.set(job.jobId, { times, by });
        }
      }
      return passed;
    },
  };
}
