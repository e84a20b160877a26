/** What must hold in the dispatcher's books at any moment, and in the whole world when nothing is under way. */

import { expect } from 'vitest';
import { scopeAdmits } from '../../../jobs/scope.js';
import { freeSlots, roomOn } from '../../../placement/fleet.js';
import type { Fleet, FleetRunner } from '../../../placement/fleet.js';
import { MAX_TAKEN } from '../../../placement/pairing.js';
import type { Job, Runner } from './actors.js';
import type { World } from './world.js';

/** These run after each of a hundred thousand steps: `expect` would take most of the time. */
function must(isSo: boolean, what: () => string): void {
  if (!isSo) throw new Error(what());
}

/**
 * No runner is meant for two jobs, no job has two, every runner that is coming is meant for one that waits: so a key
 * has as many coming runners as it has jobs that were granted one. No job is served twice.
 */
export function expectSoundBooks(fleet: Fleet): void {
  for (const job of Object.values(fleet.jobs)) {
    if (job.runner === null) continue;
    const meantFor = fleet.runners[job.runner]?.meantFor;
    must(meantFor === job.jobId, () => `job ${job.jobId} has ${job.runner}, which is meant for ${meantFor}`);
  }
  const served = new Set<number>();
  for (const runner of Object.values(fleet.runners)) {
    const { name, meantFor, serves, phase } = runner;
    const mutual = meantFor === null || fleet.jobs[String(meantFor)]?.runner === name;
    must(mutual, () => `${name} is meant for ${meantFor}, which has another or does not wait`);
    must(!isComing(runner) || meantFor !== null, () => `${name} is coming for nobody`);
    must(phase !== 'serving' || meantFor === null, () => `${name} works and is meant for ${meantFor}`);
    if (serves === null) continue;
    must(!served.has(serves), () => `two runners serve job ${serves}`);
    must(fleet.jobs[String(serves)] === undefined, () => `job ${serves} waits and is served`);
    served.add(serves);
  }
}

/** The best place and the highest count of thefts that a job has had, by job. */
export type Places = Map<number, { readonly position: number; readonly taken: number }>;

/** Waiting jobs stand where they were created, or where a job of their key stood: at no place more than there were jobs. */
export function expectOwnPlaces(world: World, places: Places): void {
  const standing = new Map<string, number>();
  for (const job of Object.values(world.dispatcher.fleet().jobs)) {
    const { jobId, position, taken } = job;
    const { createdAt = 0, labels = [] } = world.jobs.get(jobId) ?? {};
    const before = places.get(jobId) ?? { position: createdAt, taken: 0 };
    places.set(jobId, { position: Math.min(position, before.position), taken: Math.max(taken, before.taken) });
    must(position <= createdAt, () => `job ${jobId} of ${createdAt} stands at ${position}`);
    const place = `${keyOf(labels)} at ${position}`;
    standing.set(place, (standing.get(place) ?? 0) + 1);
  }
  for (const job of world.jobs.values()) {
    const place = `${keyOf(job.labels)} at ${job.createdAt}`;
    standing.set(place, (standing.get(place) ?? 0) - 1);
  }
  for (const [place, tooMany] of standing) must(tooMany <= 0, () => `${tooMany} jobs too many stand at ${place}`);
}

/**
 * Nothing is under way: whatever failed, no waiting job has lost its place or its count. (In between it may have: by an
 * ask that crossed the news of a change.)
 */
export function expectPlacesKept(world: World, places: Places): void {
  for (const { jobId, position, taken } of Object.values(world.dispatcher.fleet().jobs)) {
    const best = places.get(jobId) ?? { position, taken };
    expect({ jobId, position: Math.min(position, best.position), taken: Math.max(taken, best.taken) }).toEqual({
      jobId,
      position,
      taken,
    });
  }
}

const isComing = (runner: FleetRunner): boolean => runner.phase === 'coming' && runner.goneSince === null;

/**
 * No slot is promised to two runners, and hosts have had no reason to refuse one. What is known by a job's word only
 * was not promised: that word may have crossed the news of the runner's end, and blocks nothing but room.
 */
