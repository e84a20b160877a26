/** What polling has told of each open job, so that news is told once. */

import { rankOf } from '../../jobs/event.js';
import type { JobEvent } from '../../jobs/event.js';
import { repoText } from './repositories.js';
import type { Repository } from './repositories.js';

/** By repository, run and job: the rank of what was told of it (`rankOf`). Plain JSON: part of a sweep's memory. */
export type Told = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;

/** Beyond this, jobs go without: the sweep of jobs tells how they end. It stays in history. */
const MOST_FOLLOWED = 2_000;

export interface ListedRun {
  /** Whether GitHub lists it among those under way. */
  readonly isOpen: boolean;
  readonly jobs: readonly JobEvent[];
}

export interface Followed {
  /** Runs that were under way at the last look. */
  runsOf(repository: Repository): readonly number[];
  /** Their names in lower case, which GitHub takes for the same. */
  repositories(): readonly Repository[];
  /** The rank of what was told of this job; 0: nothing. */
  toldOf(event: JobEvent): number;
  note(event: JobEvent): void;
  /** Drops jobs that the run no longer has (another attempt has others), and all of a run that is over with its jobs. */
  settle(repository: Repository, runId: number, run: ListedRun): void;
  memory(): Told;
}

export function createFollowed(told: Told): Followed {
  const repositories = new Map<string, Map<number, Map<number, number>>>();
  let size = 0;

  const put = (repo: string, runId: number, jobId: number, rank: number): void => {
    const runs = repositories.get(repo) ?? new Map<number, Map<number, number>>();
    const jobs = runs.get(runId) ?? new Map<number, number>();
    if (!jobs.has(jobId)) {
      if (size >= MOST_FOLLOWED) return;
      size += 1;
    }
    jobs.set(jobId, rank);
    runs.set(runId, jobs);
    repositories.set(repo, runs);
  };

  for (const [repo, runs] of Object.entries(told)) {
    for (const [runId, jobs] of Object.entries(runs)) {
      for (const [jobId, rank] of Object.entries(jobs)) put(repo, Number(runId), Number(jobId), rank);
    }
  }

  const runsOf = (repository: Repository) => repositories.get(repoText(repository).toLowerCase());

  return {
    runsOf: (repository) => [...(runsOf(repository)?.keys() ?? [])],
    repositories: () =>
      [...repositories.keys()].map((name) => {
        const [owner = '', repo = ''] = name.split('/');
        return { owner, repo };
      }),
    toldOf: (event) => runsOf(event)?.get(event.runId)?.get(event.jobId) ?? 0,
    note: (event) => put(repoText(event).toLowerCase(), event.runId, event.jobId, rankOf(event.action)),
    settle: (repository, runId, { isOpen, jobs: listed }) => {
      const runs = runsOf(repository);
      const jobs = runs?.get(runId);
      if (runs === undefined || jobs === undefined) return;
      // While others of its jobs run, those that are over are listed again and again: what was told stays known.
      const kept = listed.filter(({ action }) => isOpen || action !== 'completed');
      const ids = new Set(kept.map(({ jobId }) => jobId));
      for (const jobId of jobs.keys()) if (!ids.has(jobId) && jobs.delete(jobId)) size -= 1;
      if (jobs.size === 0) runs.delete(runId);
      if (runs.size === 0) repositories.delete(repoText(repository).toLowerCase());
    },
    memory: () =>
      Object.fromEntries(
        [...repositories].map(([repo, runs]) => [
          repo,
          Object.fromEntries([...runs].map(([runId, jobs]) => [runId, Object.fromEntries(jobs)])),
        ]),
      ),
  };
}
