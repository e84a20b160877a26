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

/** Until a look has succeeded, or for as long as any other problem: then one job may try (milliseconds). */
const BELIEVED_MS = 5 * 60_000;

/** @returns what notes a problem of the host from the second failure in a row on, until a look succeeds */
export function watchLists({ reporter, lookSoon }: UnreadableDeps): ListWatch {
  let inARow = 0;
  let isNoted = false;

  function note(err: unknown): void {
    isNoted = true;
    reporter.noteProblem(KIND, `its VMs cannot be listed: ${messageOf(err)}`, BELIEVED_MS);
  }

  return {
    onList: () => {
      inARow = 0;
      if (isNoted) reporter.forgetProblem(KIND);
      isNoted = false;
    },
    onFailure: (err) => {
      inARow += 1;
      if (inARow >= BELIEVED_FROM) note(err);
      lookSoon();
    },
    believe: note,
  };
}
