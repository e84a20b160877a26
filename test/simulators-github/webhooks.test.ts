import examples from '@octokit/webhooks-examples';
import { verify } from '@octokit/webhooks-methods';
import { describe, expect, it } from 'vitest';
import { delivered, eventOf, jitRunner, serveOne, startReceiver, startSim } from './helpers.js';
import type { EventBody, Received } from './helpers.js';

const labels = ['self-hosted', 'macOS'];
const secret = 'pretend-secret';

async function simWithHook(more: Parameters<typeof startSim>[0] = {}) {
  const receiver = await startReceiver();
  const hooks = [{ kind: 'organization' as const, owner: 'acme', url: receiver.url, secret }];
  return { receiver, sim: await startSim({ hooks, ...more }) };
}

const actionsOf = (received: readonly Received[]): string[] => received.map((each) => eventOf(each).action);

type Keyed = Readonly<Record<string, unknown>>;

/** The newest example of an action: the one with the most fields in `workflow_job`. */
function exampleOf(action: string, withDeployment = false): Keyed {
  const all = (examples as unknown as { name: string; examples: Keyed[] }[]).find(
    ({ name }) => name === 'workflow_job',
  );
  const fitting = (all?.examples ?? []).filter(
    (each) => each['action'] === action && 'deployment' in each === withDeployment,
  );
  const sorted = [...fitting].sort(
    (a, b) => Object.keys(a['repository'] as Keyed).length - Object.keys(b['repository'] as Keyed).length,
  );
  const newest = sorted.at(-1);
  if (newest === undefined) throw new Error(`no example of ${action}`);
  return newest;
}

const keys = (value: unknown): string[] => Object.keys(value as Keyed).sort();

describe('the shape of webhooks', () => {
  it('has the fields of GitHub’s own examples, for every action', async () => {
    const { sim, receiver } = await simWithHook();
    sim.queueJob({ repo: 'ios', labels, environmentGate: { approveAfterMs: 1 } });
    const runner = await jitRunner(sim, labels);
    await serveOne(runner, await runner.connect());
    await delivered(sim, 5);
    const bodies = receiver.received.map(eventOf) as (EventBody & Keyed)[];
    expect(bodies.map(({ action }) => action)).toEqual(['queued', 'waiting', 'queued', 'in_progress', 'completed']);
    for (const body of bodies) {
      const example = exampleOf(body.action);
      expect(keys(body.workflow_job)).toEqual(keys(example['workflow_job']));
      expect(keys(body['repository'])).toEqual(expect.arrayContaining(keys(example['repository'])));
      expect(keys((body['repository'] as Keyed)['owner'])).toEqual(keys((example['repository'] as Keyed)['owner']));
      expect(keys(body['sender'])).toEqual(keys(example['sender']));
    }
    expect(keys(bodies[0]?.deployment)).toEqual(keys(exampleOf('queued', true)['deployment']));
    expect(keys(bodies[0]?.['organization'])).toEqual(keys(exampleOf('completed')['organization']));
  });

  it('names the runner from in_progress on, and never for a job cancelled before', async () => {
    const { sim, receiver } = await simWithHook();
    const job = sim.queueJob({ labels, name: 'ui-tests' });
    const runner = await jitRunner(sim, labels);
    await serveOne(runner, await runner.connect());
    const cancelled = sim.queueJob({ labels });
    sim.cancelJob(cancelled.id);
    await delivered(sim, 5);
    const of = (id: number) => receiver.received.map(eventOf).filter(({ workflow_job }) => workflow_job.id === id);
    const runners = of(job.id).map(({ action, workflow_job: body }) => [
      action,
      body['runner_id'],
      body['runner_name'],
    ]);
    expect(runners).toEqual([
      ['queued', null, null],
      ['in_progress', runner.id, runner.name],
      ['completed', runner.id, runner.name],
    ]);
    expect(
      of(cancelled.id).map(({ action, workflow_job: body }) => [action, body['conclusion'], body['runner_name']]),
    ).toEqual([
      ['queued', null, null],
      ['completed', 'cancelled', null],
    ]);
    expect(of(job.id).at(-1)?.workflow_job).toMatchObject({
      status: 'completed',
      conclusion: 'success',
      name: 'ui-tests',
    });
  });

  it('sends only completed for a skipped job', async () => {
    const { sim, receiver } = await simWithHook();
    sim.queueJob({ labels, skipped: true });
    await delivered(sim, 1);
    expect(receiver.received.map(eventOf)).toMatchObject([
      { action: 'completed', workflow_job: { conclusion: 'skipped' } },
    ]);
  });

  it('goes queued, waiting, queued through an environment gate, with only the update time moving', async () => {
    const { sim, receiver } = await simWithHook();
    const job = sim.queueJob({ labels, environmentGate: { environment: 'staging' } });
    await sim.waitFor(({ jobs }) => jobs[0]?.status === 'waiting');
    const runner = await jitRunner(sim, labels);
    const session = await runner.connect();
    expect((await runner.poll(session, 30)).status).toBe(204);
    sim.approveJob(job.id);
    expect((await runner.poll(session)).job.jobId).toBe(job.id);
    await delivered(sim, 3);
    const bodies = receiver.received.map(eventOf);
    expect(bodies.map(({ action, workflow_job: body }) => [action, body['status']])).toEqual([
      ['queued', 'queued'],
      ['waiting', 'waiting'],
      ['queued', 'queued'],
    ]);
    const same = bodies.map(({ workflow_job: body }) => ({ ...body, status: '' }));
    expect(same[1]).toEqual(same[0]);
    expect(same[2]).toEqual(same[0]);
    const times = bodies.map(({ deployment }) => Date.parse(deployment?.updated_at ?? ''));
    expect(times[2]).toBeGreaterThan(times[1] ?? Infinity);
  });
});

