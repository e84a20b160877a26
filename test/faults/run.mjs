/**
 * `npm run test:faults [-- --reduced] [--write] [options of vitest]`: plays the fault suite and prints its table.
 * `--reduced` plays a part of it in three minutes; `--write` puts the table into docs/reliability.md;
 * of cells that were not played this time it keeps what it said.
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const given = process.argv.slice(2);
const ours = ['--reduced', '--write'];
const others = given.filter((word) => !ours.includes(word));
const env = { ...process.env };
if (given.includes('--reduced')) env.BERTH_FAULTS = 'reduced';
if (given.includes('--write')) env.BERTH_FAULTS_WRITE = '1';
// Reporters of the command line replace those of the config.
const reporter = others.some((word) => word.startsWith('--reporter'))
  ? ['--reporter=./test/faults/table-reporter.ts']
  : [];
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const args = [vitest, 'run', '--config', 'test/faults/vitest.config.ts', ...reporter, ...others];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env });
process.exitCode = status ?? 1;
