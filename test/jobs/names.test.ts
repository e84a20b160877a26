import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_RUNNER_NAME,
  dispatcherWorkflowId,
  hostQueue,
  hostWorkflowId,
  isOurRunner,
  jobWorkflowId,
  runnerName,
  runnerWorkflowId,
  scopeText,
} from '../../jobs/names.js';

describe('the ids that processes agree on', () => {
  it.each([
    [jobWorkflowId('github.com', 42), 'job/github.com/42'],
    [runnerWorkflowId('berth-42-1-0af3'), 'runner/berth-42-1-0af3'],
    [dispatcherWorkflowId('default'), 'dispatcher/default'],
    [hostWorkflowId('mini-1'), 'host/mini-1'],
    [hostQueue('mini-1'), 'host/mini-1'],
  ])('%s stays what live workflows are called', (id, expected) => {
    expect(id).toBe(expected);
  });
});

/** As the config allows: up to 20 characters. */
const prefix = fc.stringMatching(/^[a-z][a-z0-9-]{0,19}$/);
const jobId = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const attempt = fc.integer({ min: 1, max: 9_999 });
const hex = fc.stringMatching(/^[0-9a-f]{4}$/);

describe('the name of a runner', () => {
  it('is never longer than GitHub allows and is recognised by its own installation', () => {
    fc.assert(
      fc.property(prefix, jobId, attempt, hex, (ours, id, made, tail) => {
        const name = runnerName(ours, id, made, tail);
        expect(name.length).toBeLessThanOrEqual(MAX_RUNNER_NAME);
        expect(isOurRunner(ours, name)).toBe(true);
      }),
    );
  });

  it('is recognised by no installation with another prefix, not even one that begins alike', () => {
    fc.assert(
      fc.property(prefix, prefix, jobId, attempt, hex, (ours, theirs, id, made, tail) => {
        fc.pre(ours !== theirs);
        expect(isOurRunner(theirs, runnerName(ours, id, made, tail))).toBe(false);
      }),
    );
    expect(isOurRunner('berth', runnerName('berth-2', 7, 1, '00ff'))).toBe(false);
    expect(isOurRunner('berth-2', runnerName('berth', 2, 1, '00ff'))).toBe(false);
  });

  it.each([
    ['another machine', 'build-mac-3'],
    ['the prefix alone', 'berth'],
    ['the prefix and a dash', 'berth-'],
    ['no job id', 'berth-x-1-00ff'],
    ['too few hex digits', 'berth-1-1-0ff'],
    ['too many hex digits', 'berth-1-1-00ff0'],
    ['capital hex digits', 'berth-1-1-00FF'],
    ['more behind it', 'berth-1-1-00ff-old'],
    ['a newline behind it', 'berth-1-1-00ff\n'],
    ['something before it', 'my-berth-1-1-00ff'],
    ['nothing', ''],
  ])('is not taken for ours: %s', (_, name) => {
    expect(isOurRunner('berth', name)).toBe(false);
  });
});

describe('a scope in words', () => {
  it.each([
    [{ kind: 'repo', owner: 'acme', repo: 'ios' } as const, 'acme/ios'],
    [{ kind: 'org', owner: 'acme' } as const, 'acme'],
    [{ kind: 'enterprise', enterprise: 'big' } as const, 'enterprises/big'],
  ])('reads as people write it', (scope, expected) => {
    expect(scopeText(scope)).toBe(expected);
  });
});