describe('headers and signatures', () => {
  it('signs JSON and form bodies so that GitHub’s own library accepts them', async () => {
    const receiver = await startReceiver();
    const sim = await startSim({
      hooks: [
        { kind: 'repository', owner: 'acme', repo: 'ios', url: receiver.url, secret },
        { kind: 'organization', owner: 'acme', url: receiver.url, secret, contentType: 'form' },
      ],
    });
    sim.queueJob({ repo: 'ios', labels: ['ä&=+'] });
    await delivered(sim, 2);
    for (const { headers, body } of receiver.received) {
      expect(await verify(secret, body, String(headers['x-hub-signature-256']))).toBe(true);
      expect(await verify('other', body, String(headers['x-hub-signature-256']))).toBe(false);
    }
    const form = receiver.received.find(
      ({ headers }) => headers['content-type'] === 'application/x-www-form-urlencoded',
    );
    const payload = JSON.parse(new URLSearchParams(form?.body).get('payload') ?? '') as EventBody;
    expect(payload.workflow_job['labels']).toEqual(['ä&=+']);
  });

  it('carries every header of GitHub, and another guid for each hook', async () => {
    const receiver = await startReceiver();
    const common = { url: receiver.url };
    const sim = await startSim({
      owners: [{ login: 'acme', enterprise: 'big' }],
      apps: [{ id: 77, publicKey: '', installations: [{ id: 5, owner: 'acme' }] }],
      hooks: [
        { ...common, id: 1, kind: 'repository', owner: 'acme', repo: 'ios', secret },
        { ...common, id: 2, kind: 'organization', owner: 'acme' },
        { ...common, id: 3, kind: 'business', enterprise: 'big' },
        { ...common, id: 4, kind: 'integration' },
        { ...common, id: 5, kind: 'repository', owner: 'acme', repo: 'other' },
      ],
    });
    sim.queueJob({ repo: 'ios', labels });
    await delivered(sim, 4);
    const byHook = new Map(receiver.received.map((each) => [each.headers['x-github-hook-id'], each]));
    expect([...byHook.keys()].sort()).toEqual(['1', '2', '3', '4']);
    expect(byHook.get('1')?.headers).toMatchObject({
      accept: '*/*',
      'content-type': 'application/json',
      'x-github-event': 'workflow_job',
      'x-github-hook-installation-target-type': 'repository',
      'x-hub-signature': expect.stringMatching(/^sha1=[0-9a-f]{40}$/) as unknown,
    });
    expect(byHook.get('1')?.headers['user-agent']).toMatch(/^GitHub-Hookshot\//);
    expect(byHook.get('2')?.headers).not.toHaveProperty('x-hub-signature-256');
    expect(byHook.get('3')?.headers['x-github-hook-installation-target-type']).toBe('business');
    expect(byHook.get('4')?.headers['x-github-hook-installation-target-id']).toBe('77');
    const installations = [...byHook].map(([id, each]) => [id, eventOf(each).installation?.id]);
    expect(new Map(installations as [string, unknown][])).toEqual(
      new Map<string, unknown>([
        ['1', undefined],
        ['2', undefined],
        ['3', undefined],
        ['4', 5],
      ]),
    );
    const guids = receiver.received.map(({ headers }) => String(headers['x-github-delivery']));
    expect(new Set(guids).size).toBe(4);
    expect(new Set(guids.map((guid) => guid.slice(0, 20))).size).toBe(1);
  });

  it('sends any other event as it is asked to', async () => {
    const { sim, receiver } = await simWithHook();
    sim.sendEvent('ping', 'acme', 'ios', { zen: 'Speak like a human.' });
    sim.sendEvent('workflow_job', 'acme', 'ios', { action: 'queued', workflow_job: null });
    await delivered(sim, 2);
    const events = receiver.received.map(({ headers }) => headers['x-github-event']).sort();
    expect(events).toEqual(['ping', 'workflow_job']);
  });
});

describe('nasty deliveries', () => {
  it('repeats with the same guid and body', async () => {
    const { sim, receiver } = await simWithHook({ nasty: { repeat: { probability: 1, times: 3 } } });
    sim.queueJob({ labels });
    await delivered(sim, 3);
    expect(new Set(receiver.received.map(({ headers }) => headers['x-github-delivery'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it('loses by action, and logs the loss unless told not to', async () => {
    const { sim, receiver } = await simWithHook({ nasty: { lose: { actions: ['queued'] } } });
    const job = sim.queueJob({ labels });
    sim.cancelJob(job.id);
    await delivered(sim, 2);
    expect(actionsOf(receiver.received)).toEqual(['completed']);
    expect(
      sim
        .snapshot()
        .deliveries.map(({ action, statusCode }) => [action, statusCode])
        .sort(),
    ).toEqual([
      ['completed', 202],
      ['queued', 502],
    ]);
    sim.setNasty({ lose: { probability: 1, logged: false } });
    sim.queueJob({ labels });
    await sim.waitFor(({ pendingDeliveries }) => pendingDeliveries === 0);
    expect(sim.snapshot().deliveries).toHaveLength(2);
  });

  it('loses what a predicate says', async () => {
    const { sim, receiver } = await simWithHook();
    sim.loseIf(({ job, action }) => job.name === 'lost' && action === 'queued');
    sim.queueJob({ labels, name: 'lost' });
    sim.queueJob({ labels, name: 'kept' });
    await delivered(sim, 2);
    expect(receiver.received.map((each) => eventOf(each).workflow_job['name'])).toEqual(['kept']);
  });

  it('delivers a held-back event after its successor', async () => {
    const { sim, receiver } = await simWithHook({ nasty: { reorder: { probability: 1, holdMs: 60_000 } } });
    const job = sim.queueJob({ labels });
    sim.setNasty({});
    sim.cancelJob(job.id);
    await delivered(sim, 2);
    expect(actionsOf(receiver.received)).toEqual(['completed', 'queued']);
  });

  it('is late by as much as it is told', async () => {
    const { sim, receiver } = await simWithHook({ nasty: { late: { min: 80, max: 120 } } });
    const job = sim.queueJob({ labels });
    await delivered(sim, 1);
    const sent = sim.snapshot().deliveries[0]?.deliveredAt ?? 0;
    expect(sent - job.createdAt).toBeGreaterThanOrEqual(79);
    expect(receiver.received).toHaveLength(1);
  });
});
