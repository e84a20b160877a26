import { describe, expect, it } from 'vitest';
import type { Ask } from '../../placement/messages.js';
import type { Fleet } from '../../placement/fleet.js';
import { waitingJobs } from '../../placement/fleet.js';
import {
  ASK_EXPIRES_MS,
  MAX_TAKEN,
  applyAsk,
  applyJobEnded,
  applyJobStarted,
  applyRunnerReport,
  endRunner,
  expire,
} from '../../placement/pairing.js';
import { applyHostForgotten, applyHostLost, applyHostReport } from '../../placement/hosts-heard.js';
import { place } from '../../placement/place.js';
import { T0, ask, fleetOf, grant, inShort, jobIn, queue, report, runnerIn, said, slot } from './fixtures.js';

const MINUTE = 60_000;
const SLOTS = ['a', 'b', 'c', 'd'];
const FAILED = { type: 'CommandFailed', message: 'anka clone failed' } as const;

/** One host of four slots, and jobs 1..n with a runner R1..Rn each. */
function pairs(...jobs: readonly (readonly string[] | undefined)[]): Fleet {
  const fleet = fleetOf(report('mini-1', { slots: SLOTS.map((name) => slot(name)), vmLimit: 4 }));
  jobs.forEach((labels, index) => {
    queue(fleet, index + 1, labels === undefined ? {} : { labels });
    grant(fleet, index + 1, `R${index + 1}`, ['mini-1', SLOTS[index] ?? 'a']);
  });
  return fleet;
}

const plain = undefined;
const started = (fleet: Fleet, jobId: number, runner: string, foreign = false): string[] =>
  inShort(applyJobStarted(fleet, { jobId, runner, foreign }));
const ended = (fleet: Fleet, jobId: number, runner: string | null = null): string[] =>
  inShort(applyJobEnded(fleet, { jobId, runner }));

describe('a job starts on the runner that was made for it', () => {
  it('and leaves the queue; the runner serves it, and nobody needs to be told', () => {
    const fleet = pairs(plain);
    expect(started(fleet, 1, 'R1')).toEqual([]);
    expect(fleet.jobs).toEqual({});
    expect(runnerIn(fleet, 'R1')).toMatchObject({ phase: 'serving', serves: 1, meantFor: null });
  });

  it('and hearing so again changes nothing', () => {
    const fleet = pairs(plain, plain);
    started(fleet, 1, 'R2');
    const before = structuredClone(fleet);
    expect(started(fleet, 1, 'R2')).toEqual([]);
    expect(fleet).toEqual(before);
  });
});

describe('a job of the same key starts on the runner made for another', () => {
  it('the two jobs swap runners', () => {
    const fleet = pairs(plain, plain);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
    expect(runnerIn(fleet, 'R1')).toMatchObject({ serves: 2, meantFor: null, phase: 'serving' });
    expect(runnerIn(fleet, 'R2')).toMatchObject({ meantFor: 1, phase: 'coming' });
    expect(jobIn(fleet, 1).runner).toBe('R2');
    expect(waitingJobs(fleet)).toEqual([]);
  });

  it('the message of a swap names the host and slot that the runner has', () => {
    const fleet = pairs(plain, plain);
    const [first] = applyJobStarted(fleet, { jobId: 2, runner: 'R1', foreign: false });
    expect(first).toMatchObject({ workflowId: 'job/github.com/1', change: { host: 'mini-1', slot: 'b' } });
  });

  it('in a chain of three every job ends up with one runner and nothing is retired', () => {
    const fleet = pairs(plain, plain, plain);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
    expect(started(fleet, 3, 'R2')).toEqual(['job 1 swapped R3', 'runner R3 meant-for 1']);
    expect(started(fleet, 1, 'R3')).toEqual([]);
    expect(Object.values(fleet.runners).map((runner) => runner.serves)).toEqual([2, 3, 1]);
    expect(fleet.jobs).toEqual({});
  });

  it('the displaced job takes over the place of a taker that had no runner yet, if that is the earlier one', () => {
    const fleet = pairs(plain);
    queue(fleet, 2, { createdAt: T0 - 500 });
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2']);
    expect(jobIn(fleet, 1)).toMatchObject({ runner: null, position: T0 - 500 });
    const older = pairs(plain);
    queue(older, 2, { createdAt: T0 + 500 });
    started(older, 2, 'R1');
    expect(jobIn(older, 1).position).toBe(T0 + 1);
  });

  it('the displaced job does not get a runner that is going already', () => {
    const fleet = pairs(plain, plain);
    runnerIn(fleet, 'R2').phase = 'ending';
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2']);
    expect(waitingJobs(fleet).map((job) => job.jobId)).toEqual([1]);
  });

  it('nor one on a host that does not answer', () => {
    const fleet = pairs(plain, plain);
    applyHostLost(fleet, { host: 'mini-1', sessionId: 'session-1' });
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2', 'runner R2 retire']);
  });

  it('the displaced job does not get a runner of a repository that it is not in', () => {
    const slots = [slot('a'), slot('b', { scope: { kind: 'repo', owner: 'acme', repo: 'web' } })];
    const fleet = fleetOf(report('mini-1', { slots }));
    queue(fleet, 1, { repo: 'ios' });
    queue(fleet, 2, { repo: 'web' });
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    grant(fleet, 2, 'R2', ['mini-1', 'b']);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2', 'runner R2 retire']);
  });

  it('in an organisation two repositories with equal labels swap, too', () => {
    const fleet = fleetOf(report('mini-1'));
    queue(fleet, 1, { repo: 'ios' });
    queue(fleet, 2, { repo: 'web' });
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    grant(fleet, 2, 'R2', ['mini-1', 'b']);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
  });

  it('labels in another order, case or number make no difference', () => {
    const fleet = pairs(['anka-template:x', 'macOS'], ['MACOS', 'Anka-Template:X', 'macos']);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
  });

  it('a label with a comma is not taken for two labels', () => {
    const fleet = pairs(['anka-template:x', 'a', 'b'], ['anka-template:x', 'a,b']);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2', 'runner R2 retire']);
  });
});

