/** Where the code of a run comes from: the repository itself, or the fork of somebody who may not write to it. */

import type { RunOrigin, RunRef } from '../activities/contracts.js';
import { sameName } from '../jobs/repositories.js';
import { originSchema, parseAnswer } from './answers.js';
import { lookUpRun } from './run-calls.js';
import type { Sessions } from './sessions.js';

export interface RunOrigins {
  /** Asked once for each run: the jobs of a matrix share the answer. */
  originOfRun(run: RunRef): Promise<RunOrigin>;
}

/**
 * Events of pull requests. Those of the `_target` kind run the base's workflow file, but with the fork's author deciding
 * when, and most of them check the fork's code out. Other events run code that is in the repository.
 * Source: GitHub docs, "Events that trigger workflows".
 */
const OF_PULL_REQUESTS: ReadonlySet<string> = new Set([
  'pull_request',
  'pull_request_target',
  'pull_request_review',
  'pull_request_review_comment',
]);

/** Runs whose answer is kept; the oldest are forgotten, and asked for again if need be. */
const MOST_KEPT = 1_000;

export function createRunOrigins({ sessions }: { readonly sessions: Sessions }): RunOrigins {
  const known = new Map<string, Promise<RunOrigin>>();

  async function ask(run: RunRef): Promise<RunOrigin> {
    const session = await sessions.forScope({ kind: 'repo', owner: run.owner, repo: run.repo });
    const call = lookUpRun(run);
    const answer = await session.call(call);
    const { event, repository, head_repository: head } = parseAnswer(originSchema, answer, call.what);
    if (!OF_PULL_REQUESTS.has(event)) return { fork: null };
    if (head === null || head === undefined) return { fork: 'a fork that is deleted' };
    return { fork: sameName(head.full_name, repository.full_name) ? null : head.full_name };
  }

  return {
    originOfRun: (run) => {
      const key = `${run.owner}/${run.repo}/${run.runId}`.toLowerCase();
      const answer = known.get(key) ?? ask(run);
      known.set(key, answer);
      const [oldest] = known.keys();
      if (known.size > MOST_KEPT && oldest !== undefined) known.delete(oldest);
      // A question that failed is asked again.
      answer.catch(() => known.delete(key));
      return answer;
    },
  };
}
