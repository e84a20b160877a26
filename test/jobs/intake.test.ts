import { describe, expect, it } from 'vitest';
import { EVERYBODY, takesJobsOf } from '../../jobs/intake.js';
import type { Intake } from '../../jobs/intake.js';
import { those } from './fixtures.js';

const OWNER = [those('Acme/*')];
const REPOSITORY = [those('acme/ios')];
const BOTH = [those('tools/*'), those('acme/ios')];

describe('whose jobs are taken', () => {
  it.each<[string, Intake, string, string, boolean]>([
    ['everybody', EVERYBODY, 'anyone', 'anything', true],
    ["an owner's, in any case of letters", OWNER, 'aCME', 'web', true],
    ['no other owner’s', OWNER, 'acme-fork', 'ios', false],
    ["a repository's, in any case of letters", REPOSITORY, 'Acme', 'iOS', true],
    ["not the owner's other repositories", REPOSITORY, 'acme', 'ios-2', false],
    ['of an owner and a repository: the owner', BOTH, 'tools', 'any', true],
    ['of an owner and a repository: the repository', BOTH, 'acme', 'ios', true],
    ['of an owner and a repository: nothing else', BOTH, 'acme', 'web', false],
  ])('%s', (_what, intake, owner, repo, taken) => {
    expect(takesJobsOf(intake, owner, repo)).toBe(taken);
  });
});
