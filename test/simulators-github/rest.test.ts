import { describe, expect, it } from 'vitest';
import { beginOne, jitRunner, serveOne, startSim } from './helpers.js';
import type { Sim } from './helpers.js';

const labels = ['self-hosted', 'macOS'];
const jit = { name: 'r1', runner_group_id: 1, labels };

const SCOPES = ['/repos/acme/ios', '/orgs/acme', '/enterprises/big'];

const bigSim = () => startSim({ owners: [{ login: 'acme', enterprise: 'big' }] });

describe('runners over REST', () => {
  it.each(SCOPES)('lives and dies in %s', async (scope) => {
    const sim = await bigSim();
    const path = `${scope}/actions/runners`;
    const made = await sim.rest('POST', `${path}/generate-jitconfig`, { body: jit });
    expect(made.status).toBe(201);
    const runner = made.body['runner'] as { id: number };
    expect(runner).toMatchObject({ name: 'r1', status: 'offline', busy: false });
    expect((await sim.rest('GET', `${path}/${runner.id}`)).body).toMatchObject({ id: runner.id });
    expect((await sim.rest('GET', `${path}?name=r1`)).body).toMatchObject({ total_count: 1 });
    expect((await sim.rest('DELETE', `${path}/${runner.id}`)).status).toBe(204);
    expect((await sim.rest('DELETE', `${path}/${runner.id}`)).status).toBe(404);
    expect((await sim.rest('GET', `${path}/${runner.id}`)).status).toBe(404);
  });

  it('serves the same below /api/v3, as GHES does', async () => {
    const sim = await bigSim();
    await sim.rest('POST', '/api/v3/orgs/acme/actions/runners/generate-jitconfig', { body: jit });
    expect((await sim.rest('GET', '/orgs/acme/actions/runners')).body).toMatchObject({ total_count: 1 });
    expect(sim.calls()[0]).toMatchObject({ path: '/orgs/acme/actions/runners/generate-jitconfig', status: 201 });
  });

  it.each([
    ['no name', { name: undefined }, 422],
    ['an empty name', { name: '' }, 422],
    ['a name of 65 characters', { name: 'x'.repeat(65) }, 422],
    ['no labels', { labels: [] }, 422],
    ['101 labels', { labels: Array.from({ length: 101 }, (_, n) => `l${n}`) }, 422],
    ['labels that are no list', { labels: 'a' }, 422],
    ['no group', { runner_group_id: undefined }, 422],
    ['an unknown group', { runner_group_id: 99 }, 404],
    ['the hosted group', { runner_group_id: 2 }, 403],
  ])('refuses a JIT config with %s', async (_case, change, status) => {
    const sim = await startSim();
    const path = '/orgs/acme/actions/runners/generate-jitconfig';
    const answer = await sim.rest('POST', path, { body: { ...jit, ...change } });
    expect(answer.status).toBe(status);
    expect(answer.body['message']).toEqual(expect.any(String));
    expect(sim.snapshot().runners).toEqual([]);
  });

  it('answers 409 to a name that exists in the scope, whatever its case', async () => {
    const sim = await startSim();
    const path = '/orgs/acme/actions/runners/generate-jitconfig';
    await sim.rest('POST', path, { body: jit });
    expect((await sim.rest('POST', path, { body: { ...jit, name: 'R1' } })).status).toBe(409);
    const elsewhere = await sim.rest('POST', '/repos/acme/ios/actions/runners/generate-jitconfig', { body: jit });
    expect(elsewhere.status).toBe(201);
  });

  it('does not delete a busy runner, unless GitHub is made to show it idle', async () => {
    const sim = await startSim();
    sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    await beginOne(runner, await runner.connect());
    const path = `/orgs/acme/actions/runners/${runner.id}`;
    expect((await sim.rest('GET', path)).body).toMatchObject({ busy: true, status: 'online', os: 'macOS' });
    expect((await sim.rest('DELETE', path)).status).toBe(422);
    sim.setReads({ busyMs: 60_000 });
    expect((await sim.rest('GET', path)).body).toMatchObject({ busy: false });
    expect((await sim.rest('DELETE', path)).status).toBe(204);
    expect(sim.snapshot().jobs).toMatchObject([{ conclusion: 'failure' }]);
  });

  it('leaves a new runner out of lists while it is told to', async () => {
    const sim = await startSim({ reads: { listMs: 60_000 } });
    await jitRunner(sim, labels);
    expect((await sim.rest('GET', '/orgs/acme/actions/runners')).body).toMatchObject({ total_count: 0, runners: [] });
    sim.setReads({ listMs: 0 });
    expect((await sim.rest('GET', '/orgs/acme/actions/runners')).body).toMatchObject({ total_count: 1 });
  });

  it('pages with Link to all sides', async () => {
    const sim = await startSim();
    for (let i = 0; i < 5; i += 1) await jitRunner(sim, labels);
    const seen: number[] = [];
    let next: string | undefined = '/orgs/acme/actions/runners?per_page=2';
    const rels: string[][] = [];
    while (next !== undefined) {
      const { body, headers } = await sim.rest('GET', next);
      expect(body['total_count']).toBe(5);
      seen.push(...(body['runners'] as { id: number }[]).map(({ id }) => id));
      const links = [...(headers.get('link') ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)];
      rels.push(links.map(([, , rel]) => rel ?? ''));
      next = links.find(([, , rel]) => rel === 'next')?.[1]?.replace(sim.url, '');
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(rels).toEqual([
      ['next', 'last'],
      ['prev', 'next', 'last', 'first'],
      ['prev', 'first'],
    ]);
  });

  it('lists runner groups with the default one first', async () => {
    const sim = await startSim({ groups: [{ id: 3, name: 'Macs', owner: 'acme', repos: ['ios'] }] });
    const { body } = await sim.rest('GET', '/orgs/acme/actions/runner-groups');
    expect(body).toMatchObject({
      total_count: 2,
      runner_groups: [
        { id: 1, default: true },
        { id: 3, visibility: 'selected' },
      ],
    });
  });
});

/** Queues a job and lets a runner end it. */
async function endedJob(sim: Sim, conclusion: 'success' | 'failure' = 'success') {
  const job = sim.queueJob({ repo: 'ios', labels, conclusion });
  const runner = await jitRunner(sim, labels);
  await serveOne(runner, await runner.connect());
  return job;
}

const actions = '/repos/acme/ios/actions';

describe('jobs and runs over REST', () => {
  it('shows a job and its run from queued to completed', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ repo: 'ios', labels, name: 'ui-tests' });
    const show = async () => {
      const [one, run] = await Promise.all(
        [`jobs/${job.id}`, `runs/${job.runId}`].map((each) => sim.rest('GET', `${actions}/${each}`)),
      );
      return [
        one?.body['status'],
        one?.body['conclusion'],
        one?.body['runner_name'],
        run?.body['status'],
        run?.body['conclusion'],
      ];
    };
    expect(await show()).toEqual(['queued', null, null, 'queued', null]);
    const runner = await jitRunner(sim, labels);
    await beginOne(runner, await runner.connect());
    expect(await show()).toEqual(['in_progress', null, runner.name, 'in_progress', null]);
    await runner.request('POST', `/jobs/${job.id}/completed`, { conclusion: 'success' });
    expect(await show()).toEqual(['completed', 'success', runner.name, 'completed', 'success']);
  });

  it('lists runs by status, newest first, with pages', async () => {
    const sim = await startSim();
    await endedJob(sim);
    const queued = [1, 2, 3].map(() => sim.queueJob({ repo: 'ios', labels }).runId);
    sim.queueJob({ repo: 'other', labels });
    const { body, headers } = await sim.rest('GET', `${actions}/runs?status=queued&per_page=2`);
    expect(body['total_count']).toBe(3);
    expect((body['workflow_runs'] as { id: number }[]).map(({ id }) => id)).toEqual([queued[2], queued[1]]);
    expect(headers.get('link')).toContain('status=queued&per_page=2&page=2');
    expect((await sim.rest('GET', `${actions}/runs?status=success`)).body['total_count']).toBe(1);
    expect((await sim.rest('GET', `${actions}/runs`)).body['total_count']).toBe(4);
  });

  it('cancels a queued run with 202, once; force-cancel ends a running job at once', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ repo: 'ios', labels });
    expect((await sim.rest('POST', `${actions}/runs/${job.runId}/cancel`)).status).toBe(202);
    expect(sim.snapshot().jobs).toMatchObject([{ status: 'completed', conclusion: 'cancelled', runnerId: null }]);
    expect((await sim.rest('POST', `${actions}/runs/${job.runId}/cancel`)).status).toBe(409);
    const running = sim.queueJob({ repo: 'ios', labels });
    const runner = await jitRunner(sim, labels);
    await beginOne(runner, await runner.connect());
    expect((await sim.rest('POST', `${actions}/runs/${running.runId}/cancel`)).status).toBe(202);
    expect((await sim.rest('GET', `${actions}/jobs/${running.id}`)).body['status']).toBe('in_progress');
    expect((await sim.rest('POST', `${actions}/runs/${running.runId}/force-cancel`)).status).toBe(202);
    expect((await sim.rest('GET', `${actions}/jobs/${running.id}`)).body['conclusion']).toBe('cancelled');
    expect(sim.snapshot().cancelCalls.map(({ status, force }) => [status, force])).toEqual([
      [202, false],
      [409, false],
      [202, false],
      [202, true],
    ]);
  });

  it('reruns as a new job of the next attempt, and refuses while the run is under way', async () => {
    const sim = await startSim();
    const job = await endedJob(sim, 'failure');
    expect((await sim.rest('POST', `${actions}/jobs/${job.id}/rerun`)).status).toBe(201);
    const again = sim.snapshot().jobs.at(-1);
    expect(again).toMatchObject({
      runId: job.runId,
      runAttempt: 2,
      status: 'queued',
      name: job.name,
      conclusion: null,
    });
    expect(again?.id).not.toBe(job.id);
    expect((await sim.rest('POST', `${actions}/jobs/${job.id}/rerun`)).status).toBe(403);
    const ids = async (filter: string) => {
      const { body } = await sim.rest('GET', `${actions}/runs/${job.runId}/jobs?filter=${filter}`);
      return (body['jobs'] as { id: number }[]).map(({ id }) => id);
    };
    expect(await ids('latest')).toEqual([again?.id]);
    expect(await ids('all')).toEqual([job.id, again?.id]);
  });

  it('reruns only what failed', async () => {
    const sim = await startSim();
    const [first, second] = sim.queueMatrix({ count: 2, repo: 'ios', labels });
    sim.cancelJob(second?.id ?? 0);
    const runner = await jitRunner(sim, labels);
    await serveOne(runner, await runner.connect());
    expect((await sim.rest('POST', `${actions}/runs/${first?.runId}/rerun-failed-jobs`)).status).toBe(201);
    expect(sim.snapshot().jobs.filter(({ runAttempt }) => runAttempt === 2)).toMatchObject([{ name: 'test (2)' }]);
  });

  it('shows what was true a while ago when it is told to, and a run that contradicts its jobs', async () => {
    const sim = await startSim({ reads: { staleMs: 60_000 } });
    const job = sim.queueJob({ repo: 'ios', labels });
    sim.cancelJob(job.id);
    expect((await sim.rest('GET', `${actions}/jobs/${job.id}`)).body['status']).toBe('queued');
    sim.setReads({ staleMs: 0 });
    expect((await sim.rest('GET', `${actions}/jobs/${job.id}`)).body['status']).toBe('completed');
    const stuck = sim.queueJob({ repo: 'ios', labels });
    sim.setRunState(stuck.runId, { status: 'completed', conclusion: 'startup_failure' });
    expect((await sim.rest('GET', `${actions}/runs/${stuck.runId}`)).body).toMatchObject({
      conclusion: 'startup_failure',
    });
    expect((await sim.rest('GET', `${actions}/jobs/${stuck.id}`)).body['status']).toBe('queued');
  });

  it.each(['jobs/1', 'runs/1', 'runs/1/jobs', 'nonsense'])('answers 404 for %s', async (path) => {
    const sim = await startSim();
    expect((await sim.rest('GET', `${actions}/${path}`)).status).toBe(404);
  });

  it('answers 404 for a job under another repository, 400 for a body that is not JSON', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ repo: 'ios', labels });
    expect((await sim.rest('GET', `/repos/acme/web/actions/jobs/${job.id}`)).status).toBe(404);
    const path = '/orgs/acme/actions/runners/generate-jitconfig';
    expect((await sim.rest('POST', path, { body: '{' })).status).toBe(400);
  });
});
