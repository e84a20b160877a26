/** One line of the table: what is measured, what it should be, what it is. Pure. */

import { percentile } from './statistics.js';

export type Unit = 'ms' | 's' | '/s' | 'MB' | 'count' | 'share';

export interface Goal {
  /** Whether less is better, or more. */
  readonly direction: 'at most' | 'at least';
  readonly must: number;
  readonly aim: number | null;
}

export interface Row {
  readonly measure: string;
  /** As measured with anklet, from the design. */
  readonly anklet: string;
  readonly unit: Unit;
  /** What of the samples is held against the goal. */
  readonly judged: 'p50' | 'worst';
  readonly goal: Goal;
  readonly samples: readonly number[];
  /** What the reader must know beside the number. */
  readonly note?: string;
}

export type Verdict = 'aim' | 'must' | 'missed';

/** The number that is held against the goal. */
export function judgedValue({ samples, judged, goal }: Row): number {
  if (judged === 'p50') return percentile(samples, 50);
  return goal.direction === 'at most' ? Math.max(...samples) : Math.min(...samples);
}

export function verdictOf(row: Row): Verdict {
  const value = judgedValue(row);
  const reaches = (limit: number): boolean => (row.goal.direction === 'at most' ? value <= limit : value >= limit);
  if (!reaches(row.goal.must)) return 'missed';
  return row.goal.aim === null || reaches(row.goal.aim) ? 'aim' : 'must';
}
