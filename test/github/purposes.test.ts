import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createGate } from '../../github/gate.js';
import type { LimitNews } from '../../github/gate.js';
import type { Purpose } from '../../github/purpose.js';
import { failureOf, fakeClock, useBench } from './support.js';

const log = pino({ level: 'silent' });
const ALL: readonly Purpose[] = ['registration', 'removal', 'lookup', 'redelivery', 'sweep'];

function gateWith(tell?: (news: LimitNews) => void) {
  const clock = fakeClock(Math.floor(Date.now() / 1_000) * 1_000);
  const gate = createGate({ credential: 'c', clock, log, tell });
  const resetAt = clock.now() + 600_000;
  const headers = (remaining: number, limit = 5_000) => ({
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(resetAt / 1_000),
  });
  const answer = (remaining: number, limit?: number): void => {
    const passage = gate.enter('registration');
    passage.note({ status: 200, headers: headers(remaining, limit), message: '' });
    passage.leave();
  };
  const allowed = (): readonly Purpose[] =>
    ALL.filter((purpose) => {
      try {
        gate.check(purpose);
        return true;
      } catch {
        return false;
      }
    });
  return { clock, gate, resetAt, headers, answer, allowed };
}

describe('when few calls are left', () => {
  it.each([
    [1_001, ALL],
    [1_000, ['registration', 'removal', 'lookup', 'redelivery']],
    [500, ['registration', 'removal', 'lookup']],
    [250, ['registration', 'removal']],
    [100, ['registration']],
    [1, ['registration']],
    [0, []],
  ])('%i of 5,000 are for %j', (remaining, expected) => {
    const { answer, allowed } = gateWith();
    answer(remaining);
    expect(allowed()).toEqual(expected);
  });

  it('those that stop may go on after the reset, and say so', () => {
    const { answer, gate, clock, resetAt, allowed } = gateWith();
    answer(700);
    const words = `what is left of GitHub's limit is kept for registrations until ${new Date(resetAt + 1_000).toISOString().slice(11, 19)} UTC`;
    expect(() => gate.check('sweep')).toThrow(words);
    clock.advance(601_000);
    expect(allowed()).toEqual(ALL);
  });

  it('calls under way are counted: no more leave than are left', () => {
    const { answer, gate, clock } = gateWith();
    answer(3, 60);
    const passages = [1, 2, 3].map(() => gate.enter('registration'));
    expect(() => gate.enter('registration')).toThrow('calls under way');
    // One of them cost nothing.
    passages.forEach((passage) => passage.leave());
    clock.advance(1_000);
    expect(gate.enter('registration')).toBeDefined();
  });

  it('an answer that was overtaken does not count', () => {
    const { gate, headers } = gateWith();
    const [first, second] = [gate.enter('sweep'), gate.enter('sweep')];
    second.note({ status: 200, headers: headers(40), message: '' });
    first.note({ status: 200, headers: headers(41), message: '' });
    expect(gate.state()).toMatchObject({ remaining: 40 });
  });

  it('without limits, as with GHES, nothing stops', () => {
    const { gate, allowed } = gateWith();
    gate.enter('sweep').note({ status: 200, headers: {}, message: '' });
    expect(allowed()).toEqual(ALL);
  });
});

describe('what another process must know', () => {
  it('is told when one more kind of call stops, not at each answer', () => {
    const told: LimitNews[] = [];
    const { answer } = gateWith((news) => told.push(news));
    for (const remaining of [3_000, 1_000, 999, 700, 500, 300, 0]) answer(remaining);
    expect(told.map(({ left, pause }) => left?.remaining ?? pause?.why)).toEqual([1_000, 500, 'used-up']);
  });

  it('closes its gate, too, and is not told on', () => {
    const told: LimitNews[] = [];
    const { gate, clock, allowed } = gateWith((news) => told.push(news));
    gate.hear({ pause: { until: clock.now() + 30_000, why: 'asked', refusals: 2 } });
    expect(allowed()).toEqual([]);
    gate.hear({ pause: { until: clock.now() + 10_000, why: 'asked', refusals: 1 } });
    clock.advance(29_999);
    expect(allowed()).toEqual([]);
    clock.advance(1);
    expect(allowed()).toEqual(ALL);
    expect(told).toEqual([]);
    // The growth of pauses without a time goes on where the other was.
    const passage = gate.enter('sweep');
    expect(passage.note({ status: 429, headers: {}, message: '' })).toMatchObject({ until: clock.now() + 240_000 });
  });

  it('is what is left, unless it knows of less or of a later hour', () => {
    const { gate, answer, resetAt, allowed } = gateWith();
    gate.hear({ left: { limit: 5_000, remaining: 400, resetAt } });
    expect(allowed()).toEqual(['registration', 'removal', 'lookup']);
    answer(200);
    gate.hear({ left: { limit: 5_000, remaining: 400, resetAt: resetAt + 1_000 } });
    gate.hear({ left: { limit: 5_000, remaining: 5, resetAt: resetAt - 3_600_000 } });
    expect(gate.state()).toMatchObject({ remaining: 200, resetAt });
    gate.hear({ left: { limit: 5_000, remaining: 4_999, resetAt: resetAt + 3_600_000 } });
    expect(allowed()).toEqual(ALL);
  });
});

describe('the calls of the client', () => {
  const b = useBench();

  it('keep the last of the hour for registrations', async () => {
    const headers = {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '90',
      'x-ratelimit-reset': String(Math.floor(b.clock.now() / 1_000) + 900),
    };
    b.server.on('GET /orgs/acme/actions/runners/7', {
      headers,
      body: { id: 7, name: 'r', status: 'online', busy: false },
    });
    b.server.on('POST /orgs/acme/actions/runners/generate-jitconfig', {
      status: 201,
      headers,
      body: { runner: { id: 8 }, encoded_jit_config: 'eA==' },
    });
    const scope = { kind: 'org', owner: 'acme' } as const;
    await b.github.lookUpRunner({ scope, runner: 'r', runnerId: 7 });
    expect(await failureOf(b.github.removeRunner({ scope, runner: 'r', runnerId: 7 }))).toMatchObject({
      type: 'GitHubRateLimited',
      why: 'reserved',
    });
    expect(await failureOf(b.github.lookUpJob({ owner: 'acme', repo: 'ios', jobId: 1 }))).toMatchObject({
      why: 'reserved',
    });
    expect(await b.github.createJitConfig({ scope, runner: 's', runnerGroup: null, labels: ['x'] })).toMatchObject({
      runnerId: 8,
    });
    expect(b.server.asked).toHaveLength(2);
  });
});
