/** One job after the other on a fleet that has nothing else to do: how soon its VM is begun, and how soon it is ended. */

import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Measure } from '../measure.js';
import { ankaCalls, callFor, sentAt, stepAt, until, untilIdle, untilOver } from '../observe.js';

const JOBS = 25;

interface Latency {
  readonly toCloneMs: number;
  readonly toDeleteMs: number;
}

async function oneJob(stack: Stack): Promise<Latency> {
  const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 200 });
  await untilOver(stack, job, 'success');
  const deletion = await until('anka delete', async () => callFor(await ankaCalls(stack), job, 'delete'));
  const clone = callFor(await ankaCalls(stack), job, 'clone');
  if (clone === undefined) throw new Error(`no clone for job ${job.id}`);
  await untilIdle(stack);
  return {
    toCloneMs: clone.start - sentAt(stack, job, 'queued'),
    toDeleteMs: deletion.start - stepAt(stack, job, 'completed'),
  };
}

export const latencies: Measure = {
  name: 'latencies',
  run: (rig) =>
    rig.withStack({ hosts: [{ name: 'mini-1', anka: { templates: [XCODE] } }] }, async (stack) => {
      // The first job finds code that was never run: it warms up, and is not counted.
      await oneJob(stack);
      const all: Latency[] = [];
      while (all.length < JOBS) all.push(await oneJob(stack));
      return {
        rows: [
          {
            measure: 'webhook sent → `anka clone` starts, idle fleet, p50',
            anklet: '3.94 s (max 4.99)',
            unit: 'ms',
            judged: 'p50',
            goal: { direction: 'at most', must: 120, aim: 75 },
            samples: all.map(({ toCloneMs }) => toCloneMs),
          },
          {
            measure: 'job completed → `anka delete` starts, p50',
            anklet: '4.95 s',
            unit: 'ms',
            judged: 'p50',
            goal: { direction: 'at most', must: 150, aim: 50 },
            samples: all.map(({ toDeleteMs }) => toDeleteMs),
          },
        ],
      };
    }),
};
