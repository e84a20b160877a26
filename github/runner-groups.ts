/** Runner groups: GitHub wants their numbers, people use their names. */

import { scopeText } from '../jobs/names.js';
import type { Scope } from '../jobs/scope.js';
import { groupsSchema, parseAnswer } from './answers.js';
import type { Clock } from './clock.js';
import { GitHubError } from './errors.js';
import { firstInPages } from './pages.js';
import { runnerRight } from './rights.js';
import { scopePath } from './scope-path.js';
import type { Session } from './session.js';

/** The group that exists everywhere and, for repositories, the only one (research of GitHub's API; actions/runner). */
const DEFAULT_GROUP = 1;

const KEPT_MS = 10 * 60_000;
/** A group that is not in the list may just have been made: the list is read anew, but not more often than this. */
const REREAD_AFTER_MS = 30_000;

export interface RunnerGroups {
  /** @throws GitHubError `GitHubRefused` that lists the groups when there is none of this name */
  idOf(session: Session, scope: Scope, name: string | null): Promise<number>;
  /** GitHub did not know a group we took from the list. */
  forget(scope: Scope): void;
}

interface List {
  readonly readAt: number;
  /** By name in lower case. */
  readonly ids: ReadonlyMap<string, number>;
}

export function createRunnerGroups(clock: Clock): RunnerGroups {
  const lists = new Map<string, List>();

  const read = async (session: Session, scope: Scope): Promise<List> => {
    const ids = new Map<string, number>();
    const { template, params } = scopePath(scope);
    const what = `list the runner groups of ${scopeText(scope)}`;
    await firstInPages(
      session,
      {
        route: `GET ${template}/actions/runner-groups`,
        params,
        what,
        right: runnerRight(scope),
        purpose: 'registration',
      },
      (answer) => parseAnswer(groupsSchema, answer, what).runner_groups,
      (groups) => {
        for (const { name, id } of groups) ids.set(name.toLowerCase(), id);
        return undefined;
      },
    );
    const list = { readAt: clock.now(), ids };
    lists.set(scopeText(scope), list);
    return list;
  };

  return {
    idOf: async (session, scope, name) => {
      if (scope.kind === 'repo' || name === null || name.toLowerCase() === 'default') return DEFAULT_GROUP;
      const kept = lists.get(scopeText(scope));
      const id = kept?.ids.get(name.toLowerCase());
      const age = kept === undefined ? Infinity : clock.now() - kept.readAt;
      if (id !== undefined && age < KEPT_MS) return id;
      const list = kept !== undefined && age < REREAD_AFTER_MS ? kept : await read(session, scope);
      return list.ids.get(name.toLowerCase()) ?? noSuchGroup(scope, name, list);
    },
    forget: (scope) => void lists.delete(scopeText(scope)),
  };
}

function noSuchGroup(scope: Scope, name: string, { ids }: List): never {
  const there = [...ids.keys()].slice(0, 20).map((known) => `"${known}"`);
  throw new GitHubError(
    'GitHubRefused',
    `${scopeText(scope)} has no runner group "${name}" that this credential can see (there are: ` +
      `${there.join(', ') || 'none'}). Correct \`runner_group\` in the config, or create the group on GitHub.`,
  );
}
