/** Which waiting jobs the dispatcher keeps: the oldest, and of every kind some. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { waitingJobs } from '../../placement/fleet.js';
import type { Fleet } from '../../placement/fleet.js';
import { isCrowded, turnAway } from '../../placement/inside.js';
import { MAX_TAKEN, applyAsk, expire } from '../../placement/pairing.js';
import { place } from '../../placement/place.js';
import { T0, ask, fleetOf, grant, queue, report } from './fixtures.js';

const idsIn = (fleet: Fleet): number[] => waitingJobs(fleet).map(({ jobId }) => jobId);

describe('turnAway', () => {
  it('keeps the oldest of one kind', () => {
    const fleet = fleetOf();
    for (const n of [5, 3, 1, 4, 2]) queue(fleet, n);
    expect(turnAway(fleet, 3).map(({ jobId }) => jobId)).toEqual([4, 5]);
    expect(idsIn(fleet)).toEqual([1, 2, 3]);
    expect(turnAway(fleet, 3)).toEqual([]);
  });

  it('keeps young jobs of a small kind when a large one fills the books', () => {
    const fleet = fleetOf();
    for (let n = 1; n <= 20; n += 1) queue(fleet, n, { repo: 'matrix' });
    queue(fleet, 21, { repo: 'docs' });
    queue(fleet, 22, { repo: 'docs' });
    turnAway(fleet, 10);
    expect(idsIn(fleet)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 21, 22]);
  });

  it('lets a job in that is older than those inside, and another one out', () => {
    const fleet = fleetOf();
    for (const n of [10, 11, 12]) queue(fleet, n);
    applyAsk(fleet, ask(1), T0);
    expect(turnAway(fleet, 3).map(({ jobId }) => jobId)).toEqual([12]);
  });

  it('never puts a job out that has a runner', () => {
    const fleet = fleetOf(report('mini-1'));
    for (const n of [1, 2, 3]) queue(fleet, n);
    grant(fleet, 3, 'berth-3-1-aaaa', ['mini-1', 'a']);
    turnAway(fleet, 1);
    expect(Object.keys(fleet.jobs)).toEqual(['1', '3']);
  });

  it('does not let jobs that wait for their labels to be mended keep others of their kind outside', () => {
    const fleet = fleetOf(report('mini-1'));
    for (let n = 1; n <= 10; n += 1) queue(fleet, n, { standing: { position: n, taken: MAX_TAKEN + 1 } });
    queue(fleet, 11);
    turnAway(fleet, 4);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([11]);
  });

  it('keeps the oldest when there are more kinds than places', () => {
    const fleet = fleetOf();
    for (let n = 1; n <= 9; n += 1) queue(fleet, n, { repo: `r${n}` });
    turnAway(fleet, 4);
    expect(idsIn(fleet)).toEqual([1, 2, 3, 4]);
  });
});

/** Jobs by age, each with its repository. */
const queues = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 });

describe('for any queue', () => {
  it('at most so many wait inside; who is outside has its share of older jobs of its kind inside', () => {
    fc.assert(
      fc.property(queues, fc.integer({ min: 4, max: 30 }), (repos, most) => {
        const fleet = fleetOf();
        repos.forEach((repo, index) => queue(fleet, index + 1, { repo }));
        const outside = turnAway(fleet, most);
        const inside = waitingJobs(fleet);
        expect(inside.length + outside.length).toBe(repos.length);
        expect(inside.length).toBeLessThanOrEqual(most);
        if (outside.length > 0) expect(inside.length).toBeGreaterThan(most - new Set(repos).size);
        for (const { repo, position } of outside) {
          const own = inside.filter((job) => job.repo === repo);
          expect(own.every((job) => job.position < position)).toBe(true);
          expect(own.length).toBeGreaterThanOrEqual(Math.floor(most / new Set(repos).size));
        }
      }),
    );
  });

  it('all are served in the order of their creation when each asks again, and none is left outside', () => {
    fc.assert(
      fc.property(queues, fc.integer({ min: 4, max: 12 }), (repos, most) => {
        const fleet = fleetOf(report('mini-1'));
        const waiting = new Map(repos.map((repo, index) => [index + 1, repo]));
        const served = new Map<string, number[]>();
        for (let round = 0; waiting.size > 0; round += 1) {
          expect(round).toBeLessThanOrEqual(repos.length);
          for (const [id, repo] of [...waiting].reverse()) applyAsk(fleet, ask(id, { repo }), T0 + round);
          turnAway(fleet, most);
          for (const { job } of place(fleet).grants) {
            served.set(job.repo, [...(served.get(job.repo) ?? []), job.jobId]);
            waiting.delete(job.jobId);
            delete fleet.jobs[String(job.jobId)];
          }
        }
        for (const ids of served.values()) expect(ids).toEqual([...ids].sort((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the books', () => {
  it('are crowded only by jobs that wait, and a little late', () => {
    const fleet = fleetOf(report('mini-1'));
    for (let n = 1; n <= 110; n += 1) queue(fleet, n);
    expect(isCrowded(fleet, 10)).toBe(false);
    queue(fleet, 111);
    expect(isCrowded(fleet, 10)).toBe(true);
    grant(fleet, 111, 'berth-111-1-aaaa', ['mini-1', 'a']);
    expect(isCrowded(fleet, 10)).toBe(false);
  });

  it('keep a job that asks more rarely for as long as it said, and two more times', () => {
    const fleet = fleetOf();
    applyAsk(fleet, { ...ask(1), againMs: 300_000 }, T0);
    applyAsk(fleet, ask(2), T0);
    fleet.awakeAt = T0;
    const at = (ms: number): number[] => {
      // It wakes twice a minute.
      for (let now = fleet.awakeAt ?? T0; now < T0 + ms; now += 30_000) expire(fleet, now);
      return idsIn(fleet);
    };
    expect(at(240_000)).toEqual([1]);
    expect(at(870_000)).toEqual([1]);
    expect(at(960_000)).toEqual([]);
  });
});
