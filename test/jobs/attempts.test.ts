import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_TROUBLE, nextMove } from '../../jobs/attempts.js';
import type { NextMove, Trouble } from '../../jobs/attempts.js';
import { FAILURES, remedyFor } from '../../jobs/failures.js';
import { REMEDIES } from '../../jobs/remedies.js';
import type { FailureType } from '../../jobs/failures.js';

const LONGEST_PAUSE_MS = 5 * 60_000;
const types = Object.keys(FAILURES) as FailureType[];

/** The moves after the same failure `times` times, for as long as the job goes on. */
function movesAfter(failure: FailureType | null, times: number, retryAttempts = 100): NextMove[] {
  const moves: NextMove[] = [];
  let trouble: Trouble = NO_TROUBLE;
  while (moves.length < times) {
    const move = nextMove(trouble, failure, retryAttempts);
    moves.push(move);
    if (move.kind === 'give-up') break;
    trouble = move.trouble;
  }
  return moves;
}

const pausesAfter = (failure: FailureType | null, times: number): number[] =>
  movesAfter(failure, times).flatMap((move) => (move.kind === 'again' ? [move.pauseMs / 1000] : []));

describe('what a job does after its runner failed', () => {
  it.each<[FailureType | null, string, Partial<Extract<NextMove, { kind: 'again' }>>]>([
    ['CommandFailed', 'uses up an attempt', { trouble: { used: 1, free: 0 }, pauseMs: 0, avoidHost: true }],
    ['TemplatePullFailed', 'uses up an attempt', { trouble: { used: 1, free: 0 }, pauseMs: 0, avoidHost: true }],
    ['RunnerExited', 'uses up an attempt', { trouble: { used: 1, free: 0 }, pauseMs: 0, avoidHost: true }],
    ['SlotRefused', 'is free', { trouble: { used: 0, free: 1 }, pauseMs: 0, avoidHost: true }],
    ['HostLost', 'is free', { trouble: { used: 0, free: 1 }, pauseMs: 0, avoidHost: true }],
    ['SealStale', 'is free', { trouble: { used: 0, free: 1 }, pauseMs: 0, avoidHost: true }],
    ['NotPickedUp', 'is free and blames no host', { trouble: { used: 0, free: 1 }, pauseMs: 0, avoidHost: false }],
    [
      'GitHubRateLimited',
      'is free and blames no host',
      { trouble: { used: 0, free: 1 }, pauseMs: 0, avoidHost: false },
    ],
    [null, 'is free and blames no host', { trouble: { used: 0, free: 1 }, pauseMs: 0, avoidHost: false }],
  ])('after %s the next try %s', (failure, _, expected) => {
    expect(nextMove(NO_TROUBLE, failure, 5)).toEqual({ kind: 'again', ...expected });
  });

  it.each(types)('after %s it uses up an attempt exactly if the table of remedies says so', (type) => {
    const remedy = remedyFor(type);
    const { trouble } = nextMove(NO_TROUBLE, type, 5);
    expect(trouble.used === 1).toBe(REMEDIES[remedy].attempt || remedy === 'job-lost');
  });

  it.each<FailureType>(['TemplateNotFound', 'BadJob', 'AttemptsUsedUp', 'WaitedTooLong'])(
    'after %s it gives up, saying that',
    (type) => {
      expect(nextMove(NO_TROUBLE, type, 5)).toEqual({ kind: 'give-up', trouble: NO_TROUBLE, type });
    },
  );

  it('waits longer after each failed VM, the first time not at all, and never more than five minutes', () => {
    expect(pausesAfter('CommandFailed', 11)).toEqual([0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  it('lets three busy or lost hosts pass without a pause before it waits longer', () => {
    expect(pausesAfter('SlotRefused', 13)).toEqual([0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(pausesAfter(null, 5)).toEqual([0, 0, 0, 2, 4]);
  });

  it('waits longest for what a new VM would not mend', () => {
    expect(pausesAfter('NotPickedUp', 9)).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it.each([
    [1, 1],
    [2, 2],
    [5, 5],
    [0, 1],
  ])('with %i attempts allowed it gives up at failure number %i', (allowed, at) => {
    const moves = movesAfter('CommandFailed', 20, allowed);
    expect(moves).toHaveLength(at);
    expect(moves.at(-1)).toEqual({ kind: 'give-up', trouble: { used: at, free: 0 }, type: 'AttemptsUsedUp' });
  });

  it('never gives up for what is not the job’s fault', () => {
    expect(movesAfter('HostLost', 500, 1).every((move) => move.kind === 'again')).toBe(true);
    expect(movesAfter('NotPickedUp', 500, 1).every((move) => move.kind === 'again')).toBe(true);
  });

  it('counts both kinds of trouble apart, in any mixture', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...types, null), { maxLength: 60 }), (failures) => {
        let trouble: Trouble = NO_TROUBLE;
        for (const failure of failures) {
          const move = nextMove(trouble, failure, 10);
          if (move.kind === 'give-up') {
            const endsIt = failure !== null && ['end-job', 'let-go'].includes(remedyFor(failure));
            expect(endsIt || move.trouble.used === 10).toBe(true);
            return;
          }
          expect(move.trouble.used + move.trouble.free).toBe(trouble.used + trouble.free + 1);
          expect(move.pauseMs).toBeGreaterThanOrEqual(0);
          expect(move.pauseMs).toBeLessThanOrEqual(LONGEST_PAUSE_MS);
          trouble = move.trouble;
        }
      }),
    );
  });
});
