/** Every row of DESIGN's pairing table, at every point of the life of each runner that the row is about. */

import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../placement/fleet.js';
import { waitingJobs } from '../../placement/fleet.js';
import { applyAsk, applyJobEnded, applyJobStarted, applyRunnerReport, expire } from '../../placement/pairing.js';
import { applyHostReport } from '../../placement/hosts-heard.js';
import { place } from '../../placement/place.js';
import { T0, ask, fleetOf, grant, inShort, jobIn, queue, report, runnerIn, said, slot } from './fixtures.js';
import { expectSoundBooks } from './model/checks.js';

const SLOTS = ['a', 'b', 'c', 'd'];
const HOST = report('mini-1', { slots: SLOTS.map((name) => slot(name)), vmLimit: 4 });
const VM_GONE = { type: 'VmGone', message: 'the VM is gone' } as const;
const STEP_MS = 8_000;

/** In the order in which they come; what the dispatcher has heard by then is all that it can go by. */
const POINTS = ['granted', 'holding', 'pulling', 'cloning', 'starting', 'registering', 'waiting'] as const;
type Point = (typeof POINTS)[number];

/** With each step the host reports, the job asks again, and the dispatcher looks for what nobody vouches for. */
function bring(fleet: Fleet, points: Readonly<Record<string, Point>>): void {
  POINTS.forEach((point, step) => {
    const now = T0 + step * STEP_MS;
    const made = Object.keys(points).filter((name) => step > 0 && points[name] !== 'granted');
    const heldSlots = Object.fromEntries(made.map((name) => [name, runnerIn(fleet, name).slot]));
    applyHostReport(fleet, { ...HOST, sequence: 1 + step, holds: made, heldSlots }, now);
    for (const { jobId, runner } of Object.values(fleet.jobs)) {
      const has = runner === null ? null : runnerIn(fleet, runner);
      const labels = labelsOf.get(jobId) ?? PLAIN;
      const again = ask(jobId, { labels, made: 1, runner: has && { name: has.name, host: has.host, slot: has.slot } });
      expect(applyAsk(fleet, again, now), point).toEqual([]);
    }
    expect(expire(fleet, now)).toEqual([]);
  });
}

const PLAIN = ['anka-template:mac-15'];
const BIG = ['anka-template:mac-15', 'big'];
const labelsOf = new Map<number, readonly string[]>();

/** Jobs 1..n with runners R1..Rn, each at its point. */
function lives(points: readonly Point[], ...labels: readonly (readonly string[])[]): Fleet {
  const fleet = fleetOf(HOST);
  labelsOf.clear();
  const names = points.map((_, index) => `R${index + 1}`);
  points.forEach((_, index) => {
    labelsOf.set(index + 1, labels[index] ?? PLAIN);
    queue(fleet, index + 1, { labels: labels[index] ?? PLAIN });
    grant(fleet, index + 1, `R${index + 1}`, ['mini-1', SLOTS[index] ?? 'a']);
  });
  bring(fleet, Object.fromEntries(points.map((point, index) => [names[index] ?? '', point])));
  expectSoundBooks(fleet);
  return fleet;
}

function happens(fleet: Fleet, ...what: readonly ((fleet: Fleet) => Parameters<typeof inShort>[0])[]): string[] {
  return what.flatMap((one) => {
    const effects = inShort(one(fleet));
    expectSoundBooks(fleet);
    return effects;
  });
}

const starts =
  (jobId: number, runner: string, foreign = false) =>
  (fleet: Fleet) =>
    applyJobStarted(fleet, { jobId, runner, foreign });
const ends =
  (jobId: number, runner: string | null = null) =>
  (fleet: Fleet) =>
    applyJobEnded(fleet, { jobId, runner });
const goes = (runner: string) => (fleet: Fleet) =>
  applyRunnerReport(fleet, said(runner, 'ending', { failure: VM_GONE }), T0 + 200_000);
