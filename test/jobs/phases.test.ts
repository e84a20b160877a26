import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, changedLimits, limitsOf } from '../../jobs/phases.js';

describe('the limits of phases', () => {
  it('are said by a host only where they differ from what all know', () => {
    expect(changedLimits(DEFAULT_LIMITS)).toBeUndefined();
    expect(changedLimits({ ...DEFAULT_LIMITS, pullMs: 1_000, hostReturnMs: 2_000 })).toEqual({
      pullMs: 1_000,
      hostReturnMs: 2_000,
    });
  });

  it('are whole again where a slot is used, also one of an agent that says none', () => {
    expect(limitsOf({})).toEqual(DEFAULT_LIMITS);
    expect(limitsOf({ limits: { guestMs: 5_000 } })).toEqual({ ...DEFAULT_LIMITS, guestMs: 5_000 });
  });
});
