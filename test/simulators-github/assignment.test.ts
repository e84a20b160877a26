import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, hasLabels } from '../../simulators/github/assignment.js';
import type { AssignableJob, AssignmentPolicy, IdleRunner } from '../../simulators/github/assignment.js';
import { seededRandom } from '../../simulators/github/random.js';

const job = (id: number, labels: readonly string[] = ['a'], more: Partial<AssignableJob> = {}): AssignableJob => ({
  id,
  owner: 'acme',
  repo: 'ios',
  labels,
  group: null,
  queuedAt: id,
  ...more,
});

const runner = (id: number, labels: readonly string[] = ['a'], more: Partial<IdleRunner> = {}): IdleRunner => ({
  id,
  labels,
  scope: { kind: 'org', owner: 'acme' },
  groupName: 'Default',
  idleSince: id,
  ...more,
});

const pairs = (
  jobs: readonly AssignableJob[],
  runners: readonly IdleRunner[],
  policy: AssignmentPolicy = 'oldest-first',
) => assign(jobs, runners, policy, () => true, seededRandom(7)).map(({ jobId, runnerId }) => [jobId, runnerId]);

describe('which runner gets which job', () => {
  it.each([
    ['same labels', ['a', 'b'], ['a', 'b'], true],
    ['the runner has more', ['a', 'b'], ['b'], true],
    ['the runner has fewer', ['a'], ['a', 'b'], false],
    ['another case', ['Self-Hosted', 'macOS'], ['self-hosted', 'MACOS'], true],
    ['the job repeats a label', ['a'], ['a', 'A'], true],
    ['spaces around', ['a'], [' a '], true],
    ['a label with a comma is one label', ['a', 'b'], ['a,b'], false],
    ['no labels at all', [], [], true],
  ])('labels: %s', (_case, has, wants, expected) => {
    expect(hasLabels(has, wants)).toBe(expected);
  });

  it.each<[string, AssignableJob[], IdleRunner[], number[][]]>([
    ['the oldest job first', [job(2), job(1)], [runner(9)], [[1, 9]]],
    [
      'the runner idle longest',
      [job(1)],
      [runner(8, ['a'], { idleSince: 5 }), runner(9, ['a'], { idleSince: 1 })],
      [[1, 9]],
    ],
    ['a job nobody can serve blocks none', [job(1, ['x']), job(2)], [runner(9)], [[2, 9]]],
    ['a subset job takes the richer runner', [job(1, ['a']), job(2, ['a', 'b'])], [runner(9, ['a', 'b'])], [[1, 9]]],
    [
      'the wanted group only',
      [job(1, ['a'], { group: 'Macs' })],
      [runner(8), runner(9, ['a'], { groupName: 'macs' })],
      [[1, 9]],
    ],
    ['nothing to give', [job(1, ['x'])], [runner(9)], []],
  ])('oldest-first: %s', (_case, jobs, runners, expected) => {
    expect(pairs(jobs, runners)).toEqual(expected);
  });

  it('gives equal jobs crosswise with the policy swap, and leaves others in order', () => {
    expect(pairs([job(1), job(2)], [runner(8), runner(9)], 'swap')).toEqual([
      [2, 8],
      [1, 9],
    ]);
    expect(pairs([job(1), job(2, ['b'])], [runner(8), runner(9, ['b'])], 'swap')).toEqual([
      [1, 8],
      [2, 9],
    ]);
  });

  it('repeats a random assignment for the same seed', () => {
    const jobs = Array.from({ length: 20 }, (_, index) => job(index));
    const runners = Array.from({ length: 20 }, (_, index) => runner(100 + index));
    expect(pairs(jobs, runners, 'random')).toEqual(pairs(jobs, runners, 'random'));
    expect(pairs(jobs, runners, 'random')).not.toEqual(pairs(jobs, runners));
  });

  it('never gives a runner or job twice, never to one that lacks a label, and leaves no possible pair', () => {
    const labels = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 });
    const policies = fc.constantFrom<AssignmentPolicy>('oldest-first', 'random', 'swap');
    const property = fc.property(fc.array(labels), fc.array(labels), policies, (jobLabels, runnerLabels, policy) => {
      const jobs = jobLabels.map((each, index) => job(index, each));
      const runners = runnerLabels.map((each, index) => runner(index, each));
      const result = assign(jobs, runners, policy, () => true, seededRandom(1));
      const fits = (jobId: number, runnerId: number) => hasLabels(runnerLabels[runnerId] ?? [], jobLabels[jobId] ?? []);
      expect(new Set(result.map(({ jobId }) => jobId)).size).toBe(result.length);
      expect(new Set(result.map(({ runnerId }) => runnerId)).size).toBe(result.length);
      expect(result.every(({ jobId, runnerId }) => fits(jobId, runnerId))).toBe(true);
      const leftJobs = jobs.filter(({ id }) => !result.some(({ jobId }) => jobId === id));
      const leftRunners = runners.filter(({ id }) => !result.some(({ runnerId }) => runnerId === id));
      expect(leftJobs.some((one) => leftRunners.some((other) => fits(one.id, other.id)))).toBe(false);
    });
    fc.assert(property);
  });
});