export function expectNoSlotTwice(world: World): void {
  const fleet = world.dispatcher.fleet();
  const used = Object.values(fleet.runners)
    .filter((runner) => runner.goneSince === null && !runner.remembered)
    .map(({ host, slot }) => `${host}/${slot}`);
  must(new Set(used).size === used.length, () => `a slot is promised twice: ${used.join(' ')}`);
  must(world.refusals() === 0, () => 'a host had to refuse a slot that was granted');
}

/** Nothing is under way: what the dispatcher believes is what is so, and no job waits in vain. */
export function expectEveryJobCaredFor(world: World): void {
  for (const job of world.jobs.values()) if (world.isWaiting(job)) expectCaredFor(world, job);
}

function expectCaredFor(world: World, job: Job): void {
  const fleet = world.dispatcher.fleet();
  const entry = fleet.jobs[String(job.id)];
  if (entry === undefined) throw new Error(`the dispatcher does not know of job ${job.id}`);
  expect(job.runner?.name ?? null, `job ${job.id} and the dispatcher agree`).toBe(entry.runner);
  if (entry.runner !== null) {
    const runner = world.runners.get(entry.runner);
    expect(runner, `the runner of job ${job.id}`).toMatchObject({ phase: 'idle', works: null, hasExited: false });
    expect(keyOf(runner?.labels ?? []), `the labels of ${entry.runner}`).toBe(keyOf(job.labels));
    expect(runner !== undefined && scopeAdmits(runner.slot.scope, 'acme', job.repo), `${entry.runner} fits`).toBe(true);
    return;
  }
  expect(job.reason, `why job ${job.id} waits`).not.toBeNull();
  if (entry.taken > MAX_TAKEN) {
    expect(job.reason).toContain("jobs that aren't Berth's took its runner");
    return;
  }
  const free = Object.values(fleet.hosts)
    .filter((host) => !host.lost && roomOn(fleet, host) > 0)
    .flatMap((host) => freeSlots(fleet, host))
    .filter(({ scope }) => scopeAdmits(scope, 'acme', job.repo));
  expect(free, `job ${job.id} waits beside a free slot`).toEqual([]);
}

const keyOf = (labels: readonly string[]): string => [...labels].sort().join(' ');

/** Runners that nobody needs are gone: no key has more idle ones than jobs that wait. */
export function expectNoSurplus(world: World): void {
  const idle = [...world.runners.values()].filter(({ phase, works }) => phase === 'idle' && works === null);
  const waiting = [...world.jobs.values()].filter((job) => world.isWaiting(job));
  for (const key of new Set(idle.map(({ labels }) => keyOf(labels)))) {
    const runners = idle.filter(({ labels }) => keyOf(labels) === key);
    const jobs = waiting.filter(({ labels }) => keyOf(labels) === key);
    expect(runners.length, `idle runners of ${key}`).toBeLessThanOrEqual(jobs.length);
  }
}

/** The dispatcher knows whom each runner serves. */
export function expectServingKnown(world: World): void {
  const working = (runner: Runner): boolean => runner.phase === 'idle' && runner.works !== null;
  for (const runner of world.runners.values()) {
    if (!working(runner)) continue;
    const known = world.dispatcher.fleet().runners[runner.name];
    expect(known, runner.name).toMatchObject({ phase: 'serving', serves: runner.works, meantFor: null });
  }
}

/** Every job is over, every runner is gone, and so is every trace of them. */
export function expectNothingLeft(world: World): void {
  const open = [...world.jobs.values()].filter((job) => !job.isClosed);
  expect(open.map(({ id, reason }) => `job ${id}: ${reason}`)).toEqual([]);
  expect([...world.runners.values()].filter(({ phase }) => phase !== 'closed').map(({ name }) => name)).toEqual([]);
  expect(world.hosts.flatMap(({ vms }) => [...vms.keys()])).toEqual([]);
  expect(world.dispatcher.fleet().jobs).toEqual({});
  expect(world.dispatcher.fleet().runners).toEqual({});
}
