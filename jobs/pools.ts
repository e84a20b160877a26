/** Which pool a job belongs to: hosts and jobs of one pool serve each other. Pure. */

import { includes } from './repositories.js';
import type { Repositories } from './repositories.js';

/** A pool for some jobs. A job must have all of `labels` and come from one of `repositories`; an empty list asks nothing. */
export interface PoolRule {
  readonly pool: string;
  readonly labels: readonly string[];
  readonly repositories: readonly Repositories[];
}

export interface Pools {
  /** Of the jobs that no rule is for. */
  readonly pool: string;
  /** The first one that fits decides. */
  readonly poolRules: readonly PoolRule[];
}

/** What of a job its pool is decided by. */
export interface PoolSubject {
  readonly owner: string;
  readonly repo: string;
  readonly labels: readonly string[];
}

export function poolOf(job: PoolSubject, { pool, poolRules }: Pools): string {
  const fits = ({ labels, repositories }: PoolRule): boolean =>
    hasLabels(job, labels) && (repositories.length === 0 || repositories.some((these) => includes(these, job)));
  return poolRules.find(fits)?.pool ?? pool;
}

/** Every pool that a job may come to, each once: each needs a dispatcher. */
export const poolNames = ({ pool, poolRules }: Pools): readonly string[] => [
  ...new Set([pool, ...poolRules.map((rule) => rule.pool)]),
];

/** Whether every job that fits the later rule fits the earlier one, too: then the later one is never reached. */
export function covers(earlier: PoolRule, later: PoolRule): boolean {
  if (!hasLabels(later, earlier.labels)) return false;
  if (earlier.repositories.length === 0) return true;
  const isWithin = (these: Repositories): boolean => earlier.repositories.some((wider) => includes(wider, these));
  return later.repositories.length > 0 && later.repositories.every(isWithin);
}

/** All of them, without regard to case. */
function hasLabels({ labels }: Pick<PoolSubject, 'labels'>, wanted: readonly string[]): boolean {
  const there = new Set(labels.map((label) => label.toLowerCase()));
  return wanted.every((label) => there.has(label.toLowerCase()));
}
