import { describe, expect, it } from 'vitest';
import { coveredMs, mean, overheadMs, percentile, ratesInWindows } from '../../bench/statistics.js';

describe('percentile', () => {
  it.each([
    [[5], 50, 5],
    [[4, 1, 3, 2], 50, 2],
    [[5, 1, 3], 50, 3],
    [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 95, 10],
    [[1, 2], 0, 1],
    [[1, 2, 3], 100, 3],
  ])('of %j at %i is %i', (samples, percent, expected) => expect(percentile(samples, percent)).toBe(expected));

  it('sorts by value, and leaves the samples as they were', () => {
    const samples = [100, 20, 3];
    expect(percentile(samples, 50)).toBe(20);
    expect(samples).toEqual([100, 20, 3]);
  });

  it('of nothing is an error', () => expect(() => percentile([], 50)).toThrow(RangeError));
});

it('mean of nothing is an error', () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(() => mean([])).toThrow(RangeError);
});

describe('covered time', () => {
  it('adds spans that lie apart', () =>
    expect(
      coveredMs([
        { start: 10, end: 15 },
        { start: 0, end: 3 },
      ]),
    ).toBe(8));

  it('counts what overlaps once', () =>
    expect(
      coveredMs([
        { start: 0, end: 10 },
        { start: 2, end: 4 },
        { start: 8, end: 12 },
      ]),
    ).toBe(12));

  it('of nothing is nothing', () => expect(coveredMs([])).toBe(0));
});

describe('overhead a job', () => {
  // anklet's own run: 139.5 s for 30 jobs of 1 s on 2 slots, VM commands of 665 ms each.
  const batch = { wallMs: 139_500, slots: 2, jobs: 30, jobMs: 1_000, vmMs: [665], runnerStartMs: [0] };

  it("is anklet's 7.63 s for anklet's figures", () => expect(overheadMs(batch)).toBeCloseTo(7_635, 6));

  it('is without the mean of what VMs and runners took', () =>
    expect(overheadMs({ ...batch, vmMs: [600, 730], runnerStartMs: [100, 300] })).toBeCloseTo(7_435, 6));

  it('is nothing when slots are always at work', () =>
    expect(overheadMs({ wallMs: 18_000, slots: 2, jobs: 30, jobMs: 1_000, vmMs: [150], runnerStartMs: [50] })).toBe(0));
});

describe('rates in windows', () => {
  it('are per second, each from the end of the one before', () =>
    expect(ratesInWindows(1_000, [1_250, 1_500, 2_000, 2_500], 2)).toEqual([4, 2]));

  it('do not depend on the order of the answers', () =>
    expect(ratesInWindows(0, [1_000, 250, 500, 2_000], 2)).toEqual([4, 2 / 1.5]));

  it('leave out a last window that is not full', () => expect(ratesInWindows(0, [1, 2, 3], 2)).toHaveLength(1));

  it('of a window that took no measurable time are finite', () =>
    expect(ratesInWindows(5, [5, 5], 2)).toEqual([2_000]));
});
