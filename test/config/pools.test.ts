/** Pools: whose hosts and jobs serve each other. */

import { describe, expect, it } from 'vitest';
import { parse, problemsOf } from './support.js';

const NAME = 'a name of at most 63 letters, digits, `.`, `_`, `-`, starting with a letter or digit';

const entries = (...queues: readonly (string | null)[]): string =>
  [
    'plugins:',
    ...queues.map(
      (queue, n) => `  - {name: S${n}, plugin: github, owner: acme${queue === null ? '' : `, queue_name: ${queue}`}}`,
    ),
  ].join('\n');

describe('the pool', () => {
  it.each([
    ['is default', entries(null), 'default'],
    ['is what the file says', `pool: macs\n${entries(null)}`, 'macs'],
    ["is the entries' queue_name", entries('shared', null, 'shared'), 'shared'],
    [
      "is a receiver's queue_name",
      'plugins: [{name: R, plugin: github_receiver, port: 1, secret: x, queue_name: shared}]',
      'shared',
    ],
  ])('%s', (_what, text, pool) => {
    const { config, warnings } = parse(text);
    expect(config.pool).toBe(pool);
    expect(warnings).toEqual([]);
  });

  it('beside another queue_name counts, with a word about it', () => {
    const { config, warnings } = parse(`pool: macs\n${entries('shared', 'macs')}`);
    expect(config.pool).toBe('macs');
    expect(warnings).toEqual(['/etc/berth.yml:3:45: queue_name has no effect beside `pool`: the pool is macs']);
  });

  it('cannot be two', () => {
    expect(problemsOf(entries('one', 'two'))).toEqual([
      '3:57: plugins[1].queue_name: expected `one` as in the entries before: a host is in one pool, found "two"',
    ]);
  });

  it('comes from the environment, too', () => {
    expect(parse(entries(null), { BERTH_POOL: 'macs' }).config.pool).toBe('macs');
    expect(parse(entries(null), { S0_QUEUE_NAME: 'shared' }).config.pool).toBe('shared');
  });
});

describe('rules', () => {
  it('are read in their order', () => {
    const { config } = parse(
      'pools:\n  - {pool: ios, repositories: [acme/ios, other/*]}\n  - {pool: gpu, labels: [gpu, "macOS 15"]}\n',
    );
    expect(config.poolRules).toEqual([
      {
        pool: 'ios',
        labels: [],
        repositories: [
          { owner: 'acme', repo: 'ios' },
          { owner: 'other', repo: null },
        ],
      },
      { pool: 'gpu', labels: ['gpu', 'macOS 15'], repositories: [] },
    ]);
  });

  it('are none by themselves', () => {
    expect(parse('pool: a\n').config.poolRules).toEqual([]);
  });

  it.each([
    ['that are no list', 'pools: ios\n', '1:8: pools: expected a list of `{pool, labels, repositories}`, found "ios"'],
    ['without a pool', 'pools: [{labels: [a]}]\n', `1:9: pools[0].pool: expected ${NAME}, found nothing`],
    [
      'with a pool that is no name',
      'pools: [{pool: a b, labels: [a]}]\n',
      `1:16: pools[0].pool: expected ${NAME}, found "a b"`,
    ],
    [
      'that ask nothing',
      'pools: [{pool: a}]\n',
      '1:9: pools[0]: expected `labels`, `repositories`, or both, found neither',
    ],
    [
      'with one label instead of a list',
      'pools: [{pool: a, labels: x}]\n',
      '1:27: pools[0].labels: expected a list of labels, found "x"',
    ],
    [
      'with an address for a repository',
      'pools: [{pool: a, repositories: ["https://github.com/acme/ios"]}]\n',
      '1:34: pools[0].repositories[0]: expected `OWNER/REPO`, or `OWNER/*` for all of its repositories, found "https://github.com/acme/ios"',
    ],
    [
      'with an unknown key',
      'pools: [{pool: a, repos: [acme/ios]}]\n',
      '1:19: pools[0].repos: expected a known key (the nearest is `pool`), found the unknown key `repos`',
    ],
    [
      'that an earlier one is in the way of',
      'pools:\n  - {pool: a, repositories: [acme/*]}\n  - {pool: b, repositories: [acme/ios], labels: [x]}\n',
      '3:5: pools[1]: expected a rule that no earlier one is in the way of, found every job that it fits comes to pool a before',
    ],
  ])('%s are a problem', (_what, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });
});
