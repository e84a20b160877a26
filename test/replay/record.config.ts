import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** `npm run record-histories`: not a test, but it drives the same stack as the process tests do. */
export default defineConfig({
  root: join(import.meta.dirname, '..', '..'),
  test: {
    include: ['test/replay/record.ts'],
    globalSetup: ['test/replay/record-setup.ts'],
    testTimeout: 400_000,
    hookTimeout: 60_000,
  },
});
