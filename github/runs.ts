/** Runs and their jobs as GitHub lists them, for those who look instead of being told. One call each. */

import { z } from 'zod';
import type { RunRef } from '../activities/contracts.js';
import type { JobEvent } from '../jobs/event.js';
import { jobsSchema, parseAnswer } from './answers.js';
import type { Clock } from './clock.js';
import { callsOf } from './conditional.js';
import type { HttpAnswer } from './http.js';
import { eventOf } from './jobs.js';
import type { Repo } from './jobs.js';
import { PAGE_SIZE } from './pages.js';
import { READ_JOBS, READ_REPOSITORIES } from './rights.js';
import { listJobsOfRun } from './run-calls.js';
import type { Sessions } from './sessions.js';

/** One page of something. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly isLast: boolean;
  /** Of GitHub's limit: 0 when nothing had changed. */
  readonly calls: number;
}

export interface RunSeen {
  readonly runId: number;
  readonly isOver: boolean;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** `status` of a list of runs; null: all of them, newest first. */
export type RunFilter = 'queued' | 'in_progress' | 'waiting' | null;

export interface Runs {
  /** Runs of a repository. Empty where GitHub does not show the repository to this credential. @param page from 1 */
  listRuns(repo: Repo, filter: RunFilter, page: number): Promise<Listed<RunSeen>>;
  /** The jobs of a run's latest attempt as they are now. @param page from 1 */
  listJobs(run: RunRef, page: number): Promise<Listed<JobEvent>>;
  /** Repositories of an organisation that this credential may see, the one last pushed to first. @param page from 1 */
  listRepositories(owner: string, page: number): Promise<Listed<Repo>>;
}

export interface RunsOptions {
  readonly sessions: Sessions;
  readonly clock: Clock;
}

const runsSchema = z.object({
  workflow_runs: z.array(
    z.object({
      id: z.number().int(),
      status: z.string().nullish(),
      created_at: z.iso.datetime({ offset: true }),
    }),
  ),
});

const repositoriesSchema = z.array(
  z.object({
    name: z.string(),
    owner: z.object({ login: z.string() }),
    archived: z.boolean().nullish(),
    disabled: z.boolean().nullish(),
  }),
);

export function createRuns({ sessions, clock }: RunsOptions): Runs {
  /** Asked again and again, and what has not changed costs nothing. */
  const lists = { purpose: 'sweep', conditional: true, right: READ_JOBS, accept: [404] } as const;

  return {
    listRuns: async ({ owner, repo }, filter, page) => {
      const session = await sessions.forScope({ kind: 'repo', owner, repo });
      const what = `list the ${filter ?? 'newest'} runs of ${owner}/${repo}`;
      const status = filter === null ? {} : { status: filter };
      const params = { owner, repo, ...status, per_page: PAGE_SIZE, page };
      const answer = await session.call({ ...lists, route: 'GET /repos/{owner}/{repo}/actions/runs', params, what });
      if (answer.status === 404) return nothing(answer);
      const runs = parseAnswer(runsSchema, answer, what).workflow_runs;
      return listed(answer, runs.length, runs.map(toRun));
    },

    listJobs: async (run, page) => {
      const { owner, repo } = run;
      const session = await sessions.forScope({ kind: 'repo', owner, repo });
      const call = listJobsOfRun(run, 'latest');
      const params = { ...call.params, per_page: PAGE_SIZE, page };
      const answer = await session.call({ ...lists, ...call, params });
      if (answer.status === 404) return nothing(answer);
      const { jobs } = parseAnswer(jobsSchema, answer, call.what);
      const now = clock.now();
      return listed(
        answer,
        jobs.length,
        jobs.map((job) => eventOf({ owner, repo }, job, now)),
      );
    },

    listRepositories: async (owner, page) => {
      const session = await sessions.forScope({ kind: 'org', owner });
      const what = `list the repositories of ${owner}`;
      const params = { org: owner, sort: 'pushed', direction: 'desc', per_page: PAGE_SIZE, page };
      const right = READ_REPOSITORIES;
      const answer = await session.call({ ...lists, right, route: 'GET /orgs/{org}/repos', params, what });
      if (answer.status === 404) return nothing(answer);
      const all = parseAnswer(repositoriesSchema, answer, what);
      const inUse = all.filter(({ archived, disabled }) => archived !== true && disabled !== true);
      return listed(
        answer,
        all.length,
        inUse.map(({ name, owner: { login } }) => ({ owner: login, repo: name })),
      );
    },
  };
}

function toRun({ id, status, created_at: createdAt }: z.infer<typeof runsSchema>['workflow_runs'][number]): RunSeen {
  return { runId: id, isOver: status === 'completed', createdAt: Date.parse(createdAt) };
}

function listed<T>(answer: HttpAnswer, length: number, items: readonly T[]): Listed<T> {
  return { items, isLast: length < PAGE_SIZE, calls: callsOf(answer) };
}

const nothing = <T>(answer: HttpAnswer): Listed<T> => ({ items: [], isLast: true, calls: callsOf(answer) });
