/** Invariant 8: old histories replay on new code. Whoever breaks it learns of it here and not from an operator. */

import { beforeAll, describe, expect, it } from 'vitest';
import { carelessChange, guardedChange } from './changes.js';
import { readHistory, recordedHistories, workflowIdOf } from './histories.js';
import type { Recorded } from './histories.js';
import { failuresOf, replay } from './replay.js';
import type { NamedHistory } from './replay.js';
import { readable } from './scrub.js';
import { bundleWith, currentBundle } from './workflow-bundle.js';
import { installQuietRuntime } from './quiet-runtime.js';

const recorded = await recordedHistories();
const labels = [...new Set(recorded.map(({ label }) => label))];

const read = (histories: readonly Recorded[]): Promise<NamedHistory[]> =>
  Promise.all(
    histories.map(async ({ file }) => {
      const history = await readHistory(file);
      return { name: file, workflowId: workflowIdOf(history), history };
    }),
  );

beforeAll(() => installQuietRuntime());

describe('the workflows of today', () => {
  let answers: ReadonlyMap<string, string | null>;
  beforeAll(async () => {
    answers = await replay(await currentBundle(), await read(recorded));
  }, 120_000);

  it.each(recorded)('replay $label/$name', ({ file }) => {
    expect(answers.get(file)).toBeNull();
  });
});

describe('the recorded histories', () => {
  it.each(labels)('of %s show every way a job can go', (label) => {
    const names = recorded.filter((one) => one.label === label).map(({ name }) => name);
    for (const name of EXPECTED) expect(names).toContain(name);
  });

  it.each(labels)('of %s hold no secret', async (label) => {
    for (const { file } of recorded.filter((one) => one.label === label)) {
      expect(readable(await readHistory(file))).not.toMatch(/ghp_|ghs_|github_pat_|PRIVATE KEY|"encoded_jit_config"/);
    }
  });
});

/** What each set must have, whatever else it has. */
const EXPECTED = [
  'good.job',
  'good.runner',
  'cancelled-waiting.job',
  'cancelled-running.job',
  'cancelled-running.runner',
  'swapped-a.job',
  'swapped-a.runner',
  'swapped-b.job',
  'swapped-b.runner',
  'host-lost.job',
  'host-lost.runner',
  'no-pick-up.job',
  'no-pick-up.runner',
  'step-failed.job',
  'step-failed.runner',
  'foreign-runner.job',
  'unrunnable.job',
  'adopted.runner',
  'dispatcher-first',
  'dispatcher-carried-over',
  'host-ios',
];

describe('the gate', () => {
  const good = recorded.filter(({ name }) => /^good\.|^dispatcher-first$|^host-ios$/.test(name));
  const runners = good.filter(({ name }) => name === 'good.runner');

  it('lets a change pass that leaves old runs alone', async () => {
    expect(good.length).toBeGreaterThan(3);
    expect(failuresOf(await replay(await bundleWith(guardedChange), await read(good)))).toEqual([]);
  }, 60_000);

  it('stops the same change without its guard', async () => {
    const failures = failuresOf(await replay(await bundleWith(carelessChange), await read(runners)));
    expect(failures).toHaveLength(runners.length);
    for (const failure of failures) expect(failure).toMatch(/nondeterminism/i);
  }, 60_000);
});
