#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(fileURLToPath(main))) {
  await (await import(main.href)).main();
} else {
  console.error('berth is not built: run `npm run build`');
  process.exitCode = 1;
}
