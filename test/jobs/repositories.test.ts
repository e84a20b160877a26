import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { includes, sameName } from '../../jobs/repositories.js';
import type { Repositories } from '../../jobs/repositories.js';
import { those } from './fixtures.js';

describe('a name', () => {
  it.each([
    ['ios', 'ios', true],
    ['iOS', 'IOS', true],
    ['ios', 'ios2', false],
    ['ios', 'web', false],
  ])('%s and %s: the same is %s', (a, b, expected) => {
    expect(sameName(a, b)).toBe(expected);
  });
});

describe('repositories', () => {
  it.each([
    ['acme/ios', 'acme/ios', true],
    ['acme/ios', 'Acme/iOS', true],
    ['acme/ios', 'acme/web', false],
    ['acme/ios', 'other/ios', false],
    ['acme/ios', 'acme/*', false],
    ['acme/*', 'ACME/ios', true],
    ['acme/*', 'acme/*', true],
    ['acme/*', 'other/*', false],
    ['acme/*', 'acme2/ios', false],
  ])('%s: %s among them is %s', (these, others, expected) => {
    expect(includes(those(these), those(others))).toBe(expected);
  });

  it('that have others among them have all that are among those', () => {
    const name = fc.constantFrom('a', 'A', 'b');
    const any = fc.record({ owner: name, repo: fc.option(name) });
    const one = fc.record({ owner: name, repo: name });
    fc.assert(
      fc.property(any, any, one, (these: Repositories, others: Repositories, repository) => {
        fc.pre(includes(these, others) && includes(others, repository));
        expect(includes(these, repository)).toBe(true);
      }),
    );
  });
});
