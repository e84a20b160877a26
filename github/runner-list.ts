/** All runners of a scope, page by page: what a sweep looks through. */

import { scopeText } from '../jobs/names.js';
import type { Scope } from '../jobs/scope.js';
import { parseAnswer, runnersSchema } from './answers.js';
import { callsOf } from './conditional.js';
import { PAGE_SIZE } from './pages.js';
import { runnerRight } from './rights.js';
import { scopePath } from './scope-path.js';
import type { Sessions } from './sessions.js';

export interface ListedRunner {
  readonly id: number;
  readonly name: string;
  readonly isOnline: boolean;
  /** GitHub's word, which has been wrong both ways (actions/runner#4422). */
  readonly isBusy: boolean;
}

export interface RunnerPage {
  readonly runners: readonly ListedRunner[];
  readonly isLast: boolean;
  /** Of GitHub's limit: 0 when nothing had changed. */
  readonly calls: number;
}

export interface RunnerList {
  /** @param page from 1. @throws GitHubError, GitHubRateLimited */
  listRunners(scope: Scope, page: number): Promise<RunnerPage>;
}

export function createRunnerList(sessions: Sessions): RunnerList {
  return {
    listRunners: async (scope, page) => {
      const session = await sessions.forScope(scope);
      const { template, params } = scopePath(scope);
      const what = `list the runners of ${scopeText(scope)}`;
      const answer = await session.call({
        route: `GET ${template}/actions/runners`,
        params: { ...params, per_page: PAGE_SIZE, page },
        what,
        right: runnerRight(scope),
        purpose: 'sweep',
        conditional: true,
      });
      const { runners } = parseAnswer(runnersSchema, answer, what);
      return {
        runners: runners.map(({ id, name, status, busy }) => ({
          id,
          name,
          isOnline: status === 'online',
          isBusy: busy,
        })),
        isLast: runners.length < PAGE_SIZE,
        calls: callsOf(answer),
      };
    },
  };
}
