/**
 * From a job's cancellation on GitHub until its slot is of use again: the next job's `anka clone` starts there. One host
 * with one slot; each job that is cancelled has the next one waiting behind it.
 */

import type { SimJob } from '../../simulators/github/types.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { AnkaDelays } from '../../simulators/anka/host.js';
import type { Measure, Rig } from '../measure.js';
import { ankaCalls, callFor, stepAt, until, untilIdle } from '../observe.js';
import type { Row } from '../row.js';

const TIMES = 7;

/** Of a job that is to be cancelled: it would not end by itself meanwhile. */
const LONG_MS = 300_000;

/** Long enough to be cancelled in. */
const SLOW_START_MS = 4_000;

type Reached = (stack: Stack, job: SimJob) => Promise<unknown>;

const runs: Reached = (stack, job) =>
  stack.github.waitFor(({ jobs }) => jobs.some(({ id, status }) => id === job.id && status === 'in_progress'), 60_000);

const starts: Reached = (stack, job) => until('anka start', async () => callFor(await ankaCalls(stack), job, 'start'));

async function slotsFreed(stack: Stack, reached: Reached): Promise<readonly number[]> {
  const samples: number[] = [];
  let queued = 0;
  // Labels of its own for each: with equal ones the next job takes over the VM that starts, and no slot changes hands.
  const queue = (): SimJob => {
    queued += 1;
    const labels = labelsFor(XCODE, `job-${queued}`);
    return stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: LONG_MS });
  };
  let job = queue();
  while (samples.length < TIMES) {
    await reached(stack, job);
    const next = queue();
    await waitsInTemporal(stack, next);
    stack.github.cancelJob(job.id);
    const clone = await until('the next clone', async () => callFor(await ankaCalls(stack), next, 'clone'));
    samples.push(clone.start - stepAt(stack, job, 'cancel-requested'));
    job = next;
  }
  stack.github.cancelJob(job.id);
  await untilIdle(stack);
  return samples;
}

/** Until the dispatcher knows of the job: what is measured is the slot, not the next job's way to it. */
async function waitsInTemporal(stack: Stack, job: SimJob): Promise<void> {
  const fleet = stack.client.workflow.getHandle('dispatcher/default');
  const isKnown = async (): Promise<boolean> => {
    const { waiting } = await fleet.query<{ readonly waiting: readonly { readonly jobId: number }[] }>('fleet');
    return waiting.some(({ jobId }) => jobId === job.id);
  };
  await until('the next job waits', isKnown);
}

const withOneSlot = (rig: Rig, delays: AnkaDelays, reached: Reached): Promise<readonly number[]> =>
  rig.withStack({ hosts: [{ name: 'mini-1', slots: 1, anka: { templates: [XCODE], delays } }] }, (stack) =>
    slotsFreed(stack, reached),
  );

const row = (measure: string, anklet: string, samples: readonly number[]): Row => ({
  measure,
  anklet,
  unit: 's',
  judged: 'p50',
  goal: { direction: 'at most', must: 1.5, aim: 0.5 },
  samples: samples.map((ms) => ms / 1_000),
});

export const cancel: Measure = {
  name: 'cancel',
  run: async (rig) => ({
    rows: [
      row('cancel of a running job → slot free (next clone starts), p50', '3.84 s', await withOneSlot(rig, {}, runs)),
      row(
        'cancel while the VM starts → slot free (next clone starts), p50',
        '4.05 s',
        await withOneSlot(rig, { start: SLOW_START_MS }, starts),
      ),
    ],
  }),
};
