import fc from 'fast-check';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createGate } from '../../github/gate.js';
import { createSpacing } from '../../github/spacing.js';
import { failureOf, fakeClock, useBench } from './support.js';
import type { Bench, Reply } from './support.js';

const RUNNER = 'GET /orgs/acme/actions/runners/7';
const FOUND: Reply = { body: { id: 7, name: 'r', status: 'online', busy: false } };
const silent = pino({ level: 'silent' });

const b = useBench();

const call = (): ReturnType<Bench['github']['lookUpRunner']> =>
  b.github.lookUpRunner({ scope: { kind: 'org', owner: 'acme' }, runner: 'r', runnerId: 7 });

const inSeconds = (seconds: number): string => String(Math.floor(b.clock.now() / 1000) + seconds);

describe('a refusal by a limit', () => {
  it.each([
    ['retry-after', 429, () => ({ 'retry-after': '30' }), '', 30_000],
    [
      'retry-after as a date',
      403,
      () => ({ 'retry-after': new Date(b.clock.now() + 90_000).toUTCString() }),
      '',
      90_000,
    ],
    [
      'an empty bucket',
      403,
      () => ({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(600) }),
      '',
      601_000,
    ],
    ['both: retry-after', 403, () => ({ 'retry-after': '5', 'x-ratelimit-remaining': '0' }), '', 5_000],
    ['a secondary limit', 403, () => ({}), 'You have exceeded a secondary rate limit', 60_000],
    ['a bare 429', 429, () => ({}), '', 60_000],
  ] as const)('by %s pauses all calls until then', async (_, status, headers, message, pause) => {
    b.server.on(RUNNER, () => ({ status, headers: headers(), body: { message } }));
    const start = b.clock.now();
    const first = await failureOf(call());
    expect(first).toMatchObject({ type: 'GitHubRateLimited', name: 'GitHubRateLimited' });
    expect(first['why']).toBe(pause === 601_000 ? 'used-up' : 'asked');
    expect(Math.abs(Number(first['resumeAt']) - start - pause)).toBeLessThanOrEqual(1_000);

    // No call leaves while the gate is closed, whatever it is about.
    b.server.on(RUNNER, FOUND);
    b.clock.advance(Number(first['resumeAt']) - b.clock.now() - 1);
    expect(await failureOf(call())).toMatchObject({ type: 'GitHubRateLimited', resumeAt: first['resumeAt'] });
    const other = b.github.cancelRun({ owner: 'acme', repo: 'ios', runId: 1 });
    expect(await failureOf(other)).toMatchObject({ resumeAt: first['resumeAt'] });
    expect(b.server.asked).toHaveLength(1);

    b.clock.advance(1);
    expect(await call()).toEqual({ state: 'online', busy: false });
  });

  it('is not what a plain 403 is', async () => {
    b.server.on(RUNNER, { status: 403, headers: { 'x-ratelimit-remaining': '4000' }, body: { message: 'Forbidden' } });
    expect(await failureOf(call())).toMatchObject({ type: 'GitHubRefused' });
    b.server.on(RUNNER, FOUND);
    expect(await call()).toMatchObject({ state: 'online' });
  });

  it('of a registration registers nothing and looks nothing up', async () => {
    const JIT = 'POST /orgs/acme/actions/runners/generate-jitconfig';
    b.server.on(JIT, { status: 403, body: { message: 'You have exceeded a secondary rate limit.' } });
    const input = { scope: { kind: 'org', owner: 'acme' }, runner: 'r', runnerGroup: null, labels: ['x'] } as const;
    expect(await failureOf(b.github.createJitConfig(input))).toMatchObject({ type: 'GitHubRateLimited' });
    expect(b.server.asked).toHaveLength(1);
  });

  it('without a time lasts longer each time, and is forgotten after a success', async () => {
    const pauses: number[] = [];
    const refuse = async (): Promise<void> => {
      b.server.on(RUNNER, { status: 429 });
      const { resumeAt } = await failureOf(call());
      pauses.push(Number(resumeAt) - b.clock.now());
      b.clock.advance(Number(resumeAt) - b.clock.now());
    };
    for (let n = 0; n < 6; n += 1) await refuse();
    b.server.on(RUNNER, FOUND);
    await call();
    await refuse();
    expect(pauses.map((ms) => ms / 60_000)).toEqual([1, 2, 4, 8, 15, 15, 1]);
  });

  it('that many calls under way get counts once', async () => {
    b.server.on(RUNNER, { status: 429 });
    const failures = await Promise.all(Array.from({ length: 20 }, () => failureOf(call())));
    expect(new Set(failures.map((failure) => failure['resumeAt']))).toEqual(new Set([b.clock.now() + 60_000]));
  });
});

