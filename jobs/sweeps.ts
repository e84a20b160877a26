/** The sweeps: what was missed is found, what was left is removed. What they look at, remember and report. */

/**
 * - `deliveries`: webhooks of which no delivery was answered with success are asked for again;
 * - `queued`: jobs that wait on GitHub and that Berth never heard of are started;
 * - `runners`: offline runners of ours without a workflow are removed from GitHub;
 * - `jobs`: workflows whose job is over on GitHub hear so;
 * - `vms`: VMs of ours without a workflow are destroyed; each host does that by itself, too.
 */
export const SWEEP_PARTS = ['deliveries', 'queued', 'runners', 'jobs', 'vms'] as const;
export type SweepPart = (typeof SWEEP_PARTS)[number];

/**
 * `told`: a workflow was told what GitHub says. `seen`: a second look decides. `left`: it is left alone, for the reason
 * given. `would`: it would have been done, were this not a dry run.
 */
export type SweepDeed =
  'redelivered' | 'started' | 'removed' | 'ended' | 'told' | 'destroyed' | 'seen' | 'left' | 'would' | 'failed';

/** One thing that a sweep found. */
export interface SweepFinding {
  /** What it is, by the field's name of it: `runner berth-5-1-ab12`, `job 77 of acme/ios`, `delivery 123`. */
  readonly what: string;
  readonly why: string;
  readonly done: SweepDeed;
}

/** What a part needs to know of its last sweep; each part has its own shape. Plain JSON, bounded. */
export type SweepMemory = Readonly<Record<string, unknown>>;

export interface SweepInput {
  readonly part: SweepPart;
  /** Looks and reports, and changes nothing. */
  readonly dryRun: boolean;
  /** Asked for by a person: it looks twice in one go, so that nothing has to wait for the next sweep. */
  readonly byHand: boolean;
}

export interface SweepLook extends Omit<SweepInput, 'part'> {
  /** What the last look left; null at the first. */
  readonly memory: SweepMemory | null;
}

export interface SweepReport {
  readonly part: SweepPart;
  /** How many things it looked at. */
  readonly looked: number;
  /** All of the findings; `findings` has the first of them only. */
  readonly found: number;
  readonly findings: readonly SweepFinding[];
  /** Calls to GitHub that it took; answers "not modified" are not counted, as GitHub does not count them. */
  readonly calls: number;
  /** False: a cap on pages or a limit ended it early; the next sweep goes on from the mark in `memory`. */
  readonly isComplete: boolean;
  readonly memory: SweepMemory | null;
}

/** Findings in a report: it stays in history. */
export const MOST_FINDINGS = 100;
