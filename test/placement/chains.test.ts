/** Three jobs of one key that get each other's runners, told in every order and every message twice. */

import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../placement/fleet.js';
import type { Effect } from '../../placement/messages.js';
import { applyJobEnded, applyJobStarted, applyRunnerReport } from '../../placement/pairing.js';
import { T0, fleetOf, grant, queue, report, said, slot } from './fixtures.js';
import { expectSoundBooks } from './model/checks.js';

type Message = (fleet: Fleet) => Effect[];

const SLOTS = ['a', 'b', 'c', 'd'];

function three(): Fleet {
  const fleet = fleetOf(report('mini-1', { slots: SLOTS.map((name) => slot(name)), vmLimit: 4 }));
  for (const n of [1, 2, 3]) {
    queue(fleet, n);
    grant(fleet, n, `R${n}`, ['mini-1', SLOTS[n] ?? 'a']);
  }
  return fleet;
}

const starts =
  (jobId: number, runner: string, foreign = false): Message =>
  (fleet) =>
    applyJobStarted(fleet, { jobId, runner, foreign });
const ends =
  (jobId: number, runner: string | null): Message =>
  (fleet) =>
    applyJobEnded(fleet, { jobId, runner });
const gone =
  (runner: string): Message =>
  (fleet) =>
    applyRunnerReport(fleet, said(runner, 'ended'), T0);
const goes =
  (runner: string): Message =>
  (fleet) =>
    applyRunnerReport(fleet, said(runner, 'ending'), T0);

function orders<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first, index) => orders(list.filter((_, at) => at !== index)).map((rest) => [first, ...rest]));
}

/** `once`, each message twice in a row, and all of them once more at the end. */
const repeated = (order: readonly Message[]): (readonly Message[])[] => [
  order,
  order.flatMap((message) => [message, message]),
  [...order, ...order],
];

/** The books after each possible order. */
function afterEach(messages: readonly Message[], check: (fleet: Fleet, effects: readonly Effect[]) => void): void {
  for (const order of orders(messages).flatMap(repeated)) {
    const fleet = three();
    const effects: Effect[] = [];
    for (const message of order) {
      effects.push(...message(fleet));
      expectSoundBooks(fleet);
    }
    check(fleet, effects);
  }
}

const serving = (fleet: Fleet): Record<string, number | null> =>
  Object.fromEntries(Object.values(fleet.runners).map(({ name, serves }) => [name, serves]));

describe('a chain of three', () => {
  it('A’s runner takes B, B’s takes C, C’s takes A: each is served once, and no runner is sent away', () => {
    afterEach([starts(2, 'R1'), starts(3, 'R2'), starts(1, 'R3')], (fleet, effects) => {
      expect(fleet.jobs).toEqual({});
      expect(serving(fleet)).toEqual({ R1: 2, R2: 3, R3: 1 });
      expect(effects.filter(({ say }) => say === 'retire')).toEqual([]);
    });
  });

  it('and the runners’ ends come before or after the news of the jobs that they served: nothing is left', () => {
    const jobs = [starts(2, 'R1'), starts(3, 'R2'), starts(1, 'R3')];
    afterEach([...jobs, gone('R1'), gone('R2'), gone('R3')], (fleet) => {
      expect(fleet).toMatchObject({ jobs: {}, runners: {} });
    });
  });

  it('and only the jobs’ ends are heard, their starts being lost', () => {
    afterEach([ends(2, 'R1'), ends(3, 'R2'), ends(1, 'R3')], (fleet, effects) => {
      expect(fleet.jobs).toEqual({});
      expect(serving(fleet)).toEqual({ R1: 2, R2: 3, R3: 1 });
      expect(effects.filter(({ say }) => say === 'retire')).toEqual([]);
    });
  });

  it('A → B → C → a foreign job: A waits at the first place, robbed once, and nobody else does', () => {
    afterEach([starts(2, 'R1'), starts(3, 'R2'), starts(900, 'R3', true)], (fleet) => {
      expect(Object.values(fleet.jobs)).toMatchObject([{ jobId: 1, runner: null, position: T0 + 1, taken: 1 }]);
      expect(serving(fleet)).toEqual({ R1: 2, R2: 3, R3: 900 });
    });
  });

  it('A → B → C → a foreign runner: all are served, and the runner that is left over is sent away', () => {
    afterEach([starts(2, 'R1'), starts(3, 'R2'), starts(1, 'theirs')], (fleet) => {
      expect(fleet.jobs).toEqual({});
      expect(serving(fleet)).toEqual({ R1: 2, R2: 3, R3: null });
      expect(fleet.runners['R3']?.phase).toBe('ending');
    });
  });

  it('the middle one is cancelled while it is queued: two are served, the third runner is sent away', () => {
    afterEach([ends(2, null), starts(3, 'R1'), starts(1, 'R2')], (fleet) => {
      expect(fleet.jobs).toEqual({});
      expect(serving(fleet)).toEqual({ R1: 3, R2: 1, R3: null });
      expect(fleet.runners['R3']?.phase).toBe('ending');
    });
  });

  it('the middle one is cancelled while it runs on A’s runner', () => {
    afterEach([starts(2, 'R1'), ends(2, 'R1'), starts(3, 'R2'), starts(1, 'R3')], (fleet, effects) => {
      expect(fleet.jobs).toEqual({});
      expect(serving(fleet)).toEqual({ R1: 2, R2: 3, R3: 1 });
      expect(effects.filter(({ say }) => say === 'retire')).toEqual([]);
    });
  });

  it('the middle runner goes before anybody hears that it served C: nothing is left when all are gone', () => {
    const news = [starts(2, 'R1'), starts(3, 'R2'), starts(1, 'R3'), goes('R2')];
    afterEach([...news, gone('R2')], (fleet) => {
      expect(fleet.jobs).toEqual({});
      for (const runner of ['R1', 'R3']) gone(runner)(fleet);
      expect(fleet.runners).toEqual({});
    });
  });
});
