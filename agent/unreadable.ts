/** A host that cannot say what runs on it refuses every slot: its operator must hear of it, and jobs go elsewhere. */

import { messageOf } from './failure.js';
import type { Reporter } from './report.js';

export interface UnreadableDeps {
  readonly reporter: Pick<Reporter, 'noteProblem' | 'forgetProblem'>;
  /** Has a look in a few seconds. */
  readonly lookSoon: () => void;
}

/** What to call after each look at the provider's list. */
export interface ListWatch {
  readonly onList: () => void;
  readonly onFailure: (err: unknown) => void;
  /** Believes the first failure, too: nothing is known of this host yet. */
  readonly believe: (err: unknown) => void;
}

const KIND = 'list';

/** One look that fails may be a restart of the tool's service. */
const BELIEVED_FROM = 2;

/** @returns what notes a problem of the host from the second failure in a row on, until a look succeeds */
export function watchLists({ reporter, lookSoon }: UnreadableDeps): ListWatch {
  let inARow = 0;

  const note = (err: unknown): void => reporter.noteProblem(KIND, `its VMs cannot be listed: ${messageOf(err)}`);

  return {
    onList: () => {
      inARow = 0;
      reporter.forgetProblem(KIND);
    },
    onFailure: (err) => {
      inARow += 1;
      if (inARow >= BELIEVED_FROM) note(err);
      lookSoon();
    },
    believe: note,
  };
}
