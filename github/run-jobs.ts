/** All jobs of a run in one question, and whether a repository is there: what a sweep looks up. */

import type { RunRef } from '../activities/contracts.js';
import type { JobEvent } from '../jobs/event.js';
import type { Clock } from './clock.js';
import { endedWithItsRun, isLongQueued } from './jobs.js';
import { READ_JOBS } from './rights.js';
import type { Runs } from './runs.js';
import type { Sessions } from './sessions.js';

export interface RunLook {
  /** Those of the run's latest attempt. None: GitHub does not know the run, or does not show it to this credential. */
  readonly jobs: readonly JobEvent[];
  /** Of GitHub's limit: what had not changed costs nothing. */
  readonly calls: number;
}

export interface RunJobs {
  /** A matrix has 256 jobs at most, a run a few hundred: three pages or four. @throws GitHubError, GitHubRateLimited */
  jobsOfRun(input: RunRef): Promise<RunLook>;
  /** False: it was deleted, or renamed away, or this credential may not see it. Takes one call. */
  seesRepository(input: { readonly owner: string; readonly repo: string }): Promise<boolean>;
}

const MOST_PAGES = 10;

export interface RunJobsOptions {
  readonly sessions: Sessions;
  readonly runs: Pick<Runs, 'listJobs'>;
  readonly clock: Clock;
}

export function createRunJobs({ sessions, runs, clock }: RunJobsOptions): RunJobs {
  return {
    jobsOfRun: async (input) => {
      const jobs: JobEvent[] = [];
      let calls = 0;
      for (let page = 1; page <= MOST_PAGES; page += 1) {
        const listed = await runs.listJobs(input, page);
        jobs.push(...listed.items);
        calls += listed.calls;
        if (listed.isLast) break;
      }
      const waiting = jobs.find((job) => isLongQueued(job, clock.now()));
      if (waiting === undefined) return { jobs, calls };
      const session = await sessions.forScope({ kind: 'repo', owner: input.owner, repo: input.repo });
      const ended = await endedWithItsRun(session, waiting);
      if (ended.action !== 'completed') return { jobs, calls: calls + 1 };
      const { conclusion } = ended;
      const all = jobs.map((job) =>
        job.action === 'queued' ? { ...job, action: 'completed' as const, conclusion } : job,
      );
      return { jobs: all, calls: calls + 1 };
    },

    seesRepository: async ({ owner, repo }) => {
      const session = await sessions.forScope({ kind: 'repo', owner, repo });
      const { status } = await session.call({
        route: 'GET /repos/{owner}/{repo}',
        params: { owner, repo },
        what: `look up the repository ${owner}/${repo}`,
        right: READ_JOBS,
        accept: [404],
        purpose: 'sweep',
      });
      return status !== 404;
    },
  };
}
