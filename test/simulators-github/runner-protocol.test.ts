import { describe, expect, it } from 'vitest';
import { decodeJitConfig } from '../../simulators/github/runner-protocol.js';
import { beginOne, jitRunner, runnerOf, serveOne, startSim } from './helpers.js';
import type { Sim } from './helpers.js';

const labels = ['self-hosted', 'macOS'];

const steps = (sim: Sim, jobId: number) =>
  sim
    .history()
    .filter((each) => each.jobId === jobId)
    .map(({ step }) => step);

describe('the life of a runner', () => {
  it('serves one job and is deregistered', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ repo: 'ios', labels });
    const runner = await jitRunner(sim, labels);
    expect(sim.snapshot().runners).toMatchObject([{ name: runner.name, online: false, jobId: null }]);
    const message = await serveOne(runner, await runner.connect());
    expect(message).toMatchObject({
      jobId: job.id,
      runId: job.runId,
      owner: 'acme',
      repo: 'ios',
      conclusion: 'success',
    });
    expect(message.env).toMatchObject({ GITHUB_REPOSITORY: 'acme/ios', RUNNER_NAME: runner.name });
    expect(sim.snapshot().jobs).toMatchObject([
      { status: 'completed', conclusion: 'success', runnerName: runner.name },
    ]);
    expect(sim.snapshot().runners).toEqual([]);
    expect(sim.snapshot().removedRunners).toMatchObject([{ name: runner.name, removed: { why: 'job-done' } }]);
    expect(steps(sim, job.id)).toEqual(['queued', 'assigned', 'in_progress', 'completed']);
    expect((await runner.request('POST', '/session', { runnerId: runner.id })).status).toBe(404);
  });

  it('answers a poll that was waiting as soon as a job comes, and 204 when none does', async () => {
    const sim = await startSim();
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    expect((await runner.poll(session, 10)).status).toBe(204);
    const poll = runner.poll(session, 20_000);
    const job = sim.queueJob({ labels });
    expect((await poll).job.jobId).toBe(job.id);
  });

  it('gives the same job again until it is started', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    expect((await runner.poll(session)).job.jobId).toBe(job.id);
    expect((await runner.poll(session)).job.jobId).toBe(job.id);
  });

  it('refuses a second session, an unknown secret, and calls after the registration is gone', async () => {
    const sim = await startSim();
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    expect((await runner.request('POST', '/session', {})).status).toBe(409);
    const stranger = runnerOf({ ...runner.credentials, secret: 'wrong' });
    expect((await stranger.request('POST', '/session', {})).status).toBe(401);
    const poll = runner.poll(session, 20_000);
    expect((await sim.rest('DELETE', `/orgs/acme/actions/runners/${runner.id}`)).status).toBe(204);
    expect((await poll).status).toBe(404);
  });

  it('registers with a token, as config.sh does, and stays for the next job unless ephemeral', async () => {
    const sim = await startSim();
    const { body } = await sim.rest('POST', '/repos/acme/ios/actions/runners/registration-token');
    const url = `${sim.url}/acme/ios`;
    const request = { token: body['token'], name: 'old-style', labels, ephemeral: false, url };
    const answer = await fetch(`${sim.url}/_runner/register`, { method: 'POST', body: JSON.stringify(request) });
    expect(answer.status).toBe(201);
    const credentials = (await answer.json()) as { encodedJitConfig: string };
    const runner = runnerOf(decodeJitConfig(credentials.encodedJitConfig));
    const session = await runner.connect();
    const first = sim.queueJob({ repo: 'ios', labels });
    expect((await serveOne(runner, session)).jobId).toBe(first.id);
    const second = sim.queueJob({ repo: 'ios', labels });
    expect((await serveOne(runner, session)).jobId).toBe(second.id);
  });

  it.each([
    ['an unknown token', { token: 'nope' }, 401],
    ['a url of another scope', { url: 'http://x/acme' }, 404],
    ['an unknown group', { runnergroup: 'Nobody' }, 404],
    ['no labels', { labels: undefined }, 422],
  ])('refuses to register with %s', async (_case, change, status) => {
    const sim = await startSim();
    const { body } = await sim.rest('POST', '/repos/acme/ios/actions/runners/registration-token');
    const request = { token: body['token'], name: 'r', labels, url: `${sim.url}/acme/ios`, ...change };
    const answer = await fetch(`${sim.url}/_runner/register`, { method: 'POST', body: JSON.stringify(request) });
    expect(answer.status).toBe(status);
  });

  it.each<[string, { runnerTokenMs?: number; use?: string }]>([
    ['that is too old', { runnerTokenMs: 0 }],
    ['for removing runners', { use: 'remove-token' }],
  ])('refuses to register with a token %s', async (_case, { runnerTokenMs, use = 'registration-token' }) => {
    const sim = await startSim(runnerTokenMs === undefined ? {} : { runnerTokenMs });
    const { body } = await sim.rest('POST', `/repos/acme/ios/actions/runners/${use}`);
    expect(sim.runnerTokens()).toEqual([body['token']]);
    const request = { token: body['token'], name: 'r', labels, url: `${sim.url}/acme/ios` };
    const answer = await fetch(`${sim.url}/_runner/register`, { method: 'POST', body: JSON.stringify(request) });
    expect(answer.status).toBe(401);
    expect(sim.snapshot().runners).toEqual([]);
  });

  it('registers for an enterprise, in a group whose name is compared without case', async () => {
    const sim = await startSim({
      owners: [{ login: 'acme', enterprise: 'big' }],
      groups: [{ id: 6, name: 'All-Macs', enterprise: 'big' }],
    });
    const { body } = await sim.rest('POST', '/enterprises/big/actions/runners/registration-token');
    const url = `${sim.url}/enterprises/big`;
    const request = { token: body['token'], name: 'r', labels, ephemeral: true, url, runnergroup: 'all-macs' };
    const answer = await fetch(`${sim.url}/_runner/register`, { method: 'POST', body: JSON.stringify(request) });
    expect(answer.status).toBe(201);
    expect(sim.snapshot().runners).toMatchObject([
      { name: 'r', groupName: 'All-Macs', ephemeral: true, scope: { kind: 'enterprise' } },
    ]);
  });

  it('fails the job of a runner that falls silent, and shows the runner offline', async () => {
    const sim = await startSim({ lostAfterMs: 60 });
    const job = sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    await beginOne(runner, await runner.connect());
    const ended = await sim.waitFor(({ jobs }) => jobs.find(({ status }) => status === 'completed'));
    expect(ended.conclusion).toBe('failure');
    expect(sim.snapshot().runners).toMatchObject([{ online: false, jobId: null, spent: true }]);
    expect(sim.runnerHistory().map(({ step }) => step)).toEqual(['registered', 'online', 'lost']);
    expect((await runner.request('POST', `/jobs/${job.id}/completed`, { conclusion: 'success' })).status).toBe(409);
  });

  it('takes a poll that hangs for a sign of life', async () => {
    const sim = await startSim({ lostAfterMs: 40 });
    const job = sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    await beginOne(runner, await runner.connect());
    expect((await runner.request('GET', `/jobs/${job.id}/cancelled?waitMs=200`)).body).toEqual({
      cancelled: false,
      finished: false,
    });
    expect(sim.snapshot().jobs).toMatchObject([{ status: 'in_progress' }]);
  });

  it('puts a job back into the queue when its runner never starts it', async () => {
    const sim = await startSim({ ackMs: 30 });
    const job = sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    await runner.connect();
    await sim.waitFor(() => steps(sim, job.id).includes('unassigned'));
    expect(steps(sim, job.id).slice(0, 3)).toEqual(['queued', 'assigned', 'unassigned']);
  });

  it('tells a running job that it is cancelled, and ends it when the runner obeys', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    await beginOne(runner, await runner.connect());
    const watch = runner.request('GET', `/jobs/${job.id}/cancelled?waitMs=20000`);
    sim.cancelJob(job.id);
    expect((await watch).body).toEqual({ cancelled: true, finished: false });
    expect(sim.snapshot().jobs).toMatchObject([{ status: 'in_progress' }]);
    const done = await runner.request('POST', `/jobs/${job.id}/completed`, { conclusion: 'cancelled' });
    expect(done.body).toEqual({ deregistered: true });
    expect(sim.snapshot().jobs).toMatchObject([{ status: 'completed', conclusion: 'cancelled' }]);
  });

  it('tells the runner of a job without a duration when it has worked long enough, be it before it began', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ labels, durationMs: null });
    const early = sim.queueJob({ labels, durationMs: null });
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    expect((await runner.poll(session)).job.durationMs).toBeNull();
    await runner.request('POST', `/jobs/${job.id}/started`);
    const watch = runner.request('GET', `/jobs/${job.id}/cancelled?waitMs=20000`);
    sim.finishJob(job.id);
    expect((await watch).body).toEqual({ cancelled: false, finished: true });
    sim.finishJob(early.id);
    const second = await jitRunner(sim, labels);
    await second.poll(await second.connect());
    await second.request('POST', `/jobs/${early.id}/started`);
    const told = await second.request('GET', `/jobs/${early.id}/cancelled?waitMs=20000`);
    expect(told.body).toEqual({ cancelled: false, finished: true });
  });

  it('ends a cancelled job by itself when the runner does not obey', async () => {
    const sim = await startSim({ cancelGraceMs: 20 });
    const job = sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    await beginOne(runner, await runner.connect());
    sim.cancelJob(job.id);
    await sim.waitFor(({ jobs }) => jobs[0]?.conclusion === 'cancelled');
    const done = await runner.request('POST', `/jobs/${job.id}/completed`, { conclusion: 'success' });
    expect(done.body).toEqual({ deregistered: true });
    expect(sim.snapshot().jobs).toMatchObject([{ conclusion: 'cancelled' }]);
  });

  it('frees a runner whose job was cancelled before it began', async () => {
    const sim = await startSim();
    const job = sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    await runner.poll(session);
    sim.cancelJob(job.id);
    expect((await runner.request('POST', `/jobs/${job.id}/started`)).status).toBe(409);
    const next = sim.queueJob({ labels });
    expect((await runner.poll(session)).job.jobId).toBe(next.id);
  });

  it('goes offline on goodbye; a job still running then fails', async () => {
    const sim = await startSim();
    sim.queueJob({ labels });
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    await beginOne(runner, session);
    expect((await runner.request('DELETE', `/session/${session}`)).status).toBe(204);
    expect(sim.snapshot().jobs).toMatchObject([{ conclusion: 'failure' }]);
  });
});

