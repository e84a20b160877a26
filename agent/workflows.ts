/** What the agent asks of Temporal, apart from its activities. */

import type { GuestState } from '../activities/contracts.js';

/**
 * How the workflow of a VM stands:
 * - `open`: it has the say over its VM;
 * - `stopped`: an operator terminated or cancelled it;
 * - `served`: it followed its job to the end, or to an operator's stop; only its VM could not be destroyed;
 * - `left`: it ended in any other way, as when its host stayed away for too long, or Temporal does not know it. A job may
 *   run in its VM all the same.
 */
export type WorkflowState = 'open' | 'stopped' | 'served' | 'left';

export interface Workflows {
  /** Of the workflow of a runner. @throws when Temporal cannot be asked: then nothing may be concluded */
  readonly stateOf: (workflowId: string) => Promise<WorkflowState>;
  /** Signals it, whichever of its runs is the current one. `gone`: it is closed or unknown. @throws when unreachable */
  readonly reportGuest: (workflowId: string, state: GuestState) => Promise<'told' | 'gone'>;
  /** Signals how far the step of this runner is. @throws when it is closed, or unreachable */
  readonly reportProgress: (workflowId: string, what: string) => Promise<void>;
}
