import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import type { SimJob, Snapshot } from '../../simulators/github/types.js';
import { call, delivered, eventOf, jitRunner, later, serveOne, startReceiver, startSim } from './helpers.js';
import type { Sim } from './helpers.js';

const labels = ['macOS'];

const control = (sim: { readonly url: string }, method: string, path: string, body?: unknown) =>
  call(`${sim.url}/_sim${path}`, method, { token: null, body });

async function serve(sim: Sim): Promise<void> {
  const runner = await jitRunner(sim, labels);
  await serveOne(runner, await runner.connect());
}

describe('the controls over HTTP', () => {
  it('queues jobs and waits for them', async () => {
    const sim = await startSim();
    const job = (await control(sim, 'POST', '/jobs', { labels, repo: 'ios' })).body as unknown as SimJob;
    const wait = control(sim, 'POST', '/wait', { jobIds: [job.id], timeoutMs: 10_000 });
    await serve(sim);
    expect((await wait).body).toMatchObject({ done: true, jobs: [{ id: job.id, conclusion: 'success' }] });
    const history = (await control(sim, 'GET', '/history')).body as unknown as { step: string; at: number }[];
    expect(history.map(({ step }) => step)).toEqual(['queued', 'assigned', 'in_progress', 'completed']);
    expect(history.every(({ at }, index) => at >= (history[index - 1]?.at ?? 0))).toBe(true);
  });

  it('gives up waiting after the time limit', async () => {
    const sim = await startSim();
    sim.queueJob({ labels });
    const { body } = await control(sim, 'POST', '/wait', { timeoutMs: 10 });
    expect(body).toMatchObject({ done: false, jobs: [{ status: 'queued' }] });
  });

  it('queues a matrix, approves, releases, cancels and reruns', async () => {
    const sim = await startSim();
    await control(sim, 'POST', '/matrix', { labels, count: 2, held: true });
    const [one, two] = sim.snapshot().jobs;
    await control(sim, 'POST', `/jobs/${one?.id}/release`);
    expect(sim.snapshot().jobs.map(({ held }) => held)).toEqual([false, true]);
    await control(sim, 'POST', `/jobs/${one?.id}/cancel`, { force: true });
    await control(sim, 'POST', `/runs/${two?.runId}/cancel`);
    expect(sim.snapshot().jobs.map(({ conclusion }) => conclusion)).toEqual(['cancelled', 'cancelled']);
    await control(sim, 'POST', `/runs/${two?.runId}/rerun`, { which: 'failed' });
    expect(sim.snapshot().jobs).toHaveLength(4);
    const gated = sim.queueJob({ labels, environmentGate: {} });
    await control(sim, 'POST', `/jobs/${gated.id}/approve`);
    expect(sim.snapshot().jobs.at(-1)).toMatchObject({ status: 'queued', gate: { approved: true } });
  });

  it('sets what goes wrong, and hooks', async () => {
    const receiver = await startReceiver();
    const sim = await startSim();
    const hook = await control(sim, 'POST', '/hooks', { kind: 'organization', owner: 'acme', url: receiver.url });
    await control(sim, 'PUT', '/nasty', { repeat: { probability: 1 } });
    sim.queueJob({ labels });
    await delivered(sim, 2);
    await control(sim, 'DELETE', `/hooks/${String(hook.body['id'])}`);
    await control(sim, 'POST', '/faults', { kind: 'status', status: 500, times: 1 });
    expect((await sim.rest('GET', '/orgs/acme/actions/runners')).status).toBe(500);
    await control(sim, 'PUT', '/limits', { remaining: 0 });
    expect((await sim.rest('GET', '/orgs/acme/actions/runners')).status).toBe(403);
    await control(sim, 'POST', '/never-assign', { next: 1 });
    await control(sim, 'PUT', '/limits', { remaining: 100 });
    await jitRunner(sim, labels);
    const snapshot = (await control(sim, 'GET', '/snapshot')).body as unknown as Snapshot;
    expect(snapshot.runners).toMatchObject([{ neverAssign: true }]);
    expect(JSON.stringify(snapshot)).not.toContain('"secret"');
    const calls = (await control(sim, 'GET', '/calls')).body as unknown as { status: number }[];
    expect(calls.map(({ status }) => status)).toEqual([500, 403, 201]);
  });

  it.each([
    ['POST', '/jobs', {}, 'labels must be a list of texts'],
    ['POST', '/jobs', { labels, owner: 'nobody' }, 'no owner nobody'],
    ['POST', '/jobs/1/approve', {}, 'job 1 does not wait'],
    ['POST', '/hooks', { kind: 'organization', url: 'http://x' }, 'needs an owner'],
  ])('says what is wrong with %s %s %o', async (method, path, body, message) => {
    const sim = await startSim();
    const answer = await control(sim, method, path, body);
    expect(answer.status).toBe(400);
    expect(answer.body['message']).toContain(message);
  });

  it('says what it waited for when a wait fails, and ends waits when it stops', async () => {
    const sim = await startSim();
    sim.queueJob({ labels, name: 'lonely' });
    await expect(sim.waitFor(() => false, 5)).rejects.toThrow('lonely=queued');
    const wait = sim.waitFor(() => false, 60_000);
    await Promise.all([expect(wait).rejects.toThrow('in vain'), sim.stop()]);
  });
});

/** The simulator as JavaScript, in a folder of its own. */
async function compiledSimulator(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'github-simulator-'));
  later(() => rm(root, { recursive: true }));
  const source = resolve(import.meta.dirname, '../../simulators/github');
  await symlink(resolve(import.meta.dirname, '../../node_modules'), join(root, 'node_modules'));
  await writeFile(join(root, 'package.json'), JSON.stringify({ type: 'module' }));
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  for (const name of await readdir(source, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const { outputText } = ts.transpileModule(await readFile(join(source, name), 'utf8'), { compilerOptions });
    const target = join(root, name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
  return join(root, 'main.js');
}

describe('the simulator as a process', () => {
  it('prints its url, delivers to the webhook url, and ends on SIGTERM', async () => {
    const receiver = await startReceiver();
    const main = await compiledSimulator();
    const args = ['--webhook-url', receiver.url, '--secret', 's', '--owner', 'one', '--owner', 'two', '--seed', '4'];
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((done) => child.once('exit', done));
    later(() => void child.kill('SIGKILL'));
    const line = await new Promise<string>((done) => createInterface(child.stdout).once('line', done));
    const { url } = JSON.parse(line) as { url: string };
    await control({ url }, 'POST', '/jobs', { labels, owner: 'two' });
    const [job] = (await control({ url }, 'POST', '/wait', { status: 'queued' })).body['jobs'] as SimJob[];
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(receiver.received.map((each) => eventOf(each).workflow_job.id)).toEqual([job?.id]);
  });
});
