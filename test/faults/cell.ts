/** What a cell of the table is made of. */

import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import type { BerthProcess } from '../../simulators/stack/berth-process.js';
import type { OwnTemporal } from '../e2e/own-temporal.js';
import type { Kind, Process, Step } from './columns.js';

/** The stack of a row: one host with one slot. */
export interface Ground {
  readonly stack: Stack;
  readonly host: StackHost;
  /** Null where the row shares its server with others. */
  readonly temporal: OwnTemporal | null;
  /** Processes that were killed: their words are read, too. */
  readonly dead: BerthProcess[];
  /** Jobs whose VM died by itself, in this cell or one before. */
  readonly bereft: Set<number>;
}

/** Something that can be seen from outside of Berth, at this moment. */
export type Fact = (scene: Scene) => boolean | Promise<boolean>;

/** One job, kept at the step at which it is struck. */
export interface Scene extends Ground {
  readonly job: SimJob;
  /** Has the slot for which the job waits; it must come through as well. */
  readonly blocker: SimJob | null;
  /**
   * To be called as soon as the blow has landed. A cell in which it never is fails.
   * @param fact what shows that the blow struck the job at the step; by default, that the job still is there
   * @throws Error when it did not
   */
  readonly struck: (fact?: Fact) => Promise<void>;
  /** Lets the job go on from the step. At the latest it does when the strike is over. */
  readonly goOn: () => Promise<void>;
}

export interface Cell {
  readonly step: Step;
  readonly kind: Kind;
  readonly blow: string;
  /** Part of the reduced set. */
  readonly isReduced?: true;
  readonly job?: Partial<QueueJobOptions>;
  /** Before the job is queued. */
  readonly before?: (ground: Ground) => Promise<unknown>;
  /** Instead of the step's own way to find the moment. */
  readonly arrive?: (scene: Scene) => Promise<unknown>;
  /** The blow, which says when it has landed (`Scene.struck`), and the return of what it took away. */
  readonly strike: (scene: Scene) => Promise<unknown>;
  /** What becomes of the job on GitHub; `success` unless given. */
  readonly ends?: 'success' | 'failure' | 'cancelled';
  /** The VM is gone before its job's end, through no act of Berth's. */
  readonly vmDies?: true;
}

/** What the stack of a row has that others have not. Times are longer on a machine that is busy otherwise. */
export interface RowNeeds {
  /** Its own Temporal server, for a row that takes it away. */
  readonly ownTemporal?: true;
  /** How long a runner waits for its job; 60 s unless given. */
  readonly registrationTimeoutSeconds?: number;
  /** `timeouts` of its host, in seconds. */
  readonly timeouts?: Readonly<Record<string, number>>;
}

export interface Row extends RowNeeds {
  readonly process: Process;
  readonly cells: readonly Cell[];
}