describe('what decides who serves a job', () => {
  it('gives no job to a runner that is never to get one', async () => {
    const sim = await startSim();
    sim.neverAssign({ next: 1 });
    const [bad, good] = [await jitRunner(sim, labels), await jitRunner(sim, labels)];
    await bad.connect();
    sim.queueJob({ labels });
    await good.connect();
    await sim.waitFor(({ jobs }) => jobs[0]?.assignedTo === good.id);
    sim.queueJob({ labels });
    sim.allowAll();
    await sim.waitFor(({ runners }) => runners.find(({ id }) => id === bad.id)?.jobId !== null);
  });

  it('holds a job back until it is released', async () => {
    const sim = await startSim();
    const held = sim.queueJob({ labels, held: true });
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    expect((await runner.poll(session, 30)).status).toBe(204);
    sim.releaseJob(held.id);
    expect((await runner.poll(session)).job.jobId).toBe(held.id);
  });

  it('runs no more of a matrix at once than max-parallel', async () => {
    const sim = await startSim();
    const jobs = sim.queueMatrix({ count: 3, maxParallel: 2, labels });
    expect(jobs.map(({ name }) => name)).toEqual(['test (1)', 'test (2)', 'test (3)']);
    for (let i = 0; i < 3; i += 1) await (await jitRunner(sim, labels)).connect();
    const taken = () => sim.snapshot().jobs.filter(({ assignedTo }) => assignedTo !== null);
    await sim.waitFor(() => taken().length === 2);
    sim.cancelJob(jobs[0]?.id ?? 0);
    await sim.waitFor(() => taken().some(({ id }) => id === jobs[2]?.id));
  });

  it('crosses two equal jobs with the policy swap', async () => {
    const sim = await startSim({ assignment: { policy: 'swap' } });
    const [first, second] = sim.queueMatrix({ count: 2, labels });
    const [a, b] = [await jitRunner(sim, labels), await jitRunner(sim, labels)];
    expect((await serveOne(a, await a.connect())).jobId).toBe(second?.id);
    expect((await serveOne(b, await b.connect())).jobId).toBe(first?.id);
  });

  it('respects runner groups and public repositories', async () => {
    const sim = await startSim({
      owners: [{ login: 'acme', publicRepos: ['open'], repos: ['ios', 'web'] }],
      groups: [{ id: 3, name: 'Macs', owner: 'acme', repos: ['ios'] }],
    });
    sim.queueJob({ repo: 'web', labels, name: 'not in the group' });
    sim.queueJob({ repo: 'open', labels, name: 'public' });
    const wanted = sim.queueJob({ repo: 'ios', labels });
    const body = { name: 'grouped', runner_group_id: 3, labels };
    const { body: made } = await sim.rest('POST', '/orgs/acme/actions/runners/generate-jitconfig', { body });
    const runner = runnerOf(decodeJitConfig(String(made['encoded_jit_config'])));
    expect((await serveOne(runner, await runner.connect())).jobId).toBe(wanted.id);
  });

  it('lets a foreign runner take a job away', async () => {
    const sim = await startSim();
    const ours = await jitRunner(sim, labels);
    sim.addForeignRunner({ scope: { kind: 'org', owner: 'acme' }, labels: [...labels, 'more'], name: 'thief' });
    const job = sim.queueJob({ labels, durationMs: 1 });
    const done = await sim.waitFor(({ jobs }) => jobs.find(({ status }) => status === 'completed'));
    expect(done).toMatchObject({ id: job.id, runnerName: 'thief', conclusion: 'success' });
    expect(sim.snapshot().runners.map(({ name }) => name)).toEqual([ours.name]);
  });
});
