/**
 * What an operator may wish of placement beyond what must hold: who goes first, and which hosts are filled first. Plain
 * JSON: it crosses Temporal. Whatever it says, placement keeps its promises, so nonsense in it is read as the default.
 */

import { includes } from './repositories.js';
import type { Repositories } from './repositories.js';

export interface Policy {
  /** `fifo`: by creation; `fair`: the repository with the fewest slots for its weight goes first. */
  readonly order: 'fifo' | 'fair';
  /** Of hosts that are equal otherwise: the one on which the least runs, or the one on which the most does. */
  readonly hosts: 'spread' | 'pack';
  /** The first rule that fits a job counts. */
  readonly priorities: readonly PriorityRule[];
  /** The first rule that fits a repository counts. */
  readonly weights: readonly WeightRule[];
}

export interface PriorityRule {
  /** Null: of any repository. */
  readonly of: Repositories | null;
  /** Null: with any labels. */
  readonly label: string | null;
  /** Higher goes first. */
  readonly priority: number;
}

export interface WeightRule {
  readonly of: Repositories;
  readonly weight: number;
}

export const DEFAULT_POLICY: Policy = { order: 'fifo', hosts: 'spread', priorities: [], weights: [] };

/** Whether jobs go by their creation alone. */
export const isByAge = ({ order, priorities }: Policy): boolean => order !== 'fair' && priorities.length === 0;

/** What rules look at. */
export interface Ranked {
  readonly owner: string;
  readonly repo: string;
  /** Normalised labels, joined by line ends (`placement/fleet.ts`). */
  readonly labelKey: string;
}

/** 0 where no rule fits. */
export function priorityOf({ priorities }: Policy, job: Ranked): number {
  if (priorities.length === 0) return 0;
  const rule = priorities.find(({ of, label }) => isOf(of, job) && (label === null || hasLabel(job, label)));
  return Number.isFinite(rule?.priority) ? (rule?.priority ?? 0) : 0;
}

/** 1 where no rule fits. */
export function weightOf({ weights }: Policy, job: Pick<Ranked, 'owner' | 'repo'>): number {
  const { weight = 1 } = weights.find(({ of }) => isOf(of, job)) ?? {};
  return Number.isFinite(weight) && weight > 0 ? weight : 1;
}

/** A repository by the name under which its slots are counted: GitHub compares names without case. */
export const repositoryKey = ({ owner, repo }: Pick<Ranked, 'owner' | 'repo'>): string =>
  `${owner}/${repo}`.toLowerCase();

const isOf = (of: Repositories | null, job: Pick<Ranked, 'owner' | 'repo'>): boolean =>
  of === null || includes(of, job);

const hasLabel = ({ labelKey }: Ranked, label: string): boolean =>
  `\n${labelKey}\n`.includes(`\n${label.trim().toLowerCase()}\n`);
