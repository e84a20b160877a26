import { describe, expect, it } from 'vitest';
import type { AnkaCall } from '../../simulators/anka/host.js';
import type { JobTransition } from '../../simulators/github/types.js';
import { killedAtWork, overlapsBeyond } from './vm-times.js';

const call = (start: number, end: number | null, ...argv: readonly string[]): AnkaCall => ({
  pid: 1,
  start,
  argv: ['-j', ...argv],
  ...(end === null ? {} : { end, exit: 0 }),
});

const started = (vm: string, at: number): AnkaCall => call(at, at + 5, 'start', vm);
const deleted = (vm: string, at: number, end: number | null = at + 5): AnkaCall => call(at, end, 'delete', '--yes', vm);

describe('VMs beyond the slots', () => {
  it.each([
    {
      name: 'one after the other',
      calls: [started('a', 0), deleted('a', 10), started('b', 15), deleted('b', 20)],
      too: 0,
    },
    { name: 'two at once', calls: [started('a', 0), started('b', 10), deleted('a', 20), deleted('b', 30)], too: 1 },
    {
      name: 'one that starts while the other is deleted',
      calls: [started('a', 0), deleted('a', 10), started('b', 12)],
      too: 1,
    },
    { name: 'one after another that was never deleted', calls: [started('a', 0), started('b', 100)], too: 1 },
    {
      name: 'one after another whose first delete was killed',
      calls: [started('a', 0), deleted('a', 10, null), started('b', 20), deleted('a', 30)],
      too: 1,
    },
  ])('$name', ({ calls, too }) => {
    expect(overlapsBeyond(1, calls)).toHaveLength(too);
    expect(overlapsBeyond(2, calls)).toEqual([]);
  });
});

describe('VMs destroyed under their job', () => {
  const step = (at: number, what: JobTransition['step']): JobTransition => ({
    at,
    jobId: 7,
    step: what,
    runnerName: 'a',
    conclusion: null,
  });
  const history = [step(10, 'in_progress'), step(20, 'completed')];
  const isExempt = (): boolean => false;

  it.each([
    { name: 'a delete before the job', calls: [deleted('a', 5)], count: 0 },
    { name: 'a delete under the job', calls: [deleted('a', 15)], count: 1 },
    { name: "a delete of another VM's", calls: [deleted('b', 15)], count: 0 },
    { name: 'a stop under the job', calls: [call(15, 16, 'stop', 'a')], count: 1 },
    { name: 'a delete after the job', calls: [deleted('a', 20)], count: 0 },
  ])('$name', ({ calls, count }) => {
    expect(killedAtWork(calls, history, isExempt)).toHaveLength(count);
    expect(killedAtWork(calls, history, () => true)).toEqual([]);
  });

  it('a job that never ends counts as running', () => {
    expect(killedAtWork([deleted('a', 1_000)], history.slice(0, 1), isExempt)).toHaveLength(1);
  });
});
