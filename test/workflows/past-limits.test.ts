/** The waits for GitHub's limits, on a clock of the test's. */

import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const temporal = vi.hoisted(() => ({ isPatched: true, slept: [] as number[] }));

vi.mock('@temporalio/workflow', async (importOriginal) => ({
  ...(await importOriginal<Record<string, unknown>>()),
  patched: () => temporal.isPatched,
  sleep: async (ms: number) => {
    temporal.slept.push(ms);
    vi.setSystemTime(Date.now() + ms);
  },
}));

const { pastLimits, pastLimitsAtLast } = await import('../../workflows/past-limits.js');

const T0 = 1_700_000_000_000;

function failed(type: string, details: object[]): ActivityFailure {
  const cause = ApplicationFailure.create({ type, message: 'no', details, nonRetryable: true });
  return new ActivityFailure('failed', 'registerRunner', '1', 'NON_RETRYABLE_FAILURE', 'me', cause);
}

const limitedFor = (ms: number): ActivityFailure =>
  failed('GitHubRateLimited', [{ resumeAt: Date.now() + ms, why: 'used-up' }]);

beforeEach(() => {
  vi.useFakeTimers({ now: T0, toFake: ['Date'] });
  Object.assign(temporal, { isPatched: true, slept: [] });
});
afterEach(() => void vi.useRealTimers());

describe('a call that GitHub limits', () => {
  it('is made again after each wait, a little later, and is told that it has waited', async () => {
    const waits: number[] = [];
    const asked: boolean[] = [];
    const answer = await pastLimits(
      async (hasWaited) => {
        asked.push(hasWaited);
        if (asked.length <= 12) throw limitedFor(3_600_000);
        return 'made';
      },
      async ({ until, why }, ms) => {
        expect([until, why]).toEqual([Date.now() + 3_600_000, 'used-up']);
        waits.push(ms);
        // Not six hours, all in all.
        vi.setSystemTime(Date.now() + 60_000);
        return true;
      },
    );
    expect(answer).toBe('made');
    expect(asked).toEqual([false, ...Array.from({ length: 12 }, () => true)]);
    expect(Math.min(...waits)).toBeGreaterThan(3_600_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_602_000);
  });

  it('is not made again when the wait was cut short', async () => {
    let calls = 0;
    const call = async (): Promise<string> => {
      calls += 1;
      throw limitedFor(1_000);
    };
    expect(await pastLimits(call, async () => false)).toBeNull();
    expect(calls).toBe(1);
  });

  it('is given up after six hours', async () => {
    const call = async (): Promise<string> => {
      throw limitedFor(3_600_000);
    };
    await expect(pastLimitsAtLast(call)).rejects.toThrow(ActivityFailure);
    expect(temporal.slept).toHaveLength(6);
  });

  it('fails as it did, in a history from before', async () => {
    temporal.isPatched = false;
    const call = async (): Promise<string> => {
      throw limitedFor(1_000);
    };
    await expect(pastLimitsAtLast(call)).rejects.toThrow(ActivityFailure);
    expect(temporal.slept).toEqual([]);
  });
});

it('any other failure is not waited for', async () => {
  const call = async (): Promise<string> => {
    throw failed('GitHubRefused', []);
  };
  await expect(pastLimitsAtLast(call)).rejects.toThrow(ActivityFailure);
  expect(temporal.slept).toEqual([]);
});
