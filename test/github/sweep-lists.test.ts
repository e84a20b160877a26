/** What sweeps read: the runners of a scope, the jobs of a run, whether a repository is there. */

import { describe, expect, it } from 'vitest';
import type { Scope } from '../../jobs/scope.js';
import { failureOf, useBench } from './support.js';
import type { Reply } from './support.js';

const b = useBench();

const run = { owner: 'acme', repo: 'ios', runId: 5 };
const JOBS = 'GET /repos/acme/ios/actions/runs/5/jobs';
const RUN = 'GET /repos/acme/ios/actions/runs/5';
const HOUR = 3_600_000;

const job = (id: number, status: string, ageMs: number): object => ({
  id,
  run_id: 5,
  name: `job ${id}`,
  status,
  conclusion: null,
  labels: [],
  created_at: new Date(b.clock.now() - ageMs).toISOString(),
});
const jobs = (...all: readonly object[]): Reply => ({ body: { total_count: all.length, jobs: all } });

describe('the jobs of a run', () => {
  it('come with one call', async () => {
    b.server.on(JOBS, jobs(job(1, 'queued', 0), job(2, 'in_progress', HOUR)));
    const { jobs: found, calls } = await b.github.jobsOfRun(run);
    expect(found.map(({ jobId, action }) => [jobId, action])).toEqual([
      [1, 'queued'],
      [2, 'in_progress'],
    ]);
    expect([calls, b.server.asked.length]).toEqual([1, 1]);
  });

  it('page after page', async () => {
    const page = (from: number, count: number) =>
      jobs(...Array.from({ length: count }, (_, n) => job(from + n, 'completed', 0)));
    b.server.on(JOBS, page(1, 100), page(101, 30));
    const { jobs: found, calls } = await b.github.jobsOfRun(run);
    expect([found.length, calls]).toEqual([130, 2]);
  });

  it.each([
    ['is over', { status: 'completed', conclusion: 'startup_failure' }, 'completed', 'startup_failure'],
    ['goes on', { status: 'in_progress', conclusion: null }, 'queued', null],
  ])('that read queued for long are looked at through their run, which %s', async (_, answer, action, conclusion) => {
    b.server.on(JOBS, jobs(job(1, 'queued', HOUR), job(2, 'queued', HOUR)));
    b.server.on(RUN, { body: answer });
    const { jobs: found, calls } = await b.github.jobsOfRun(run);
    expect(found).toMatchObject([
      { jobId: 1, action, conclusion },
      { jobId: 2, action, conclusion },
    ]);
    expect([calls, b.server.asked.length]).toEqual([2, 2]);
  });

  it('are none when GitHub does not know the run', async () => {
    expect(await b.github.jobsOfRun(run)).toEqual({ jobs: [], calls: 1 });
  });
});

describe('a repository', () => {
  it.each([
    [200, true],
    [404, false],
  ])('answered with %d is seen: %j', async (status, isThere) => {
    b.server.on('GET /repos/acme/ios', { status, body: {} });
    expect(await b.github.seesRepository({ owner: 'acme', repo: 'ios' })).toBe(isThere);
  });

  it('that is refused for another reason is an error', async () => {
    b.server.on('GET /repos/acme/ios', { status: 403, body: { message: 'Resource not accessible' } });
    expect(await failureOf(b.github.seesRepository({ owner: 'acme', repo: 'ios' }))).toMatchObject({
      type: 'GitHubRefused',
    });
  });
});

describe('the runners of a scope', () => {
  const runner = (id: number, status: string, busy: boolean): object => ({ id, name: `r${id}`, status, busy });

  it.each<[Scope, string]>([
    [{ kind: 'repo', owner: 'acme', repo: 'ios' }, '/repos/acme/ios'],
    [{ kind: 'org', owner: 'acme' }, '/orgs/acme'],
    [{ kind: 'enterprise', enterprise: 'big' }, '/enterprises/big'],
  ])('%j are listed under %s, by page', async (scope, path) => {
    const reply = { body: { runners: [runner(1, 'online', true), runner(2, 'offline', false)] } };
    b.server.on(`GET ${path}/actions/runners`, reply);
    expect(await b.github.listRunners(scope, 3)).toEqual({
      runners: [
        { id: 1, name: 'r1', isOnline: true, isBusy: true },
        { id: 2, name: 'r2', isOnline: false, isBusy: false },
      ],
      isLast: true,
      calls: 1,
    });
    expect(b.server.asked[0]?.url).toContain('per_page=100&page=3');
  });

  it('are not the last ones on a full page', async () => {
    const full = Array.from({ length: 100 }, (_, n) => runner(n, 'online', false));
    b.server.on('GET /orgs/acme/actions/runners', { body: { runners: full } });
    expect((await b.github.listRunners({ kind: 'org', owner: 'acme' }, 1)).isLast).toBe(false);
  });

  it('cost nothing while they are the same', async () => {
    const etag = '"abc"';
    b.server.on('GET /orgs/acme/actions/runners', ({ headers }) =>
      headers['if-none-match'] === etag
        ? { status: 304, headers: { etag } }
        : { headers: { etag }, body: { runners: [runner(1, 'offline', false)] } },
    );
    const list = () => b.github.listRunners({ kind: 'org', owner: 'acme' }, 1);
    const first = await list();
    expect(await list()).toEqual({ ...first, calls: 0 });
  });
});