const gone = (runner: string) => (fleet: Fleet) =>
  applyRunnerReport(fleet, said(runner, 'ended', { failure: VM_GONE }), T0 + 200_000);
const asksAgain = (jobId: number) => (fleet: Fleet) => applyAsk(fleet, ask(jobId, { made: 1 }), T0 + 200_000);

/** The taker's runner and the one that it takes, each at any point: what was told last may be long out of date. */
const PAIRS = POINTS.flatMap((taken) => POINTS.map((spare) => ({ taken, spare })));

describe('job B of the same key starts on the runner made for A', () => {
  it.each(PAIRS)('that is $taken as far as is known, while its own is $spare: A has B’s runner', ({ taken, spare }) => {
    const fleet = lives([taken, spare]);
    expect(happens(fleet, starts(2, 'R1'))).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
    expect(happens(fleet, starts(2, 'R1'), starts(1, 'R2'))).toEqual([]);
    expect(Object.values(fleet.runners).map(({ serves }) => serves)).toEqual([2, 1]);
  });

  it.each(POINTS)('that is %s, while its own goes: A waits at its place', (point) => {
    const fleet = lives([point, point]);
    happens(fleet, ends(2));
    queue(fleet, 2);
    expect(happens(fleet, starts(2, 'R1'))).toEqual(['job 1 taken R1 by job 2']);
    expect(waitingJobs(fleet)).toMatchObject([{ jobId: 1, position: T0 + 1 }]);
    expect(happens(fleet, gone('R2'))).toEqual([]);
  });

  it.each(POINTS)('that is %s and has said already that it goes: A, told so, has B’s runner when it asks', (point) => {
    const fleet = lives([point, 'waiting']);
    expect(happens(fleet, goes('R1'))).toEqual(['job 1 ended R1 of VmGone']);
    queue(fleet, 1, { made: 1 });
    expect(happens(fleet, starts(2, 'R1'))).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
    expect(happens(fleet, gone('R1'), starts(1, 'R2'))).toEqual([]);
  });
});

describe('a job of another key takes the runner made for A', () => {
  it.each(PAIRS)(
    'that is $taken, while its own is $spare: A waits at its place, the spare goes',
    ({ taken, spare }) => {
      const fleet = lives([taken, spare], BIG, PLAIN);
      expect(happens(fleet, starts(2, 'R1'))).toEqual(['job 1 taken R1 by job 2', 'runner R2 retire']);
      expect(waitingJobs(fleet)).toMatchObject([{ jobId: 1, position: T0 + 1, taken: 0 }]);
      expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([1]);
      expect(runnerIn(fleet, 'R1')).toMatchObject({ phase: 'serving', serves: 2 });
    },
  );
});

describe('a job that is not ours takes the runner made for A', () => {
  it.each(POINTS)('that is %s: it serves to the end, A is granted another at its place', (point) => {
    const fleet = lives([point]);
    expect(happens(fleet, starts(900, 'R1', true))).toEqual(['job 1 taken R1 by job 900']);
    expect(runnerIn(fleet, 'R1')).toMatchObject({ phase: 'serving', serves: 900 });
    expect(jobIn(fleet, 1)).toMatchObject({ taken: 1, position: T0 + 1 });
    expect(happens(fleet, starts(900, 'R1', true))).toEqual([]);
    expect(jobIn(fleet, 1).taken, 'counted once').toBe(1);
    expect(place(fleet).grants).toMatchObject([{ slot: { name: 'b' } }]);
  });
});

