import { defineConfig } from 'vitest/config';

/** Which process tests need what; of all others, quick ones too, three files run at a time: they wait more than they work. */
const e2e = (...names: readonly string[]): string[] => names.map((name) => `test/e2e/${name}.test.ts`);

/** Many processes at once, struck at exact moments: after all others. */
const ALONE = e2e('cancellation', 'restarts', 'terminations', 'temporal-restarts', 'anka-faults');

/** Minutes each, by the number of their jobs: `npm run test:long`, and CI. */
const LARGE = e2e('deploy', 'fleet-pairing', 'load');

/** Minutes each, most of them spent waiting for limits, graces and sweeps: among the large ones. */
const LONG = [
  ...LARGE,
  ...e2e('limits', 'missed-jobs', 'sweeps', 'sweeps-by-themselves', 'sweeps-often', 'losses', 'pull', 'host-gone'),
];

/** One at a time: they measure. */
const MEASURED = e2e('fleet-load', 'pile-up');

const processes = { globalSetup: ['test/e2e/global-setup.ts'], testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          globalSetup: ['test/temporal-cli.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...ALONE, ...LONG, ...MEASURED],
          ...processes,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { name: 'alone', include: ALONE, ...processes, maxWorkers: 2, sequence: { groupOrder: 2 } } },
      { test: { name: 'long', include: LONG, ...processes, maxWorkers: 3, sequence: { groupOrder: 3 } } },
      {
        test: { name: 'measured', include: MEASURED, ...processes, maxWorkers: 1, sequence: { groupOrder: 4 } },
      },
    ],
  },
});
