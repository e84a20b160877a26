import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  expectEveryJobCaredFor,
  expectNoSlotTwice,
  expectNoSurplus,
  expectNothingLeft,
  expectOwnPlaces,
  expectPlacesKept,
  expectServingKnown,
  expectSoundBooks,
} from './model/checks.js';
import type { Places } from './model/checks.js';
import { comeToRest, giveUpIdleRunners, happen, playToTheEnd } from './model/schedule.js';
import { createWorld } from './model/world.js';
import type { World } from './model/world.js';
import { MAX_TAKEN } from '../../placement/pairing.js';

/** Another seed, and more runs, for a search that takes longer than a test should: `MODEL_SEED=1 MODEL_RUNS=20000`. */
const SEED = Number(process.env['MODEL_SEED'] ?? 4_711);
const RUNS = Number(process.env['MODEL_RUNS'] ?? 150);
const TIMEOUT_MS = 60_000 + RUNS * 200;

/** Each number is one thing that happens; fewer numbers are a simpler story, so what fails is cut down to its core. */
const stories = fc.array(fc.nat(0xffffff), { minLength: 20, maxLength: 320, size: 'max' });

/** Jobs that foreign ones robbed too often wait for a person by design; here the person cancels them. */
function cancelTheRobbed(world: World): void {
  const { jobs } = world.dispatcher.fleet();
  for (const { jobId, taken, runner } of Object.values(jobs)) {
    const job = world.jobs.get(jobId);
    if (taken > MAX_TAKEN && runner === null && job?.state === 'queued') world.complete(job);
  }
}

describe('the dispatcher in a world where everything may come late, twice, in another order, or fail', () => {
  it(
    'leaves no job without a runner or a reason, no runner without a job, no slot used twice, and nothing at the end',
    () => {
      fc.assert(
        fc.property(stories, (story) => {
          const world = createWorld();
          const places: Places = new Map();
          for (const seed of story) {
            happen(world, seed);
            expectSoundBooks(world.dispatcher.fleet());
            expectNoSlotTwice(world);
            expectOwnPlaces(world, places);
          }
          comeToRest(world);
          expectSoundBooks(world.dispatcher.fleet());
          expectEveryJobCaredFor(world);
          expectPlacesKept(world, places);
          expectServingKnown(world);
          expectNoSurplus(world);
          cancelTheRobbed(world);
          playToTheEnd(world);
          expectNothingLeft(world);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'serves every job to its end even if it forgets everything now and then',
    () => {
      fc.assert(
        fc.property(stories, (story) => {
          const world = createWorld();
          for (const seed of story) {
            if (seed % 41 === 0) world.dispatcher.forget();
            happen(world, seed);
            expectSoundBooks(world.dispatcher.fleet());
          }
          comeToRest(world);
          expectSoundBooks(world.dispatcher.fleet());
          expectEveryJobCaredFor(world);
          cancelTheRobbed(world);
          playToTheEnd(world);
          // Runners that it forgot while no job spoke of them go when GitHub gives them nothing.
          giveUpIdleRunners(world);
          comeToRest(world);
          expectNothingLeft(world);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});