describe('a foreign runner takes our job', () => {
  it.each(POINTS)('whose own is %s: that one goes', (point) => {
    const fleet = lives([point]);
    expect(happens(fleet, starts(1, 'theirs'))).toEqual(['runner R1 retire']);
    expect(happens(fleet, starts(1, 'theirs'), ends(1, 'theirs'))).toEqual([]);
    expect(fleet.jobs).toEqual({});
  });

  it.each(POINTS)('whose own is %s, and another of its key waits: that one has it', (point) => {
    const fleet = lives([point]);
    queue(fleet, 2);
    expect(happens(fleet, starts(1, 'theirs'))).toEqual(['job 2 swapped R1', 'runner R1 meant-for 2']);
  });

  it('whose own goes already: nothing more happens', () => {
    const fleet = lives(['waiting']);
    happens(fleet, goes('R1'));
    expect(happens(fleet, starts(1, 'theirs'), gone('R1'))).toEqual([]);
    expect(fleet).toMatchObject({ jobs: {}, runners: {} });
  });
});

describe('a queued job is cancelled', () => {
  it.each(POINTS)('whose runner is %s: that one goes, and is gone when it says so', (point) => {
    const fleet = lives([point]);
    expect(happens(fleet, ends(1))).toEqual(['runner R1 retire']);
    expect(happens(fleet, ends(1), goes('R1'), gone('R1'))).toEqual([]);
    expect(fleet).toMatchObject({ jobs: {}, runners: {} });
  });

  it.each(POINTS)('whose runner is %s and is needed by a younger job of its key', (point) => {
    const fleet = lives([point]);
    queue(fleet, 3);
    queue(fleet, 2);
    expect(happens(fleet, ends(1))).toEqual(['job 2 swapped R1', 'runner R1 meant-for 2']);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([3]);
  });

  it('whose runner serves another, or itself: no runner is told anything', () => {
    const fleet = lives(['waiting', 'waiting']);
    happens(fleet, starts(2, 'R1'), starts(1, 'R2'));
    expect(happens(fleet, ends(1, 'R2'), ends(2, 'R1'), ends(1), ends(2))).toEqual([]);
    expect(Object.values(fleet.runners).map(({ phase }) => phase)).toEqual(['serving', 'serving']);
  });

  it('whose runner goes already: it is not told twice', () => {
    const fleet = lives(['cloning']);
    happens(fleet, goes('R1'));
    queue(fleet, 1, { made: 1 });
    expect(happens(fleet, ends(1), gone('R1'))).toEqual([]);
  });
});

describe('a surplus runner that was told to go', () => {
  it.each(POINTS)('when it was %s, but is at work: it stays, whatever is said in which order', (point) => {
    const stays = (fleet: Fleet) => applyRunnerReport(fleet, said('R1', 'serving'), T0 + 200_000);
    for (const order of [
      [stays, starts(2, 'R1')],
      [starts(2, 'R1'), stays],
    ]) {
      const fleet = lives([point, 'waiting']);
      expect(happens(fleet, ends(1))).toEqual(['runner R1 retire']);
      expect(happens(fleet, ...order)).toEqual(['runner R2 retire']);
      expect(runnerIn(fleet, 'R1')).toMatchObject({ phase: 'serving', serves: 2 });
    }
  });
});

describe('a runner is lost before a job started on it', () => {
  it.each(POINTS)('while %s: its job asks anew, at its place, and gets another', (point) => {
    const fleet = lives([point]);
    queue(fleet, 2, { labels: BIG });
    expect(happens(fleet, goes('R1'))).toEqual(['job 1 ended R1 of VmGone']);
    expect(happens(fleet, asksAgain(1), gone('R1'), gone('R1'))).toEqual([]);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([1, 2]);
  });

  it.each(POINTS)('while %s, and only its end is heard', (point) => {
    const fleet = lives([point]);
    expect(happens(fleet, gone('R1'), goes('R1'))).toEqual(['job 1 ended R1 of VmGone']);
    expect(fleet).toMatchObject({ jobs: {}, runners: {} });
  });

  it('after: its job is not told, for GitHub decides on it', () => {
    const fleet = lives(['waiting']);
    happens(fleet, starts(1, 'R1'));
    expect(happens(fleet, goes('R1'), gone('R1'))).toEqual([]);
    expect(fleet).toMatchObject({ jobs: {}, runners: {} });
  });
});
