/** Which repositories are looked at for jobs: those that the fleet's slots may serve. */

import { GitHubError, GitHubRateLimited } from '../../github/errors.js';
import type { Runs } from '../../github/runs.js';
import { scopeText } from '../../jobs/names.js';
import { scopeAdmits } from '../../jobs/scope.js';
import type { Scope } from '../../jobs/scope.js';
import type { ReportBuilder } from './part.js';

export interface Repository {
  readonly owner: string;
  readonly repo: string;
}

export interface RepositoriesDeps {
  readonly github: Pick<Runs, 'listRepositories'>;
  /** Of the slots that there are. */
  readonly scopes: () => Promise<readonly Scope[]>;
  /** Repositories that Berth had jobs of, latest first. */
  readonly seen: () => Promise<readonly Repository[]>;
  readonly now?: () => number;
}

export type RepositoriesReport = Pick<ReportBuilder, 'called' | 'found' | 'incomplete'>;

export interface Repositories {
  /** Named ones first, then those that Berth had jobs of, then an organisation's others, last pushed to first. */
  find(report: RepositoriesReport): Promise<readonly Repository[]>;
}

/** Of an organisation, those last pushed to; one that gets a job in another way becomes known by its webhook. */
const MOST_PAGES = 2;
/** A new repository is noticed after this; a listing that has not changed costs nothing. */
const LISTING_KEPT_MS = 2 * 60_000;

export function createRepositories({ github, scopes, seen, now = Date.now }: RepositoriesDeps): Repositories {
  const listings = new Map<string, { readonly at: number; readonly found: readonly Repository[] }>();

  const ofOwner = async (owner: string, report: RepositoriesReport): Promise<readonly Repository[]> => {
    const kept = listings.get(owner.toLowerCase());
    if (kept !== undefined && kept.found.length > 0 && now() - kept.at < LISTING_KEPT_MS) return kept.found;
    const found: Repository[] = [];
    try {
      for (let page = 1; page <= MOST_PAGES; page += 1) {
        const { items, isLast, calls } = await github.listRepositories(owner, page);
        report.called(calls);
        found.push(...items);
        if (isLast) break;
      }
    } catch (error) {
      // The others can still be looked at.
      if (!(error instanceof GitHubError)) throw error;
      report.incomplete();
      if (!(error instanceof GitHubRateLimited)) report.found(`repositories of ${owner}`, error.message, 'failed');
      return kept?.found ?? found;
    }
    listings.set(owner.toLowerCase(), { at: now(), found });
    return found;
  };

  return {
    find: async (report) => {
      const all = distinct(await scopes());
      const named = all.flatMap((scope) => (scope.kind === 'repo' ? [{ owner: scope.owner, repo: scope.repo }] : []));
      const admitted = (await seen()).filter(({ owner, repo }) => all.some((scope) => scopeAdmits(scope, owner, repo)));
      const others: Repository[] = [];
      // An enterprise's organisations cannot be listed with the rights that runners need: there it is those that were seen.
      for (const scope of all) if (scope.kind === 'org') others.push(...(await ofOwner(scope.owner, report)));
      return withoutRepeats([...named, ...admitted, ...others]);
    },
  };
}

const distinct = (scopes: readonly Scope[]): readonly Scope[] => [
  ...new Map(scopes.map((scope) => [scopeText(scope).toLowerCase(), scope])).values(),
];

export const repoText = ({ owner, repo }: Repository): string => `${owner}/${repo}`;

/** The first of equal ones stays where it is. */
function withoutRepeats(repositories: readonly Repository[]): readonly Repository[] {
  const known = new Set<string>();
  return repositories.filter((each) => {
    const name = repoText(each).toLowerCase();
    return !known.has(name) && known.add(name);
  });
}
