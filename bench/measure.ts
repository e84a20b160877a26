/** What a measure is: it starts what it needs through the rig, does its work, and answers with rows of the table. */

import type { Stack, StackOptions } from '../simulators/stack/stack.js';
import type { Row } from './row.js';

export type StackNeeds = Pick<StackOptions, 'hosts'> & Partial<StackOptions>;

export interface Rig {
  /** The Temporal CLI's file, for a measure that starts all by itself. */
  readonly cli: string;
  /** A fresh Temporal and a whole Berth on it, for as long as `work` lasts. */
  readonly withStack: <T>(needs: StackNeeds, work: (stack: Stack) => Promise<T>) => Promise<T>;
}

/** How long something of the simulators took: none of it is Berth's time. */
export interface SimulatorTime {
  readonly what: string;
  readonly when: string;
  readonly samplesMs: readonly number[];
}

export interface Outcome {
  readonly rows: readonly Row[];
  readonly simulators?: readonly SimulatorTime[];
}

export interface Measure {
  /** For `--only`. */
  readonly name: string;
  /** It takes long, and is left out unless it is named. */
  readonly byNameOnly?: true;
  /** @throws Error when it could not be measured; a goal that is missed is not an error */
  readonly run: (rig: Rig) => Promise<Outcome>;
}
