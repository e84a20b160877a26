/**
 * Whose turn it is where jobs do not come by age alone: higher priorities first; of one priority, if slots are shared
 * out fairly, the repository that has the fewest slots for its weight; of one repository the oldest job. The number of
 * slots counts those of this moment, so each slot that is granted changes the order of what comes after.
 */

import { priorityOf, repositoryKey, weightOf } from '../jobs/policy.js';
import type { Policy } from '../jobs/policy.js';
import { byAge } from './fleet.js';
import type { FleetJob } from './fleet.js';
import { byText } from './offer.js';
import { insertSorted } from './sorted.js';

export interface Turns {
  /** The job whose turn it is, each once; undefined when all had theirs. */
  readonly next: () => FleetJob | undefined;
  /** A job got a slot, in its turn or out of it: then it has none any more. */
  readonly granted: (job: FleetJob) => void;
}

export interface TurnsDeps {
  /** By age. */
  readonly jobs: readonly FleetJob[];
  readonly policy: Policy;
  /** How many slots each repository has, by `repositoryKey`; counted on. */
  readonly slots: Map<string, number>;
}

/** The jobs of one repository and priority; where only priorities count, all of that priority. */
interface Line {
  readonly repository: string;
  readonly weight: number;
  /** By age. */
  readonly jobs: FleetJob[];
  /** The first that has not had its turn. */
  at: number;
  /** How many slots for its weight the repository would have with one more, when the line was put in order. */
  share: number;
}

export function createTurns({ jobs, policy, slots }: TurnsDeps): Turns {
  const granted = new Set<number>();
  const levels = levelsOf(jobs, policy);
  const shareOf = ({ repository, weight }: Line): number =>
    policy.order === 'fair' ? ((slots.get(repository) ?? 0) + 1) / weight : 0;
  for (const lines of levels) {
    for (const line of lines) line.share = shareOf(line);
    lines.sort(lastFirst);
  }

  /** Skips those that got a slot out of turn. */
  function headOf(line: Line): FleetJob | undefined {
    for (let head = line.jobs[line.at]; head !== undefined; head = line.jobs[line.at]) {
      if (!granted.has(head.jobId)) return head;
      line.at += 1;
    }
    return undefined;
  }

  function nextOf(lines: Line[]): FleetJob | undefined {
    for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
      const before = line.at;
      const head = headOf(line);
      if (head === undefined) continue;
      const share = shareOf(line);
      const isInOrder = share === line.share && line.at === before;
      line.share = share;
      if (isInOrder) line.at += 1;
      if (headOf(line) !== undefined) insertSorted(lines, line, lastFirst);
      if (isInOrder) return head;
    }
    return undefined;
  }

  return {
    next: () => {
      for (let lines = levels.at(-1); lines !== undefined; lines = levels.at(-1)) {
        const job = nextOf(lines);
        if (job !== undefined) return job;
        levels.pop();
      }
      return undefined;
    },
    granted: (job) => {
      granted.add(job.jobId);
      const repository = repositoryKey(job);
      slots.set(repository, (slots.get(repository) ?? 0) + 1);
    },
  };
}

/** The highest priority last. */
function levelsOf(jobs: readonly FleetJob[], policy: Policy): Line[][] {
  const levels = new Map<number, Map<string, Line>>();
  for (const job of jobs) {
    const priority = priorityOf(policy, job);
    const lines = levels.get(priority) ?? new Map<string, Line>();
    levels.set(priority, lines);
    const repository = policy.order === 'fair' ? repositoryKey(job) : '';
    const line = lines.get(repository);
    if (line !== undefined) line.jobs.push(job);
    else lines.set(repository, { repository, weight: weightOf(policy, job), jobs: [job], at: 0, share: 0 });
  }
  return [...levels].sort(([a], [b]) => a - b).map(([, lines]) => [...lines.values()]);
}

/** The line whose turn is first comes last: it is taken from the end. */
function lastFirst(a: Line, b: Line): number {
  const [headA, headB] = [a.jobs[a.at], b.jobs[b.at]];
  const older = headA === undefined || headB === undefined ? 0 : byAge(headB, headA);
  return b.share - a.share || older || byText(b.repository, a.repository);
}
