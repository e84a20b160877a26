import { describe, expect, it, vi } from 'vitest';
import { jitRunner, startSim } from './helpers.js';

const path = '/orgs/acme/actions/runners';
const rate = (headers: Headers) =>
  ['limit', 'remaining', 'used'].map((name) => Number(headers.get(`x-ratelimit-${name}`)));

describe('limits and faults', () => {
  it('counts calls down, tells so in headers, and refuses at zero until the reset', async () => {
    const sim = await startSim({ rateLimit: 2 });
    const first = await sim.rest('GET', path);
    expect(rate(first.headers)).toEqual([2, 1, 1]);
    expect(first.headers.get('x-ratelimit-resource')).toBe('core');
    expect(first.headers.get('x-github-request-id')).toMatch(/^[0-9A-F]{16}$/);
    await sim.rest('GET', path);
    const refused = await sim.rest('GET', path);
    expect(refused.status).toBe(403);
    expect(rate(refused.headers)).toEqual([2, 0, 2]);
    const reset = Number(refused.headers.get('x-ratelimit-reset'));
    expect(reset).toBeGreaterThan(Date.now() / 1_000 + 3_000);
    sim.setLimits({ reset: Math.floor(Date.now() / 1_000) });
    expect((await sim.rest('GET', path)).status).toBe(200);
  });

  it('answers /rate_limit for free, even at zero', async () => {
    const sim = await startSim();
    sim.setLimits({ limit: 100, remaining: 0 });
    const { status, body } = await sim.rest('GET', '/rate_limit');
    expect(status).toBe(200);
    expect(body).toMatchObject({ resources: { core: { limit: 100, remaining: 0, used: 100 } } });
    expect((await sim.rest('GET', path)).status).toBe(403);
  });

  it('answers 304 without cost when nothing changed, and 200 when something did', async () => {
    const sim = await startSim();
    const first = await sim.rest('GET', path);
    const headers = { 'if-none-match': first.headers.get('etag') ?? '' };
    const second = await sim.rest('GET', path, { headers });
    expect(second.status).toBe(304);
    expect(rate(second.headers)).toEqual(rate(first.headers));
    await jitRunner(sim, ['a']);
    expect((await sim.rest('GET', path, { headers })).status).toBe(200);
  });

  it('limits the points a minute of one endpoint, and the calls at once', async () => {
    const sim = await startSim({ secondary: { pointsPerMinute: 6, concurrent: 2 } });
    const post = () => sim.rest('POST', `${path}/registration-token`);
    expect((await post()).status).toBe(201);
    const refused = await post();
    expect(refused.status).toBe(403);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    sim.addFault({ kind: 'latency', ms: 100 });
    const answers = await Promise.all([1, 2, 3].map(() => sim.rest('GET', path)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 403]);
  });

  it('fails chosen calls as often as it is told', async () => {
    const sim = await startSim();
    sim.addFault({ kind: 'status', status: 502, times: 2, method: 'GET', path: '/runners$' });
    sim.addFault({ kind: 'secondary-limit', times: 1, path: '/runner-groups$', retryAfterSeconds: 7 });
    const statuses = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await sim.rest('GET', path)).status);
    expect(statuses).toEqual([502, 502, 200]);
    const limited = await sim.rest('GET', '/orgs/acme/actions/runner-groups');
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([403, '7']);
    expect((await sim.rest('GET', '/orgs/acme/actions/runner-groups')).status).toBe(200);
  });

  it('holds a call until the fault is removed, used up or not', async () => {
    const sim = await startSim();
    const id = sim.addFault({ kind: 'held', times: 1, path: '/runners$' });
    const listed = sim.rest('GET', path);
    const held = () => sim.heldCalls().map((call) => [call.method, call.path]);
    await vi.waitFor(() => expect(held()).toEqual([['GET', path]]));
    expect((await sim.rest('GET', path)).status).toBe(200);
    expect(sim.calls()).toHaveLength(1);
    sim.removeFault(id);
    expect((await listed).status).toBe(200);
    expect(held()).toEqual([]);
    sim.addFault({ kind: 'held' });
    const last = sim.rest('GET', path);
    await vi.waitFor(() => expect(held()).toHaveLength(1));
    sim.clearFaults();
    expect((await last).status).toBe(200);
  });

  it('does the work and loses the answer', async () => {
    const sim = await startSim();
    sim.addFault({ kind: 'answer-lost', times: 1, path: '/generate-jitconfig$' });
    await expect(jitRunner(sim, ['a'], 'ghost')).rejects.toThrow('fetch failed');
    expect(sim.snapshot().runners).toMatchObject([{ name: 'ghost' }]);
    expect(sim.calls()).toMatchObject([{ method: 'POST', status: null, credential: 'pat:octocat' }]);
    await expect(jitRunner(sim, ['a'], 'ghost')).rejects.toThrow('409');
  });

  it('loses the call before any work', async () => {
    const sim = await startSim();
    sim.addFault({ kind: 'call-lost', times: 1 });
    await expect(jitRunner(sim, ['a'])).rejects.toThrow('fetch failed');
    expect(sim.snapshot().runners).toEqual([]);
    expect(sim.calls()).toMatchObject([{ status: null }]);
  });

  it('hits the same calls for the same seed', async () => {
    const pattern = async () => {
      const sim = await startSim();
      sim.addFault({ kind: 'status', probability: 0.5, seed: 3 });
      const statuses = [];
      for (let i = 0; i < 12; i += 1) statuses.push((await sim.rest('GET', path)).status);
      return statuses;
    };
    const first = await pattern();
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await pattern()).toEqual(first);
  });

  it('records every call without its credential', async () => {
    const sim = await startSim();
    await sim.rest('GET', `${path}?name=x`);
    await sim.rest('GET', path, { token: 'ghp_secret_of_someone' });
    expect(sim.calls()).toMatchObject([
      { method: 'GET', path, query: 'name=x', status: 200, credential: 'pat:octocat' },
      { method: 'GET', path, query: '', status: 401, credential: 'none' },
    ]);
    expect(JSON.stringify(sim.calls())).not.toMatch(/ghp_/);
  });
});
