/** What a call of the pretend `anka` costs by itself: a process that starts, looks, and ends. No row; stated apart. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAnkaHost } from '../../simulators/anka/host.js';
import { XCODE } from '../../simulators/stack/templates.js';
import type { Measure } from '../measure.js';

const exec = promisify(execFile);

const CALLS = 30;

export const bareCalls: Measure = {
  name: 'bare-calls',
  run: async () => {
    const dir = await mkdtemp(join(tmpdir(), 'berth-bench-'));
    const anka = await createAnkaHost({ dir, templates: [XCODE] });
    try {
      const simulators = [];
      for (const operation of ['version', 'list']) {
        const samplesMs: number[] = [];
        for (let call = 0; call < CALLS; call += 1) {
          const startedAt = performance.now();
          await exec(join(anka.bin, 'anka'), ['-j', operation], { env: { ...process.env, ...anka.env() } });
          samplesMs.push(performance.now() - startedAt);
        }
        const what = `\`anka ${operation}\`, from spawn to exit, as its caller sees it`;
        simulators.push({ what, when: 'by itself', samplesMs });
      }
      return { rows: [], simulators };
    } finally {
      await anka.destroy();
      await rm(dir, { recursive: true, force: true });
    }
  },
};
