import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTHING_KNOWN, lessOf, limitText, noted, registrars } from '../../jobs/limits.js';
import type { LimitNote } from '../../jobs/limits.js';

const T = Date.UTC(2026, 0, 2, 20, 31, 7);
const note = (more: Partial<LimitNote>): LimitNote => ({ member: 'a', at: T, ...more });

describe('what all know together', () => {
  it('is the pause that lasts longest', () => {
    const long = { until: T + 60_000, why: 'used-up', refusals: 0 } as const;
    const short = { until: T + 5_000, why: 'asked', refusals: 1 } as const;
    for (const order of [
      [long, short],
      [short, long],
    ]) {
      const known = order.reduce((sum, pause) => noted(sum, note({ pause })), NOTHING_KNOWN);
      expect(known.pause).toEqual(long);
    }
  });

  it('is the least that is left of the latest hour, in whatever order it is told', () => {
    const left = fc.record({
      limit: fc.constant(5_000),
      remaining: fc.nat(5_000),
      // Whole hours, as far as this is concerned.
      resetAt: fc.integer({ min: 1, max: 3 }).map((hour) => T + hour * 3_600_000),
    });
    fc.assert(
      fc.property(fc.array(left, { minLength: 1, maxLength: 8 }), (all) => {
        const known = all.reduce((sum, each) => noted(sum, note({ left: each })), NOTHING_KNOWN);
        const latest = Math.max(...all.map(({ resetAt }) => resetAt));
        const least = Math.min(...all.filter(({ resetAt }) => resetAt === latest).map(({ remaining }) => remaining));
        expect(known.left).toEqual({ limit: 5_000, remaining: least, resetAt: latest });
      }),
    );
  });

  it('takes resets that differ by a second for the same hour', () => {
    const [less, more] = [100, 200].map((remaining, n) => ({ limit: 5_000, remaining, resetAt: T + n * 1_000 }));
    expect([lessOf(less ?? null, more ?? null), lessOf(more ?? null, less ?? null)]).toEqual([less, less]);
  });

  it('counts who registers, for a minute and a half, or until it leaves', () => {
    let known = noted(NOTHING_KNOWN, note({ member: 'a', registers: true }));
    known = noted(known, note({ member: 'b', at: T + 30_000, registers: true }));
    expect([registrars(known, 'a', T), registrars(known, 'c', T)]).toEqual([2, 3]);
    expect(registrars(known, 'c', T + 90_000)).toBe(2);
    expect(noted(known, note({ member: 'b', at: T + 95_000, leaves: true })).registering).toEqual({});
  });
});

it('is told with the time of day', () => {
  expect(limitText('used-up', T)).toBe("GitHub's limit is used up until 20:31:07 UTC");
});
