import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOB_ACTIONS, rankOf } from '../../jobs/event.js';
import type { JobAction } from '../../jobs/event.js';

/** How a job's record is kept: an action is news only if it ranks higher than all before it. */
const stateAfter = (actions: readonly JobAction[]): number =>
  actions.reduce((rank, action) => Math.max(rank, rankOf(action)), 0);

describe('the rank of an event', () => {
  it.each<[JobAction, JobAction]>([
    ['queued', 'in_progress'],
    ['waiting', 'in_progress'],
    ['in_progress', 'completed'],
    ['queued', 'completed'],
    ['waiting', 'completed'],
  ])('puts %s before %s', (earlier, later) => {
    expect(rankOf(earlier)).toBeLessThan(rankOf(later));
  });

  it('takes waiting and queued for equal, because an environment gate sends them in either order', () => {
    expect(rankOf('waiting')).toBe(rankOf('queued'));
  });

  it('gives every action that GitHub sends a rank above "nothing heard"', () => {
    expect(JOB_ACTIONS.map(rankOf).every((rank) => rank > 0)).toBe(true);
  });

  it('ends in the same state for every order and repetition of the same events', () => {
    const actions = fc.array(fc.constantFrom(...JOB_ACTIONS), { minLength: 1, maxLength: 8 });
    const shuffled = actions.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 })),
    );
    fc.assert(
      fc.property(shuffled, ([list, mixed]) => {
        expect(stateAfter(mixed)).toBe(stateAfter(list));
      }),
    );
  });
});
