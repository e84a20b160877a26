import { describe, expect, it } from 'vitest';
import { scopeAdmits } from '../../jobs/scope.js';
import type { Scope } from '../../jobs/scope.js';

const REPO: Scope = { kind: 'repo', owner: 'acme', repo: 'ios' };
const ORG: Scope = { kind: 'org', owner: 'acme' };
const ENTERPRISE: Scope = { kind: 'enterprise', enterprise: 'big' };

describe('a scope', () => {
  it.each<[Scope, string, string, boolean]>([
    [REPO, 'acme', 'ios', true],
    [REPO, 'Acme', 'iOS', true],
    [REPO, 'acme', 'android', false],
    [REPO, 'other', 'ios', false],
    [ORG, 'acme', 'ios', true],
    [ORG, 'ACME', 'anything', true],
    [ORG, 'other', 'ios', false],
    [ORG, 'acme2', 'ios', false],
    [ENTERPRISE, 'anyone', 'anything', true],
  ])('%j asked about %s/%s says %s', (scope, owner, repo, expected) => {
    expect(scopeAdmits(scope, owner, repo)).toBe(expected);
  });
});