describe('a job of another key takes the runner, its labels being a subset', () => {
  const all = ['anka-template:x', 'big'];
  const some = ['anka-template:x'];

  it('that runner serves it, the displaced job waits at its own place, and the spare runner goes', () => {
    const fleet = pairs(all, some);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2', 'runner R2 retire']);
    expect(jobIn(fleet, 1)).toMatchObject({ runner: null, position: T0 + 1, taken: 0 });
    expect(runnerIn(fleet, 'R2')).toMatchObject({ phase: 'ending', meantFor: null });
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([1]);
  });

  it('the place of the taker is not handed over, because the two never competed', () => {
    const fleet = pairs(all);
    queue(fleet, 2, { labels: some, createdAt: T0 - 500 });
    started(fleet, 2, 'R1');
    expect(jobIn(fleet, 1).position).toBe(T0 + 1);
  });

  it('the spare runner serves the next waiting job of its own key', () => {
    const fleet = pairs(all, some);
    queue(fleet, 3, { labels: some });
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2', 'job 3 swapped R2', 'runner R2 meant-for 3']);
  });
});

describe('a job that is not ours takes the runner', () => {
  it('the runner serves it to the end and the displaced job gets another, three times, then waits saying so', () => {
    const fleet = pairs(plain);
    for (let round = 1; round <= MAX_TAKEN + 1; round += 1) {
      const runner = jobIn(fleet, 1).runner ?? 'none';
      expect(started(fleet, 900 + round, runner, true)).toEqual([`job 1 taken ${runner} by job ${900 + round}`]);
      expect(runnerIn(fleet, runner)).toMatchObject({ phase: 'serving', serves: 900 + round });
      inShort(applyRunnerReport(fleet, said(runner, 'ended'), T0));
      const grants = place(fleet).grants;
      expect(grants).toHaveLength(round <= MAX_TAKEN ? 1 : 0);
      if (round <= MAX_TAKEN) grant(fleet, 1, `R1-${round}`, ['mini-1', 'a']);
    }
    expect(place(fleet).reasons.get(1)?.words).toContain('4 times');
  });

  it('and a job of ours that takes it does not count against the displaced one', () => {
    const fleet = pairs(plain);
    queue(fleet, 2);
    started(fleet, 2, 'R1');
    expect(jobIn(fleet, 1).taken).toBe(0);
  });
});

