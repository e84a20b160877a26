import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planDelivery } from '../../simulators/github/nasty.js';
import type { NastyOptions } from '../../simulators/github/nasty.js';

const key = (jobId: number, action = 'queued') => ({ hookId: 1, jobId, action, nth: 0 });
const plans = (nasty: NastyOptions) => Array.from({ length: 400 }, (_, jobId) => planDelivery(nasty, key(jobId)));

const nasty: NastyOptions = {
  seed: 5,
  late: { min: 10, max: 50 },
  repeat: { probability: 0.3, times: 3 },
  reorder: { probability: 0.2, holdMs: 70 },
  lose: { probability: 0.25 },
};

describe('what goes wrong with a delivery', () => {
  it('is the same for the same seed and another for another', () => {
    expect(plans(nasty)).toEqual(plans(nasty));
    expect(plans({ ...nasty, seed: 6 })).not.toEqual(plans(nasty));
  });

  it('is nothing at all without options', () => {
    expect(planDelivery({}, key(1))).toEqual({ lost: false, logged: true, delaysMs: [0], holdMs: 0 });
  });

  it('comes about as often as its probability says', () => {
    const share = (is: (plan: ReturnType<typeof planDelivery>) => boolean) => plans(nasty).filter(is).length / 400;
    expect(share(({ lost }) => lost)).toBeCloseTo(0.25, 1);
    expect(share(({ delaysMs }) => delaysMs.length === 3)).toBeCloseTo(0.3, 1);
    expect(share(({ holdMs }) => holdMs === 70)).toBeCloseTo(0.2, 1);
  });

  it('keeps every delay within its bounds', () => {
    const bounds = fc.tuple(fc.nat(1_000), fc.nat(1_000)).map(([min, more]) => ({ min, max: min + more }));
    const property = fc.property(fc.integer(), fc.nat(), bounds, (seed, jobId, late) => {
      const { delaysMs } = planDelivery({ seed, late, repeat: { probability: 1, times: 4 } }, key(jobId));
      expect(delaysMs).toHaveLength(4);
      expect(delaysMs.every((ms) => ms >= late.min && ms <= late.max)).toBe(true);
    });
    fc.assert(property);
  });

  it('changes nothing else when one option changes', () => {
    const lostWith = (options: NastyOptions) => plans(options).map(({ lost }) => lost);
    expect(lostWith({ ...nasty, repeat: { probability: 0 }, late: { max: 0 } })).toEqual(lostWith(nasty));
  });
});
