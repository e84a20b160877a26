/** Repositories are written in one way, whichever key they stand in. */

import { describe, expect, it } from 'vitest';
import type { Config } from '../../config/types.js';
import type { Repositories } from '../../jobs/repositories.js';
import { parse, problemsOf } from './support.js';

const EXPECTED = '`OWNER/REPO`, or `OWNER/*` for all of its repositories';

interface Place {
  readonly key: string;
  readonly text: (value: string) => string;
  readonly read: (config: Config) => Repositories | null | undefined;
}

const PLACES: readonly Place[] = [
  {
    key: 'allowed_repositories[0]',
    text: (value) => `allowed_repositories: [${value}]\n`,
    read: ({ intake }) => intake[0],
  },
  {
    key: 'pools[0].repositories[0]',
    text: (value) => `pools: [{pool: a, repositories: [${value}]}]\n`,
    read: ({ poolRules }) => poolRules[0]?.repositories[0],
  },
  {
    key: 'placement.priorities[0].repo',
    text: (value) => `placement: {priorities: [{repo: ${value}, priority: 1}]}\n`,
    read: ({ placement }) => placement.priorities[0]?.of,
  },
  {
    key: 'placement.weights[0].repo',
    text: (value) => `placement: {order: fair, weights: [{repo: ${value}, weight: 2}]}\n`,
    read: ({ placement }) => placement.weights[0]?.of,
  },
];

const OWNERS: Place = {
  key: 'allowed_owners[0]',
  text: (value) => `allowed_owners: [${value}]\n`,
  read: ({ intake }) => intake[0],
};

const quoted = (value: string): string => (value.startsWith('"') ? value : `"${value}"`);

const ALL = { owner: 'Acme-1', repo: null };

describe.each(PLACES)('$key', ({ key, text, read }) => {
  it.each([
    ['Acme-1/ios.app_2', { owner: 'Acme-1', repo: 'ios.app_2' }],
    ['Acme-1/*', ALL],
  ])('%s is %j', (value, expected) => {
    const { config, warnings } = parse(text(value));
    expect(read(config)).toEqual(expected);
    expect(warnings).toEqual([]);
  });

  it.each([
    'acme',
    'acme/',
    '/ios',
    'acme/ios/x',
    'acme/ios/*',
    'acme/i*',
    '"*"',
    '"*/*"',
    '"*/ios"',
    '..',
    '../ios',
    'acme/..',
  ])('%s is a problem', (value) => {
    const at = text(value).indexOf(value) + 1;
    expect(problemsOf(text(value))).toEqual([`1:${at}: ${key}: expected ${EXPECTED}, found ${quoted(value)}`]);
  });
});

describe('allowed_owners', () => {
  it.each(['Acme-1', 'Acme-1/*'])('%s is that owner', (value) => {
    expect(OWNERS.read(parse(OWNERS.text(value)).config)).toEqual(ALL);
  });

  it.each(['acme/ios', 'acme/', '"*"', '..'])('%s is a problem', (value) => {
    expect(problemsOf(OWNERS.text(value))).toEqual([
      `1:18: allowed_owners[0]: expected a user or an organisation on GitHub, as \`OWNER\` or \`OWNER/*\`, found ${quoted(value)}`,
    ]);
  });
});

describe('whose jobs are taken', () => {
  it('is what both lists say', () => {
    const { config } = parse('allowed_owners: [acme, tools/*]\nallowed_repositories: [partner/sdk, labs/*]\n');
    expect(config.intake).toEqual([
      { owner: 'acme', repo: null },
      { owner: 'tools', repo: null },
      { owner: 'partner', repo: 'sdk' },
      { owner: 'labs', repo: null },
    ]);
  });

  it('may come from the environment', () => {
    const { config } = parse('pool: a\n', { BERTH_ALLOWED_REPOSITORIES: 'acme/ios, labs/*' });
    expect(config.intake).toEqual([
      { owner: 'acme', repo: 'ios' },
      { owner: 'labs', repo: null },
    ]);
  });

  it('is everybody where nothing is said', () => {
    expect(parse('pool: a\n').config.intake).toEqual([]);
  });
});

it('a rule for an owner covers one for a repository of it', () => {
  expect(
    problemsOf('pools:\n  - {pool: a, repositories: [acme/*]}\n  - {pool: b, repositories: [Acme/ios]}\n'),
  ).toEqual([
    '3:5: pools[1]: expected a rule that no earlier one is in the way of, found every job that it fits comes to pool a before',
  ]);
});
