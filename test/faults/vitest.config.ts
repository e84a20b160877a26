import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The fault suite: one file after the other, because what they strike are time limits. */
export default defineConfig({
  root: join(import.meta.dirname, '..', '..'),
  test: {
    name: 'faults',
    include: ['test/faults/**/*.fault.ts'],
    globalSetup: ['test/e2e/global-setup.ts'],
    reporters: ['verbose', './test/faults/table-reporter.ts'],
    // What a cell waits for has its own limits: this is for one that waits for nothing.
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
