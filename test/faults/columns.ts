/** The table's columns and rows, and what a cell is called in it. Knows nothing of how cells are played. */

/** The steps of a job's life, in their order. */
export const STEPS = [
  'webhook received',
  'waiting for a slot',
  'template pull',
  'clone',
  'start',
  'register',
  'pick-up',
  'job running',
  'clean-up',
] as const;

export type Step = (typeof STEPS)[number];

/** What is struck. */
export const PROCESSES = [
  'receiver',
  'orchestrator',
  'host agent',
  'Temporal server',
  'simulated GitHub',
  '`anka`',
] as const;

export type Process = (typeof PROCESSES)[number];

/**
 * - `kill -9`: SIGKILL, then it is started again;
 * - `hang`: it stands still (SIGSTOP), or doesn't answer, for longer than its pulse or time limit;
 * - `error`: it refuses, or fails;
 * - `garbage`: it says what is not its contract;
 * - `lost`: it does its work, but what it says of it is lost;
 * - `death`: the VM itself dies.
 */
export type Kind = 'kill -9' | 'hang' | 'error' | 'garbage' | 'lost' | 'death';

/** How a cell is told of, from the tests to the table. */
export interface CellName {
  readonly process: Process;
  readonly step: Step;
  readonly kind: Kind;
  /** One line: what is done, when. */
  readonly blow: string;
}
