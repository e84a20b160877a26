/** REST of jobs and workflow runs. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { jobBody, runBody } from '../bodies/job.js';
import { originOf } from '../bodies/urls.js';
import { repoFacts } from '../bodies/webhook.js';
import type { Jobs, Refusal } from '../jobs.js';
import { sameName } from '../names.js';
import type { SimJob, SimRun } from '../types.js';
import { latestJobs, runState } from '../world.js';
import type { World } from '../world.js';
import type { Guard, Level } from './guard.js';
import { HttpError, notFound } from './http-error.js';
import { pageOf } from './paging.js';

interface RepoParams {
  readonly owner: string;
  readonly repo: string;
  readonly id: string;
}

interface Deps {
  readonly world: World;
  readonly guard: Guard;
  readonly jobs: Jobs;
}

const refuse = (refusal: Refusal): HttpError => new HttpError(refusal.status, refusal.message);

/** Looks things up for a request, as old as `reads.staleMs` makes GitHub's answers. */
function createFinder({ world, guard }: Deps) {
  const repoOf = (request: FastifyRequest, level: Level): RepoParams => {
    const params = request.params as RepoParams;
    guard.allow(request, { kind: 'repo', owner: params.owner, repo: params.repo }, 'actions', level);
    return params;
  };
  const isOf = (thing: SimJob | SimRun, params: RepoParams): boolean =>
    sameName(thing.owner, params.owner) && sameName(thing.repo, params.repo);
  const seen = (job: SimJob): SimJob =>
    world.reads.staleMs === 0 ? job : (world.jobAt(job.id, Date.now() - world.reads.staleMs) ?? job);
  return {
    repoOf,
    seen,
    job: (request: FastifyRequest, level: Level): SimJob => {
      const params = repoOf(request, level);
      const job = world.jobs.get(Number(params.id));
      if (job === undefined || !isOf(job, params)) throw notFound();
      return seen(job);
    },
    run: (request: FastifyRequest, level: Level): SimRun => {
      const params = repoOf(request, level);
      const run = world.runs.get(Number(params.id));
      if (run === undefined || !isOf(run, params)) throw notFound();
      return run;
    },
    runsOf: (params: RepoParams): readonly SimRun[] =>
      [...world.runs.values()].filter((run) => isOf(run, params)).sort((a, b) => b.id - a.id),
  };
}

export function addJobRoutes(app: FastifyInstance, deps: Deps): void {
  const { world, jobs } = deps;
  const find = createFinder(deps);
  const base = '/repos/:owner/:repo/actions';
  const origin = () => originOf(world.url);
  const stateOf = (run: SimRun) => runState(run, world.jobsOf(run.id).map(find.seen));
  const showRun = (run: SimRun) => runBody(origin(), run, stateOf(run), repoFacts(world, run.owner, run.repo));

  app.get(`${base}/jobs/:id`, async (request) => jobBody(origin(), find.job(request, 'read')));
  app.get(`${base}/runs/:id`, async (request) => showRun(find.run(request, 'read')));
  app.get<{ Querystring: { status?: string } }>(`${base}/runs`, async (request, reply) => {
    const wanted = request.query.status;
    const runs = find.runsOf(find.repoOf(request, 'read')).filter((run) => {
      const { status, conclusion } = stateOf(run);
      return wanted === undefined || status === wanted || conclusion === wanted;
    });
    return { total_count: runs.length, workflow_runs: pageOf(request, reply, runs).map(showRun) };
  });
  app.get<{ Querystring: { filter?: string } }>(`${base}/runs/:id/jobs`, async (request, reply) => {
    const all = world.jobsOf(find.run(request, 'read').id).map(find.seen);
    const shown = request.query.filter === 'all' ? all : latestJobs(all);
    return { total_count: shown.length, jobs: pageOf(request, reply, shown).map((job) => jobBody(origin(), job)) };
  });
  addRerunRoutes(app, base, jobs, find);
  for (const [name, force] of [
    ['cancel', false],
    ['force-cancel', true],
  ] as const) {
    app.post(`${base}/runs/:id/${name}`, async (request, reply) => {
      const refusal = jobs.cancelRun(find.run(request, 'write').id, force);
      if (refusal !== undefined) throw refuse(refusal);
      void reply.code(202);
      return {};
    });
  }
}

function addRerunRoutes(app: FastifyInstance, base: string, jobs: Jobs, find: ReturnType<typeof createFinder>): void {
  const answer = (result: readonly SimJob[] | Refusal) => {
    if ('status' in result) throw refuse(result);
    return {};
  };
  app.post(`${base}/jobs/:id/rerun`, async (request, reply) => {
    const job = find.job(request, 'write');
    void reply.code(201);
    return answer(jobs.rerun(job.runId, job.id));
  });
  app.post(`${base}/runs/:id/rerun`, async (request, reply) => {
    void reply.code(201);
    return answer(jobs.rerun(find.run(request, 'write').id, 'all'));
  });
  app.post(`${base}/runs/:id/rerun-failed-jobs`, async (request, reply) => {
    void reply.code(201);
    return answer(jobs.rerun(find.run(request, 'write').id, 'failed'));
  });
}