describe('a runner that is not ours takes our job', () => {
  it('the demand ends and its runner is retired when nobody else wants it', () => {
    const fleet = pairs(plain);
    expect(started(fleet, 1, 'someone-elses-mac')).toEqual(['runner R1 retire']);
    expect(fleet.jobs).toEqual({});
    expect(runnerIn(fleet, 'R1').phase).toBe('ending');
  });

  it('or serves the oldest waiting job of its key', () => {
    const fleet = pairs(plain);
    queue(fleet, 3);
    queue(fleet, 2);
    expect(started(fleet, 1, 'someone-elses-mac')).toEqual(['job 2 swapped R1', 'runner R1 meant-for 2']);
  });

  it('a job that still waited for a slot just leaves the queue', () => {
    const fleet = fleetOf();
    queue(fleet, 1);
    expect(started(fleet, 1, 'someone-elses-mac')).toEqual([]);
    expect(fleet.jobs).toEqual({});
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('even when that runner is called %s', (name) => {
    const fleet = pairs(plain);
    expect(started(fleet, 1, name)).toEqual(['runner R1 retire']);
    expect(ended(fleet, 1, name)).toEqual([]);
    expect(applyRunnerReport(fleet, said(name, 'ended'), T0)).toEqual([]);
    expect(Object.keys(fleet.runners)).toEqual(['R1']);
    expect(({} as Record<string, unknown>)['serves']).toBeUndefined();
  });
});

describe('a queued job is cancelled or skipped', () => {
  it('before it had a runner: it leaves the queue', () => {
    const fleet = fleetOf();
    queue(fleet, 1);
    expect(ended(fleet, 1)).toEqual([]);
    expect(fleet.jobs).toEqual({});
  });

  it('with a runner coming: the runner is surplus and retired', () => {
    const fleet = pairs(plain);
    expect(ended(fleet, 1)).toEqual(['runner R1 retire']);
    expect(fleet.jobs).toEqual({});
  });

  it('and hearing so again changes nothing', () => {
    const fleet = pairs(plain);
    ended(fleet, 1);
    const before = structuredClone(fleet);
    expect(ended(fleet, 1)).toEqual([]);
    expect(fleet).toEqual(before);
  });
});

describe('a runner on a host that drains', () => {
  const drained = (rules: Fleet['rules']): Fleet => {
    const fleet = pairs(plain, plain);
    const slots = SLOTS.map((name) => slot(name));
    applyHostReport(fleet, report('mini-1', { slots, vmLimit: 4, draining: true, sequence: 2 }), T0);
    if (rules !== undefined) fleet.rules = rules;
    return fleet;
  };
  const now = { emptiesDrained: true };

  it('still serves the job that it was made for', () => {
    expect(started(drained(now), 1, 'R1')).toEqual([]);
  });

  it('goes when that job needs it no more, although another one waits', () => {
    const fleet = drained(now);
    queue(fleet, 3);
    expect(ended(fleet, 1)).toEqual(['runner R1 retire']);
    expect(jobIn(fleet, 3).runner).toBeNull();
  });

  it('is no substitute for the runner that a job lost', () => {
    const fleet = drained(now);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 taken R1 by job 2', 'runner R2 retire']);
  });

  it('serves the next job in runs of the dispatcher that began before this rule', () => {
    for (const rules of [undefined, { emptiesDrained: false }]) {
      const fleet = drained(rules);
      queue(fleet, 3);
      expect(ended(fleet, 1)).toEqual(['job 3 swapped R1', 'runner R1 meant-for 3']);
    }
  });
});

describe('a host that an operator forgets', () => {
  it('is one no more while it is lost, and stays when it is back', () => {
    const fleet = fleetOf(report('mini-1'), report('mini-2'));
    applyHostLost(fleet, { host: 'mini-1', sessionId: 'session-1' });
    for (const host of ['mini-1', 'mini-2', 'unheard-of']) applyHostForgotten(fleet, { host });
    expect(Object.keys(fleet.hosts)).toEqual(['mini-2']);
    applyHostReport(fleet, report('mini-1', { sequence: 2 }), T0);
    expect(Object.keys(fleet.hosts).sort()).toEqual(['mini-1', 'mini-2']);
  });

  it('does not take the runner from a job that may still run there', () => {
    const fleet = pairs(plain);
    started(fleet, 1, 'R1');
    applyHostLost(fleet, { host: 'mini-1', sessionId: 'session-1' });
    applyHostForgotten(fleet, { host: 'mini-1' });
    queue(fleet, 2);
    expect(place(fleet).grants).toEqual([]);
    expect(runnerIn(fleet, 'R1').serves).toBe(1);
    expect(ended(fleet, 1, 'R1')).toEqual([]);
  });
});

describe('a surplus runner', () => {
  it('serves the next waiting job of its key, and its own slot goes to nobody else', () => {
    const fleet = pairs(plain);
    queue(fleet, 2);
    queue(fleet, 3);
    expect(ended(fleet, 1)).toEqual(['job 2 swapped R1', 'runner R1 meant-for 2']);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([3]);
  });

  it('is retired when all jobs that wait have other labels', () => {
    const fleet = pairs(['anka-template:x']);
    queue(fleet, 2, { labels: ['anka-template:y'] });
    expect(ended(fleet, 1)).toEqual(['runner R1 retire']);
  });

  it('is not retired twice, and once retired gets no other job', () => {
    const fleet = pairs(plain);
    ended(fleet, 1);
    queue(fleet, 2);
    expect(waitingJobs(fleet).map((job) => job.jobId)).toEqual([2]);
    expect(applyRunnerReport(fleet, said('R1', 'ending'), T0)).toEqual([]);
    expect(inShort(endRunner(fleet, runnerIn(fleet, 'R1'), { failure: null, vmGone: true, now: T0 }))).toEqual([]);
  });

  it('keeps its slot until it says that its VM is gone', () => {
    const fleet = fleetOf(report('mini-1', { slots: [slot('a')] }));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    ended(fleet, 1);
    queue(fleet, 2, { labels: ['anka-template:y'] });
    expect(place(fleet).grants).toEqual([]);
    applyRunnerReport(fleet, said('R1', 'ending'), T0);
    expect(place(fleet).grants).toEqual([]);
    applyRunnerReport(fleet, said('R1', 'ended'), T0);
    expect(place(fleet).grants).toHaveLength(1);
  });

  it('that found itself at work after being told to go, serves, and the job it took is settled when that is known', () => {
    const fleet = pairs(plain);
    queue(fleet, 2);
    applyJobEnded(fleet, { jobId: 2, runner: null });
    ended(fleet, 1);
    expect(applyRunnerReport(fleet, said('R1', 'serving'), T0)).toEqual([]);
    expect(runnerIn(fleet, 'R1').phase).toBe('serving');
    queue(fleet, 3);
    expect(started(fleet, 3, 'R1')).toEqual([]);
    expect(runnerIn(fleet, 'R1').serves).toBe(3);
  });

  it('whose VM the host has lost is told to go, too: if the host finds it again nobody would count on it', () => {
    const fleet = pairs(plain);
    runnerIn(fleet, 'R1').goneSince = T0;
    expect(ended(fleet, 1)).toEqual(['runner R1 retire']);
    expect(runnerIn(fleet, 'R1').phase).toBe('ending');
  });
});

describe('the end of a job that was served', () => {
  it('needs nothing more when its start was heard', () => {
    const fleet = pairs(plain);
    started(fleet, 1, 'R1');
    expect(ended(fleet, 1, 'R1')).toEqual([]);
    expect(runnerIn(fleet, 'R1')).toMatchObject({ phase: 'serving', serves: 1 });
  });

  it('stands for its start when that was lost: the job whose runner it took gets the other one', () => {
    const fleet = pairs(plain, plain);
    expect(ended(fleet, 2, 'R1')).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
  });

  it('on a runner that is not ours frees the one that was made for it', () => {
    const fleet = pairs(plain);
    expect(ended(fleet, 1, 'someone-elses-mac')).toEqual(['runner R1 retire']);
  });
});

describe('a runner ends', () => {
  it.each([
    ['going', 'ending'],
    ['gone', 'ended'],
  ] as const)('%s with a failure before its job began: the job is told, decides, and asks again', (_, phase) => {
    const fleet = pairs(plain);
    const effects = applyRunnerReport(fleet, said('R1', phase, { failure: FAILED }), T0);
    expect(inShort(effects)).toEqual(['job 1 ended R1 of CommandFailed']);
    expect(effects).toMatchObject([{ change: { host: 'mini-1', failure: FAILED } }]);
    expect(fleet.jobs).toEqual({});
    applyAsk(fleet, ask(1, { made: 1, avoid: ['mini-1'] }), T0);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([1]);
  });

  it('gone after it said that it goes: the job is told once', () => {
    const fleet = pairs(plain);
    applyRunnerReport(fleet, said('R1', 'ending', { failure: FAILED }), T0);
    expect(applyRunnerReport(fleet, said('R1', 'ended', { failure: FAILED }), T0)).toEqual([]);
    expect(fleet.runners).toEqual({});
  });

  it('without a failure, told to go by an operator: the job is told that there was none', () => {
    const fleet = pairs(plain);
    expect(inShort(applyRunnerReport(fleet, said('R1', 'ending'), T0))).toEqual(['job 1 ended R1 of no failure']);
  });

  it('after its job: nobody is told and its slot is free at once, whatever the last report of the host says', () => {
    const fleet = fleetOf(report('mini-1', { slots: [slot('a')], holds: ['R1'] }));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    started(fleet, 1, 'R1');
    queue(fleet, 2);
    expect(applyRunnerReport(fleet, said('R1', 'ended'), T0)).toEqual([]);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([2]);
  });

  it('that another job already waits for no more: only the one that it is meant for is told', () => {
    const fleet = pairs(plain, plain);
    started(fleet, 2, 'R1');
    expect(inShort(applyRunnerReport(fleet, said('R2', 'ending', { failure: FAILED }), T0))).toEqual([
      'job 1 ended R2 of CommandFailed',
    ]);
  });

  it('unknown to the dispatcher: nothing happens', () => {
    const fleet = pairs(plain);
    expect(applyRunnerReport(fleet, said('berth-9-1-aaaa', 'ended', { failure: FAILED }), T0)).toEqual([]);
    expect(Object.keys(fleet.jobs)).toEqual(['1']);
  });

  it('and a job which it had taken without anybody knowing is heard of afterwards: that changes nothing any more', () => {
    const fleet = pairs(plain, plain);
    applyRunnerReport(fleet, said('R1', 'ended'), T0);
    expect(started(fleet, 2, 'R1')).toEqual(['runner R2 retire']);
  });
});

describe('what a host reports', () => {
  const withHolds = (sequence: number, holds: readonly string[], sessionId = 'session-1') =>
    report('mini-1', { sequence, holds, sessionId });

  function oneGrant(): Fleet {
    const fleet = fleetOf(withHolds(5, []));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    return fleet;
  }

  it('made before the VM was, cannot free a slot that was just granted', () => {
    const fleet = oneGrant();
    applyHostReport(fleet, withHolds(6, []), T0 + MINUTE);
    expect(runnerIn(fleet, 'R1').goneSince).toBeNull();
  });

  it('frees the slot of a VM that was there and is not any more', () => {
    const fleet = oneGrant();
    applyHostReport(fleet, withHolds(6, ['R1']), T0 + 1);
    applyHostReport(fleet, withHolds(7, []), T0 + 2);
    expect(runnerIn(fleet, 'R1').goneSince).toBe(T0 + 2);
  });

  it('out of order, changes nothing', () => {
    const fleet = oneGrant();
    applyHostReport(fleet, withHolds(7, ['R1']), T0 + 1);
    applyHostReport(fleet, withHolds(6, []), T0 + 2);
    expect(runnerIn(fleet, 'R1').goneSince).toBeNull();
    expect(fleet.hosts['mini-1']).toMatchObject({ seenAt: T0 + 1, report: { sequence: 7 } });
  });

  it('of a new session counts, although its numbers begin again', () => {
    const fleet = oneGrant();
    applyHostReport(fleet, withHolds(1, ['R1'], 'session-2'), T0 + 1);
    expect(runnerIn(fleet, 'R1').seenOnHost).toBe(true);
  });

  it('brings a VM back that it had lost sight of', () => {
    const fleet = oneGrant();
    applyHostReport(fleet, withHolds(6, ['R1']), T0 + 1);
    applyHostReport(fleet, withHolds(7, []), T0 + 2);
    applyHostReport(fleet, withHolds(8, ['R1']), T0 + 3);
    expect(runnerIn(fleet, 'R1').goneSince).toBeNull();
  });

  it('says nothing of the runners of other hosts', () => {
    const fleet = oneGrant();
    applyHostReport(fleet, withHolds(6, ['R1']), T0 + 1);
    applyHostReport(fleet, report('mini-2', { sequence: 9 }), T0 + 2);
    expect(runnerIn(fleet, 'R1').goneSince).toBeNull();
  });

  it('ends its being lost, which only its own session can be told to be', () => {
    const fleet = oneGrant();
    applyHostLost(fleet, { host: 'mini-1', sessionId: 'an earlier one' });
    applyHostLost(fleet, { host: 'nobody', sessionId: 'session-1' });
    expect(fleet.hosts['mini-1']?.lost).toBe(false);
    applyHostLost(fleet, { host: 'mini-1', sessionId: 'session-1' });
    expect(fleet.hosts['mini-1']?.lost).toBe(true);
    applyHostReport(fleet, withHolds(5, []), T0 + 1);
    expect(fleet.hosts['mini-1']?.lost, 'the same report again is a sign of life').toBe(false);
  });
});

describe('a job repeats its ask', () => {
  const R1 = { name: 'R1', host: 'mini-1', slot: 'a' };

  it('and keeps its place, its runner and how often it was served badly', () => {
    const fleet = pairs(plain);
    jobIn(fleet, 1).taken = 2;
    jobIn(fleet, 1).position = T0 - 7;
    expect(applyAsk(fleet, ask(1, { runner: R1, made: 1, avoid: ['mini-9'] }), T0 + MINUTE)).toEqual([]);
    expect(jobIn(fleet, 1)).toMatchObject({ taken: 2, position: T0 - 7, runner: 'R1', askedAt: T0 + MINUTE });
    expect(jobIn(fleet, 1).avoid).toEqual(['mini-9']);
  });

  it('and never counts fewer runners made than were made', () => {
    const fleet = pairs(plain);
    expect(jobIn(fleet, 1).made).toBe(1);
    applyAsk(fleet, ask(1, { made: 0 }), T0);
    expect(jobIn(fleet, 1).made).toBe(1);
    applyAsk(fleet, ask(1, { made: 3 }), T0);
    expect(jobIn(fleet, 1).made).toBe(3);
  });

  it('without knowing of the runner that is meant for it: it is told', () => {
    const fleet = pairs(plain);
    expect(inShort(applyAsk(fleet, ask(1), T0))).toEqual(['job 1 swapped R1']);
  });

  it('naming a runner that it no longer has: it is told of the one it has', () => {
    const fleet = pairs(plain, plain);
    started(fleet, 2, 'R1');
    expect(inShort(applyAsk(fleet, ask(1, { runner: R1 }), T0))).toEqual(['job 1 swapped R2']);
  });

  it('naming a runner that serves another: it is told who took it, and waits', () => {
    const fleet = pairs(plain);
    queue(fleet, 2);
    started(fleet, 2, 'R1');
    expect(inShort(applyAsk(fleet, ask(1, { runner: R1 }), T0))).toEqual(['job 1 taken R1 by job 2']);
    expect(waitingJobs(fleet).map((job) => job.jobId)).toEqual([1]);
  });

  it('naming a runner that was told to go: it is told so, and waits', () => {
    const fleet = pairs(plain);
    applyRunnerReport(fleet, said('R1', 'ending', { failure: FAILED }), T0);
    expect(inShort(applyAsk(fleet, ask(1, { runner: R1 }), T0))).toEqual([
      'job 1 taken R1 by another job of the same labels',
    ]);
    expect(waitingJobs(fleet).map((job) => job.jobId)).toEqual([1]);
  });

  it('while the news of its runner’s end is on the way to it: once it knows, it gets a new one, not the one that is gone', () => {
    const fleet = pairs(plain);
    applyRunnerReport(fleet, said('R1', 'ended', { failure: FAILED }), T0);
    applyAsk(fleet, ask(1, { runner: R1 }), T0);
    expect(inShort(applyAsk(fleet, ask(1, { made: 1 }), T0))).toEqual([]);
    expect(fleet.runners).toEqual({});
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([1]);
  });

  it('while the news that its runner was taken is on the way, and the dispatcher forgot: it gets a slot of its own', () => {
    const fleet = fleetOf();
    applyAsk(fleet, ask(1, { runner: R1 }), T0);
    applyHostReport(fleet, report('mini-1', { holds: ['R1'] }), T0);
    expect(inShort(applyAsk(fleet, ask(1, { made: 1 }), T0))).toEqual([]);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([1]);
    queue(fleet, 2);
    expect(place(fleet).grants.map(({ job }) => job.jobId)).toEqual([1]);
  });

  it('after its reason changed hands: it is told the reason again when it waits once more', () => {
    const fleet = pairs(plain, plain);
    jobIn(fleet, 1).toldReason = '1 of 1 host busy';
    started(fleet, 2, 'R1');
    expect(jobIn(fleet, 1).toldReason).toBeNull();
  });
});

describe('a job carries its place in the queue along', () => {
  const standingIn = (effects: ReturnType<typeof applyAsk>): Ask['standing'] => {
    const [first] = effects;
    if (first?.to !== 'job' || first.say !== 'paired') throw new Error('the job is told nothing');
    return first.change.standing;
  };

  it('it is told of it with each change, so that a runner which fails costs it neither place nor count', () => {
    const fleet = pairs(plain);
    queue(fleet, 2, { createdAt: T0 - 500 });
    const swapped = standingIn(applyJobStarted(fleet, { jobId: 2, runner: 'R1', foreign: false }));
    expect(swapped).toEqual({ position: T0 - 500, taken: 0 });
    grant(fleet, 1, 'R2', ['mini-1', 'b']);
    const robbed = standingIn(applyJobStarted(fleet, { jobId: 900, runner: 'R2', foreign: true }));
    expect(robbed).toEqual({ position: T0 - 500, taken: 1 });
    grant(fleet, 1, 'R3', ['mini-1', 'c']);
    const standing = standingIn(applyRunnerReport(fleet, said('R3', 'ending', { failure: FAILED }), T0)) ?? null;
    expect(fleet.jobs).toEqual({});
    queue(fleet, 3, { createdAt: T0 - 400 });
    queue(fleet, 1, { standing, made: 3 });
    expect(jobIn(fleet, 1)).toMatchObject({ position: T0 - 500, taken: 1 });
    expect(waitingJobs(fleet).map(({ jobId }) => jobId)).toEqual([1, 3]);
  });

  it('a dispatcher that was started anew learns it from the ask', () => {
    const fleet = fleetOf();
    queue(fleet, 1, { standing: { position: T0 - 7, taken: MAX_TAKEN + 1 } });
    expect(jobIn(fleet, 1)).toMatchObject({ position: T0 - 7, taken: MAX_TAKEN + 1 });
  });

  it('an ask that crossed the news takes nothing back', () => {
    const fleet = pairs(plain);
    Object.assign(jobIn(fleet, 1), { position: T0 - 7, taken: 2 });
    applyAsk(fleet, ask(1, { standing: { position: T0, taken: 1 } }), T0);
    expect(jobIn(fleet, 1)).toMatchObject({ position: T0 - 7, taken: 2 });
  });
});

describe('a dispatcher that was started anew', () => {
  const R1 = { name: 'R1', host: 'mini-1', slot: 'a' };

  it('learns from the asks who has which runner, and gives their slots to nobody', () => {
    const fleet = fleetOf();
    applyAsk(fleet, ask(1, { runner: R1, made: 2 }), T0);
    applyAsk(fleet, ask(2), T0);
    applyHostReport(fleet, report('mini-1', { holds: ['R1'] }), T0);
    expect(runnerIn(fleet, 'R1')).toMatchObject({ meantFor: 1, phase: 'coming', host: 'mini-1', slot: 'a' });
    expect(jobIn(fleet, 1)).toMatchObject({ runner: 'R1', made: 2 });
    expect(place(fleet).grants.map(({ job, slot: { name } }) => `${job.jobId}/${name}`)).toEqual(['2/b']);
  });

  it('counts VMs that it has not heard of by anybody, until their jobs ask', () => {
    const fleet = fleetOf(report('mini-1', { holds: ['R1', 'R2'] }));
    queue(fleet, 3);
    expect(place(fleet).grants).toEqual([]);
  });

  it('holds on to what a job remembered once it has given it to another, whatever the first one says', () => {
    const fleet = fleetOf(report('mini-1', { holds: ['R1'] }));
    applyAsk(fleet, ask(1, { runner: R1 }), T0);
    queue(fleet, 2);
    expect(ended(fleet, 1)).toEqual(['job 2 swapped R1', 'runner R1 meant-for 2']);
    expect(inShort(applyAsk(fleet, ask(2), T0))).toEqual(['job 2 swapped R1']);
    expect(jobIn(fleet, 2).runner).toBe('R1');
  });

  it('knows by the host which slots are taken by VMs of which it has heard from nobody', () => {
    const host = report('mini-1', { slots: SLOTS.map((name) => slot(name)), vmLimit: 4, holds: ['R1', 'R2'] });
    const fleet = fleetOf({ ...host, heldSlots: { R1: 'a', R2: 'c' } });
    [3, 4, 5].forEach((jobId) => queue(fleet, jobId));
    expect(place(fleet).grants.map(({ job, slot: { name } }) => `${job.jobId}/${name}`)).toEqual(['3/b', '4/d']);
  });

  it('settles who serves whom as before', () => {
    const fleet = fleetOf(report('mini-1', { holds: ['R1', 'R2'] }));
    applyAsk(fleet, ask(1, { runner: R1 }), T0);
    applyAsk(fleet, ask(2, { runner: { name: 'R2', host: 'mini-1', slot: 'b' } }), T0);
    expect(started(fleet, 2, 'R1')).toEqual(['job 1 swapped R2', 'runner R2 meant-for 1']);
  });
});

describe('what nobody vouches for', () => {
  it('an ask that is not repeated expires after three intervals, and its runner serves the next or goes', () => {
    const fleet = pairs(plain);
    queue(fleet, 2);
    applyAsk(fleet, ask(2), T0 + MINUTE);
    expect(expire(fleet, T0 + ASK_EXPIRES_MS)).toEqual([]);
    expect(inShort(expire(fleet, T0 + ASK_EXPIRES_MS + 1))).toEqual(['job 2 swapped R1', 'runner R1 meant-for 2']);
    expect(Object.keys(fleet.jobs)).toEqual(['2']);
    expect(expire(fleet, T0 + ASK_EXPIRES_MS + MINUTE / 2)).toEqual([]);
    expect(expire(fleet, T0 + ASK_EXPIRES_MS + MINUTE)).toEqual([]);
    expect(inShort(expire(fleet, T0 + ASK_EXPIRES_MS + MINUTE + 1))).toEqual(['runner R1 retire']);
  });

  it('while no orchestrator ran nobody could repeat anything: nothing expires for that', () => {
    const fleet = pairs(plain);
    queue(fleet, 2);
    const asleep = 20 * MINUTE;
    expire(fleet, T0 + MINUTE / 2);
    runnerIn(fleet, 'R1').goneSince = T0 + MINUTE / 2;
    expect(expire(fleet, T0 + asleep)).toEqual([]);
    expect(jobIn(fleet, 1).runner).toBe('R1');
    applyAsk(fleet, ask(2), T0 + asleep);
    expect(jobIn(fleet, 2).askedAt).toBe(T0 + asleep);
    for (let later = 1; later <= 6; later += 1) expire(fleet, T0 + asleep + later * (MINUTE / 2));
    expect(fleet.runners, 'its host lost it a minute ago by the time that counts').toEqual({});
    expect(Object.keys(fleet.jobs)).toEqual(['2']);
  });

  it('a runner on a host that a new dispatcher never hears of is forgotten after a quarter of an hour', () => {
    const fleet = fleetOf();
    const R1 = { name: 'R1', host: 'mini-9', slot: 'a' };
    for (let minute = 0; minute <= 15; minute += 0.5) {
      applyAsk(fleet, ask(1, { runner: R1 }), T0 + minute * MINUTE);
      expect(expire(fleet, T0 + minute * MINUTE)).toEqual([]);
    }
    expect(inShort(expire(fleet, T0 + 15 * MINUTE + 1))).toEqual(['job 1 ended R1 of HostLost']);
  });

  it('a runner whose VM never came to be is forgotten a minute after its host denied it, and its job is told', () => {
    const fleet = fleetOf(report('mini-1'));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    applyHostReport(fleet, report('mini-1', { sequence: 2 }), T0 + MINUTE + 1);
    applyAsk(fleet, ask(1, { runner: { name: 'R1', host: 'mini-1', slot: 'a' } }), T0 + MINUTE + 2);
    expect(expire(fleet, T0 + 2 * MINUTE + 1)).toEqual([]);
    const effects = expire(fleet, T0 + 2 * MINUTE + 2);
    expect(inShort(effects)).toEqual(['job 1 ended R1 of VmGone']);
    expect(effects).toMatchObject([{ change: { failure: { message: 'mini-1 no longer has the VM' } } }]);
    expect(fleet.runners).toEqual({});
  });

  it('a runner whose host goes on reporting it stays for as long as it likes', () => {
    const fleet = pairs(plain);
    started(fleet, 1, 'R1');
    applyHostReport(fleet, report('mini-1', { sequence: 2, holds: ['R1'] }), T0 + 1);
    expect(expire(fleet, T0 + 1_000 * MINUTE)).toEqual([]);
    expect(runnerIn(fleet, 'R1').phase).toBe('serving');
  });

  it('a runner that served and vanished is forgotten without a word', () => {
    const fleet = pairs(plain);
    started(fleet, 1, 'R1');
    applyHostReport(fleet, report('mini-1', { sequence: 2, holds: ['R1'] }), T0 + 1);
    applyHostReport(fleet, report('mini-1', { sequence: 3, holds: [] }), T0 + 2);
    expect(expire(fleet, T0 + MINUTE + 3)).toEqual([]);
    expect(fleet.runners).toEqual({});
  });
});
