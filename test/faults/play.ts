/** Plays the cells of a row, one after the other: each has its own job, its own verdict, and a clean ground. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { SimJob } from '../../simulators/github/types.js';
import { lastWords, resultOf, statusOf, until, untilConclusion } from '../e2e/support.js';
import type { JobResult } from '../../workflows/github-job.js';
import type { Cell, Ground, Row } from './cell.js';
import type { CellName } from './columns.js';
import { createGrounds } from './ground.js';
import { expectInvariants } from './invariants.js';
import { calm, queue, stage } from './steps.js';

declare module 'vitest' {
  interface TaskMeta {
    cell?: CellName;
  }
}

/** How long a job may take to its end after the blow: all the time limits that it may run into, on a loaded machine. */
const ENDS_WITHIN_MS = 300_000;

/** Of a wait for a workflow's result, so that one that never ends is told of. */
const RESULT_ASKED_MS = 10_000;

/** Set by `npm run test:faults -- --reduced`. */
export const isReduced = process.env['BERTH_FAULTS'] === 'reduced';

const cellsOf = (row: Row): readonly Cell[] =>
  isReduced ? row.cells.filter((cell) => cell.isReduced === true) : row.cells;

/** Declares the tests of a row. */
export function playRow(row: Row): void {
  const cells = cellsOf(row);
  describe.skipIf(cells.length === 0)(`${row.process}:`, () => {
    const grounds = createGrounds(row);
    afterAll(grounds.close);
    for (const cell of cells) {
      const { step, kind, blow } = cell;
      it(`${step}: ${kind}: ${blow}`, async ({ task }) => {
        task.meta.cell = { process: row.process, step, kind, blow };
        const ground = await grounds.take();
        try {
          await play(ground, cell);
        } catch (err) {
          grounds.spoil();
          throw new Error(`${(err as Error).message}\n${await account(ground)}`, { cause: err });
        }
      });
    }
  });
}

async function play(ground: Ground, cell: Cell): Promise<void> {
  await cell.before?.(ground);
  const { scene, arrive, isStruck } = await stage(ground, cell.step, cell.job ?? {});
  await (cell.arrive?.(scene) ?? arrive());
  if (cell.vmDies === true) ground.bereft.add(scene.job.id);
  await cell.strike(scene);
  if (!isStruck()) throw new Error('no blow has landed');
  await calm(scene);
  await expectEnded(scene, scene.job, cell.ends ?? 'success');
  if (scene.blocker !== null) await expectEnded(scene, scene.blocker, 'success');
  // The slot is free, and what it is free for runs.
  await expectEnded(scene, queue(scene), 'success');
  await expectInvariants(ground);
}

/** 4: served exactly once, or ended on purpose; on GitHub as in Berth. */
async function expectEnded(ground: Ground, job: SimJob, conclusion: string): Promise<void> {
  const { stack } = ground;
  await untilConclusion(stack, job, conclusion, ENDS_WITHIN_MS);
  const late = (): Promise<undefined> => delay(RESULT_ASKED_MS, undefined, { ref: false });
  const ask = (): Promise<JobResult | undefined> => Promise.race([resultOf(stack, job).catch(() => undefined), late()]);
  const result = await until('its workflow ends', ask, ENDS_WITHIN_MS);
  // Nothing but the loss of its VM lets a job of this suite fail.
  expect(result).toMatchObject({ outcome: conclusion === 'failure' ? 'infra_lost' : conclusion });
  const begun = stack.github.history().filter(({ jobId, step }) => jobId === job.id && step === 'in_progress');
  expect(begun, 'how often it began').toHaveLength(conclusion === 'cancelled' ? 0 : 1);
}

/** For a cell that failed: how far each job came, and what every process said last. */
async function account(ground: Ground): Promise<string> {
  const { stack, dead } = ground;
  const jobs = stack.github.snapshot().jobs.slice(-3);
  const pages = await Promise.all(
    jobs.map(async (job) => {
      const page = await statusOf(stack, job).catch((err: unknown) => String(err));
      return `job ${job.id} (${job.conclusion ?? job.status}): ${JSON.stringify(page)}`;
    }),
  );
  const runners = stack.github.snapshot().runners.map(({ name }) => name);
  const words = dead.slice(-1).map(({ name, output }) => `── ${name}, dead\n${output.slice(-8).join('\n')}`);
  return [...pages, `runners: ${runners.join(', ')}`, lastWords(stack), ...words].join('\n');
}
