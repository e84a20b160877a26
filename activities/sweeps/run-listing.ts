/** The runs of a repository that may have queued jobs, and their jobs, within a bound of requests and time. */

import type { JobEvent } from '../../jobs/event.js';
import type { Listed, RunFilter, RunSeen, Runs } from '../../github/runs.js';
import type { ReportBuilder } from './part.js';
import type { Repository } from './repositories.js';

export interface RunListingDeps {
  readonly github: Pick<Runs, 'listRuns' | 'listJobs'>;
  readonly report: Pick<ReportBuilder, 'called'>;
  readonly now: () => number;
}

export interface RunListing {
  /** Whether the bound is reached: the next sweep goes on. */
  isSpent(): boolean;
  /**
   * Runs that GitHub says are under way. `since` (epoch ms): looks through all newer runs, too, whatever GitHub says of
   * their state: its filter has left runs out (actions-runner-controller#362), and knows states that Berth does not.
   */
  openRuns(repository: Repository, since: number | null): Promise<readonly number[]>;
  jobsOf(repository: Repository, runId: number): Promise<readonly JobEvent[]>;
}

/** Answered or not modified; each takes 50 to 300 ms. */
export const MOST_REQUESTS = 300;
const MOST_MS = 5 * 60_000;
/** 100 items each; a run has at most 256 jobs of one matrix, and may have several. */
const MOST_PAGES = 5;

export function createRunListing({ github, report, now }: RunListingDeps): RunListing {
  const until = now() + MOST_MS;
  let requests = 0;

  const pages = async <T>(ask: (page: number) => Promise<Listed<T>>, isEnough: (items: readonly T[]) => boolean) => {
    const all: T[] = [];
    for (let page = 1; page <= MOST_PAGES; page += 1) {
      const { items, isLast, calls } = await ask(page);
      requests += 1;
      report.called(calls);
      all.push(...items);
      if (isLast || isEnough(items)) break;
    }
    return all;
  };

  const runs = (repository: Repository, filter: RunFilter, since = 0): Promise<readonly RunSeen[]> =>
    pages(
      (page) => github.listRuns(repository, filter, page),
      (items) => (items.at(-1)?.createdAt ?? 0) < since,
    );

  return {
    isSpent: () => requests >= MOST_REQUESTS || now() >= until,
    openRuns: async (repository, since) => {
      const open = [...(await runs(repository, 'queued')), ...(await runs(repository, 'in_progress'))];
      if (since !== null) {
        open.push(...(await runs(repository, 'waiting')));
        const newest = await runs(repository, null, since);
        open.push(...newest.filter(({ isOver, createdAt }) => !isOver && createdAt >= since));
      }
      return [...new Set(open.map(({ runId }) => runId))];
    },
    jobsOf: (repository, runId) =>
      pages(
        (page) => github.listJobs({ ...repository, runId }, page),
        () => false,
      ),
  };
}
