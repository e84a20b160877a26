/** Against the simulated GitHub, which keeps a log of deliveries and repeats them as the real one does. */

import { generateKeyPairSync } from 'node:crypto';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createDeliveriesSweep } from '../../activities/sweeps/deliveries.js';
import type { Hook } from '../../github/deliveries.js';
import { createGitHub } from '../../github/github.js';
import type { GitHubOptions } from '../../github/github.js';
import type { SweepLook } from '../../jobs/sweeps.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import { startReceiver, startSim } from '../simulators-github/helpers.js';
import type { Sim } from '../simulators-github/helpers.js';

const HOUR = 3_600_000;
const labels = ['self-hosted', 'anka-template:t1'];
const hook: Hook = { kind: 'scope', scope: { kind: 'org', owner: 'acme' }, hookId: 1 };
const first: SweepLook = { dryRun: false, byHand: false, memory: null };

const githubOf = (sim: Sim, more: Partial<GitHubOptions> = {}) =>
  createGitHub({
    apiUrl: `${sim.url}/api/v3`,
    credentialFor: () => ({ kind: 'token', token: DEFAULT_TOKEN }),
    log: pino({ level: 'silent' }),
    ...more,
  });

async function setUp() {
  const receiver = await startReceiver();
  const sim = await startSim({ hooks: [{ id: 1, kind: 'organization', owner: 'acme', url: receiver.url }] });
  const github = githubOf(sim);
  const sweep = createDeliveriesSweep({ github, hook, lookBackMs: 24 * HOUR });
  return { receiver, sim, github, sweep };
}

const queue = (sim: Sim, count: number): void => {
  for (let index = 0; index < count; index += 1) sim.queueJob({ repo: 'ios', labels });
};

const ended = (sim: Sim) => sim.snapshot().deliveries.filter(({ statusCode }) => statusCode !== null);
const untilEnded = (sim: Sim, count: number) => sim.waitFor(() => ended(sim).length >= count, 10_000);
const redeliveries = (sim: Sim): number => sim.snapshot().deliveries.filter(({ redelivery }) => redelivery).length;

describe('the sweep of deliveries', () => {
  it('asks again for what was lost, once, and for nothing else', async () => {
    const { sim, sweep } = await setUp();
    sim.loseIf(({ job }) => job.id % 2 === 0);
    queue(sim, 6);
    sim.loseIf(null);
    queue(sim, 1);
    await untilEnded(sim, 7);
    const report = await sweep(first);
    expect(report).toMatchObject({ part: 'deliveries', looked: 7, found: 3, calls: 4, isComplete: true });
    expect(report.findings.map(({ done }) => done)).toEqual(['redelivered', 'redelivered', 'redelivered']);
    await untilEnded(sim, 10);
    const again = await sweep({ ...first, memory: report.memory });
    expect(again).toMatchObject({ found: 0, calls: 1 });
    expect(redeliveries(sim)).toBe(3);
  });

  it('what has not changed costs no call', async () => {
    const { sim, sweep } = await setUp();
    queue(sim, 1);
    await untilEnded(sim, 1);
    const report = await sweep(first);
    expect(await sweep({ ...first, memory: report.memory })).toMatchObject({ looked: 1, found: 0, calls: 0 });
  });

  it('a dry run says what it would ask for, and asks for nothing', async () => {
    const { sim, sweep } = await setUp();
    sim.loseIf(() => true);
    queue(sim, 2);
    await untilEnded(sim, 2);
    const report = await sweep({ ...first, dryRun: true });
    expect(report.findings.map(({ done }) => done)).toEqual(['would', 'would']);
    expect(report.memory).toBeNull();
    expect(sim.calls().filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('receiver away: three are tried, the others wait; when one of them arrives, all come', async () => {
    const { receiver, sim, sweep } = await setUp();
    receiver.answer = () => 503;
    queue(sim, 8);
    await untilEnded(sim, 8);
    const away = await sweep(first);
    expect(away).toMatchObject({ found: 3, isComplete: false });
    expect(redeliveries(sim)).toBe(3);
    receiver.answer = () => 202;
    const back = await sweep({ ...first, memory: away.memory });
    expect(back).toMatchObject({ found: 8, isComplete: true });
    await untilEnded(sim, 19);
    expect(await sweep({ ...first, memory: back.memory })).toMatchObject({ found: 0 });
  });

  it('reads no further back than it has to', async () => {
    const { sim, sweep, github } = await setUp();
    queue(sim, 3);
    await untilEnded(sim, 3);
    const memory = { hook: 'the webhook 1 of acme', mark: Date.now() + HOUR, rest: null, asked: {}, givenUp: [] };
    expect(await sweep({ ...first, memory })).toMatchObject({ looked: 0 });
    const none = createDeliveriesSweep({ github, hook, lookBackMs: 0 });
    expect(await none(first)).toMatchObject({ looked: 0 });
    // What another webhook left is of no use.
    expect(await sweep({ ...first, memory: { ...memory, hook: 'another' } })).toMatchObject({ looked: 3 });
  });

  it("the App's own webhook, by its key", async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const receiver = await startReceiver();
    const sim = await startSim({
      apps: [{ id: 7, publicKey, installations: [{ id: 5, owner: 'acme' }] }],
      hooks: [{ id: 3, kind: 'integration', url: receiver.url }],
    });
    sim.loseIf(() => true);
    queue(sim, 1);
    sim.loseIf(null);
    queue(sim, 1);
    await untilEnded(sim, 2);
    const github = githubOf(sim, { hookApp: { kind: 'app', appId: 7, privateKey } });
    const sweep = createDeliveriesSweep({ github, hook: { kind: 'app' }, lookBackMs: HOUR });
    expect(await sweep(first)).toMatchObject({ looked: 2, found: 1 });
    const withoutKey = createDeliveriesSweep({ github: githubOf(sim), hook: { kind: 'app' }, lookBackMs: HOUR });
    await expect(withoutKey(first)).rejects.toThrow(/private key/);
  });
});