describe('what GitHub says is left', () => {
  it('is noted from every answer', async () => {
    const reset = inSeconds(1000);
    const headers = { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4321', 'x-ratelimit-reset': reset };
    b.server.on(RUNNER, { ...FOUND, headers: { ...headers, 'x-ratelimit-resource': 'core' } });
    await call();
    expect(b.github.limits()).toMatchObject([
      { limit: 5000, remaining: 4321, resetAt: Number(reset) * 1000, closedUntil: null },
    ]);
    expect(b.logged()).not.toContain('limit is low');
  });

  it('is warned about once an hour when it is little', async () => {
    const headers = {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '400',
      'x-ratelimit-reset': inSeconds(900),
    };
    b.server.on(RUNNER, { ...FOUND, headers });
    await call();
    await call();
    expect(b.logged().split('github limit is low')).toHaveLength(2);
  });

  it('pauses calls when the last one was used up by a good answer', async () => {
    const headers = { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(60) };
    b.server.on(RUNNER, { ...FOUND, headers });
    expect(await call()).toMatchObject({ state: 'online' });
    expect(await failureOf(call())).toMatchObject({ type: 'GitHubRateLimited' });
    expect(b.server.asked).toHaveLength(1);
  });

  it('of another bucket does not pause the calls of this one', async () => {
    const headers = {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': inSeconds(60),
      'x-ratelimit-resource': 'search',
    };
    b.server.on(RUNNER, { ...FOUND, headers });
    await call();
    expect(await call()).toMatchObject({ state: 'online' });
  });

  it('with a failure that asks for time is obeyed, and the failure stays a failure', async () => {
    b.server.on(RUNNER, { status: 503, headers: { 'retry-after': '20' } });
    expect(await failureOf(call())).toMatchObject({ type: 'GitHubUnavailable' });
    expect(await failureOf(call())).toMatchObject({ type: 'GitHubRateLimited', resumeAt: b.clock.now() + 20_000 });
  });
});

describe('the gate', () => {
  it('never closes for longer than a day and never throws, whatever the headers say', () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
    );
    const headers = fc.dictionary(
      fc.constantFrom(
        'retry-after',
        'x-ratelimit-remaining',
        'x-ratelimit-reset',
        'x-ratelimit-limit',
        'x-ratelimit-resource',
      ),
      value,
    );
    fc.assert(
      fc.property(fc.constantFrom(200, 403, 404, 429, 503), headers, fc.string(), (status, answered, message) => {
        const clock = fakeClock();
        const gate = createGate({ credential: 'c', clock, log: silent });
        const until = gate.enter('sweep').note({ status, headers: answered, message });
        if (status === 429) expect(until).not.toBeNull();
        clock.advance(24 * 3_600_000 + 1);
        gate.check('sweep');
      }),
    );
  });
});

describe('the spacing', () => {
  it('lets no minute have more than the burst and the rate', () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(arrivals, (gaps) => {
        const clock = fakeClock(0);
        const spacing = createSpacing(166, 10, clock);
        const sent: number[] = [];
        for (const gap of gaps) {
          clock.advance(gap % 50 === 0 ? gap : 0);
          const { taken, waitMs } = spacing.take({ patienceMs: 60_000, hasWaited: false, sharedBy: 1 });
          if (taken) sent.push(clock.now() + waitMs);
        }
        const most = Math.max(...sent.map((from) => sent.filter((at) => at >= from && at < from + 60_000).length));
        expect(most).toBeLessThanOrEqual(166 + 10);
      }),
    );
  });

  const ask = { patienceMs: 5_000, hasWaited: false, sharedBy: 1 };

  it('has those whom it sends away come back one by one, before those who come first then', () => {
    const clock = fakeClock(0);
    const spacing = createSpacing(60, 1, clock);
    // Places at 0 to 5 s; the next four have to come back.
    const all = Array.from({ length: 10 }, () => spacing.take(ask));
    expect(all.filter(({ taken }) => taken)).toHaveLength(6);
    expect(all.filter(({ taken }) => !taken).map(({ waitMs }) => waitMs)).toEqual([6_000, 7_000, 8_000, 9_000]);
    clock.advance(6_000);
    expect(spacing.take(ask)).toEqual({ taken: false, waitMs: 4_000 });
    expect(spacing.take({ ...ask, hasWaited: true })).toEqual({ taken: true, waitMs: 0 });
  });

  it('keeps to its share, so that several together keep the rate', () => {
    const inAMinute = (sharedBy: number): number => {
      const clock = fakeClock(0);
      const spacing = createSpacing(166, 10, clock);
      let sent = 0;
      while (clock.now() < 60_000) {
        const { taken, waitMs } = spacing.take({ ...ask, hasWaited: true, sharedBy });
        if (taken) sent += 1;
        clock.advance(Math.max(1, waitMs));
      }
      return sent;
    };
    for (const sharedBy of [1, 2, 3, 10]) expect(inAMinute(sharedBy) * sharedBy).toBeLessThanOrEqual(176 + sharedBy);
    expect(inAMinute(2)).toBeGreaterThanOrEqual(83);
  });
});
