import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, poolNames, poolOf } from '../../jobs/pools.js';
import type { PoolRule, PoolSubject } from '../../jobs/pools.js';
import { those } from './fixtures.js';

interface Asks {
  readonly labels?: readonly string[];
  /** As `those` reads them. */
  readonly repositories?: readonly string[];
}

const rule = (pool: string, { labels = [], repositories = [] }: Asks): PoolRule => {
  return { pool, labels, repositories: repositories.map(those) };
};

const RULES = [
  rule('release', { labels: ['release', 'macOS'], repositories: ['acme/ios'] }),
  rule('ios', { repositories: ['acme/ios', 'acme/ipad'] }),
  rule('gpu', { labels: ['gpu'] }),
  rule('other-org', { repositories: ['Other/*'] }),
];
const pools = { pool: 'default', poolRules: RULES };

describe('the pool of a job', () => {
  it.each<[string, Partial<PoolSubject>, string]>([
    ['no rule fits', {}, 'default'],
    ['its repository', { repo: 'ipad' }, 'ios'],
    ['its repository, written otherwise', { owner: 'ACME', repo: 'iPad' }, 'ios'],
    ['labels and repository', { repo: 'ios', labels: ['Release', 'macos', 'x'] }, 'release'],
    ['one label of the two', { repo: 'ios', labels: ['release'] }, 'ios'],
    ['its label, whatever its repository', { repo: 'web', labels: ['GPU'] }, 'gpu'],
    ['two rules: the first', { repo: 'ios', labels: ['gpu'] }, 'ios'],
    ['its owner', { owner: 'other', repo: 'anything' }, 'other-org'],
    ['an owner that only begins so', { owner: 'other-two', repo: 'anything' }, 'default'],
  ])('%s', (_why, job, expected) => {
    expect(poolOf({ owner: 'acme', repo: 'web', labels: [], ...job }, pools)).toBe(expected);
  });

  it('is one of those that have a dispatcher', () => {
    expect(poolNames(pools)).toEqual(['default', 'release', 'ios', 'gpu', 'other-org']);
    expect(poolNames({ pool: 'a', poolRules: [rule('a', { labels: ['x'] })] })).toEqual(['a']);
  });
});

const names = fc.constantFrom('a', 'b', 'B', 'c');
const places = fc.record({ owner: names, repo: fc.option(names) });
const anyRule = fc.record({
  pool: fc.constant('p'),
  labels: fc.uniqueArray(names, { maxLength: 2 }),
  repositories: fc.uniqueArray(places, { maxLength: 2 }),
});

describe('a rule that covers another', () => {
  it('fits every job that the other one fits', () => {
    const jobs = fc.record({ owner: names, repo: names, labels: fc.uniqueArray(names) });
    const fits = (job: PoolSubject, one: PoolRule): boolean =>
      poolOf(job, { pool: 'none', poolRules: [one] }) === one.pool;
    fc.assert(
      fc.property(anyRule, anyRule, jobs, (earlier, later, job) => {
        fc.pre(covers(earlier, later) && fits(job, later));
        expect(fits(job, earlier)).toBe(true);
      }),
    );
  });

  it.each<[string, Asks, Asks, boolean]>([
    ['the same', { labels: ['x'] }, { labels: ['X'] }, true],
    ['fewer labels', { labels: ['x'] }, { labels: ['x', 'y'] }, true],
    ['more labels', { labels: ['x', 'y'] }, { labels: ['x'] }, false],
    ['the owner of its repository', { repositories: ['acme/*'] }, { repositories: ['acme/ios'] }, true],
    ['a repository of its owner', { repositories: ['acme/ios'] }, { repositories: ['acme/*'] }, false],
    ['any repository', { repositories: ['acme/*'] }, { labels: ['x'] }, false],
  ])('%s', (_what, earlier, later, expected) => {
    expect(covers(rule('a', earlier), rule('b', later))).toBe(expected);
  });
});
