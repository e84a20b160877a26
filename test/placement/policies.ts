import fc from 'fast-check';
import type { Policy } from '../../jobs/policy.js';

const repositories = fc.record({
  owner: fc.constantFrom('acme', 'globex'),
  repo: fc.constantFrom('ios', 'web', 'matrix', null),
});

/** Any policy, also such as no config can have. */
export const policies: fc.Arbitrary<Policy> = fc.record({
  order: fc.constantFrom('fifo' as const, 'fair' as const),
  hosts: fc.constantFrom('spread' as const, 'pack' as const),
  priorities: fc.array(
    fc.record({
      of: fc.oneof(repositories, fc.constant(null)),
      label: fc.constantFrom(null, null, 'urgent', ''),
      priority: fc.constantFrom(-5, 0, 1, 1_000, NaN, -Infinity),
    }),
    { maxLength: 3 },
  ),
  weights: fc.array(fc.record({ of: repositories, weight: fc.constantFrom(-1, 0, 0.5, 1, 3, 1_000, NaN) }), {
    maxLength: 3,
  }),
});
