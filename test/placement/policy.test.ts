/** What the policy's options do, by example. The order by age, which is the default, is in place.test.ts. */

import { describe, expect, it } from 'vitest';
import type { HostReport, TemplateReport } from '../../activities/contracts.js';
import { DEFAULT_POLICY, priorityOf, repositoryKey, weightOf } from '../../jobs/policy.js';
import type { Policy, PriorityRule, WeightRule } from '../../jobs/policy.js';
import { labelKeyOf } from '../../placement/fleet.js';
import type { Fleet } from '../../placement/fleet.js';
import { applyJobStarted } from '../../placement/pairing.js';
import { OLDEST_EVERY } from '../../placement/passing.js';
import { notePlaced, place } from '../../placement/place.js';
import type { Placements } from '../../placement/place.js';
import { those } from '../jobs/fixtures.js';
import { T0, fleetOf, grant, jobIn, queue, report, runnerIn, slot } from './fixtures.js';
import type { JobOptions } from './fixtures.js';

const policyOf = (more: Partial<Policy>): Policy => ({ ...DEFAULT_POLICY, ...more });
const FAIR = policyOf({ order: 'fair' });

const priority = (repo: string | null, label: string | null, value: number): PriorityRule => {
  return { of: repo === null ? null : those(repo), label, priority: value };
};
const weight = (repo: string, value: number): WeightRule => ({ of: { owner: 'acme', repo }, weight: value });

const slots = (count: number): Partial<HostReport> => ({
  slots: Array.from({ length: count }, (_, n) => slot(`s${n}`)),
  vmLimit: count,
});

const GB = 2 ** 30;
const CPUS_8: Partial<HostReport> = { resources: { cpus: 8, memoryBytes: 64 * GB, diskFreeBytes: 500 * GB } };

const template = (name: string, cpus: number): TemplateReport => {
  return { uuid: name, name, tag: 'v1', size: { cpus, memoryBytes: GB } };
};

const SMALL_RELEASE: JobOptions = { repo: 'release', template: 'small', tag: 'v1' };
const BIG_WEB: JobOptions = { repo: 'web', template: 'big', tag: 'v1' };

/** What is granted runs. @returns the repositories that got a slot, in order */
function round(fleet: Fleet, policy: Policy): string[] {
  const placements = place(fleet, policy);
  for (const { job, host, slot: given } of placements.grants)
    grant(fleet, job.jobId, `R${job.jobId}`, [host, given.name]);
  notePlaced(fleet, placements);
  return placements.grants.map(({ job }) => job.repo);
}

/** The job of a runner is over; so is its VM. */
function end(fleet: Fleet, name: string): void {
  const { meantFor, serves } = runnerIn(fleet, name);
  delete fleet.jobs[String(serves ?? meantFor)];
  delete fleet.runners[name];
}

/** The VM that began first, by the job's number, of those of a repository. */
const firstOf = (fleet: Fleet, repo: string): string => {
  const [first] = Object.values(fleet.runners).filter(({ repository }) => repository === `acme/${repo}`);
  if (first === undefined) throw new Error(`no runner of ${repo}`);
  return first.name;
};

const queueMany = (fleet: Fleet, repo: string, from: number, count: number, more: JobOptions = {}): void => {
  for (let n = 0; n < count; n += 1) queue(fleet, from + n, { repo, ...more });
};

const jobsOf = ({ grants }: Placements): number[] => grants.map(({ job }) => job.jobId);

describe('rules', () => {
  const job = { owner: 'Acme', repo: 'iOS', labelKey: labelKeyOf(['anka-template:x', 'Urgent']) };

  it.each<[string, readonly PriorityRule[], number]>([
    ['no rule', [], 0],
    ['the repository, without regard to case', [priority('acme/ios', null, 5)], 5],
    ['another repository', [priority('acme/web', null, 5)], 0],
    ['all of the owner', [priority('acme/*', null, -3)], -3],
    ['another owner', [priority('globex/*', null, 5)], 0],
    ['a label, without regard to case', [priority(null, 'URGENT', 7)], 7],
    ['a part of a label is none', [priority(null, 'urgen', 7)], 0],
    ['repository and label', [priority('acme/ios', 'urgent', 9)], 9],
    ['the repository, but not the label', [priority('acme/ios', 'nightly', 9)], 0],
    ['the first that fits counts', [priority('acme/*', null, 1), priority('acme/ios', null, 8)], 1],
    ['a number that is none', [priority('acme/ios', null, NaN)], 0],
  ])('of priority: %s', (_, priorities, expected) => {
    expect(priorityOf(policyOf({ priorities }), job)).toBe(expected);
  });

  it.each<[string, readonly WeightRule[], number]>([
    ['no rule', [], 1],
    ['the repository', [weight('ios', 4)], 4],
    ['the first that fits counts', [{ of: { owner: 'acme', repo: null }, weight: 2 }, weight('ios', 4)], 2],
    ['nothing is no weight', [weight('ios', 0)], 1],
    ['less than nothing neither', [weight('ios', -1)], 1],
    ['nor what is no number', [weight('ios', NaN)], 1],
  ])('of weight: %s', (_, weights, expected) => {
    expect(weightOf(policyOf({ weights }), job)).toBe(expected);
  });
});

describe('priority', () => {
  const priorities = [priority('acme/release', null, 10), priority(null, 'nightly', -10)];

  it('goes before age, and the lowest comes last', () => {
    const fleet = fleetOf(report('h', slots(3)));
    queue(fleet, 1, { repo: 'web', labels: ['anka-template:mac-15', 'nightly'] });
    queue(fleet, 2, { repo: 'web' });
    queue(fleet, 3, { repo: 'release' });
    queue(fleet, 4, { repo: 'web' });
    expect(jobsOf(place(fleet, policyOf({ priorities })))).toEqual([3, 2, 4]);
    expect(jobsOf(place(fleet))).toEqual([1, 2, 3]);
  });

  it('of equal ones the older goes first', () => {
    const fleet = fleetOf(report('h', slots(2)));
    queue(fleet, 1, { repo: 'release', createdAt: T0 + 9 });
    queue(fleet, 2, { repo: 'release', createdAt: T0 + 5 });
    expect(jobsOf(place(fleet, policyOf({ priorities })))).toEqual([2, 1]);
  });

  it('lets one slot in ten go to the oldest job all the same', () => {
    const fleet = fleetOf(report('h', slots(1)));
    queue(fleet, 1, { repo: 'web' });
    queue(fleet, 2, { repo: 'web' });
    queueMany(fleet, 'release', 100, 40);
    const began: number[] = [];
    for (let n = 0; n < 21; n += 1) {
      round(fleet, policyOf({ priorities }));
      const [name = ''] = Object.keys(fleet.runners);
      began.push(Number(name.slice(1)));
      end(fleet, name);
    }
    expect(began.indexOf(1)).toBe(9);
    expect(began.indexOf(2)).toBe(19);
  });

  it('does not take the host that is kept for an older big job', () => {
    const fleet = fleetOf(report('h', { ...CPUS_8, templates: [template('small', 4), template('big', 8)] }));
    const policy = policyOf({ priorities });
    for (const jobId of [1, 2]) queue(fleet, jobId, SMALL_RELEASE);
    expect(round(fleet, policy)).toEqual(['release', 'release']);
    queue(fleet, 3, BIG_WEB);
    queue(fleet, 4, SMALL_RELEASE);
    end(fleet, 'R1');
    expect(round(fleet, policy)).toEqual([]);
    expect(jobIn(fleet, 3).kept).toEqual({ host: 'h', what: 'room' });
    expect(place(fleet, policy).reasons.get(4)?.code).toBe('kept');
    end(fleet, 'R2');
    expect(round(fleet, policy)).toEqual(['web']);
  });

  it('has what is left of such a host in the very placement in which the big job gets its slot', () => {
    const templates = [template('small', 3), template('big', 5)];
    const fleet = fleetOf(report('h', { ...slots(3), ...CPUS_8, templates }));
    const policy = policyOf({ priorities });
    for (const jobId of [1, 2]) queue(fleet, jobId, SMALL_RELEASE);
    round(fleet, policy);
    queue(fleet, 3, BIG_WEB);
    queue(fleet, 4, SMALL_RELEASE);
    expect(round(fleet, policy)).toEqual([]);
    end(fleet, 'R1');
    end(fleet, 'R2');
    expect(round(fleet, policy)).toEqual(['web', 'release']);
  });
});

describe('fairness between repositories', () => {
  it('a neighbour of a matrix of 256 gets the next slot, and its next jobs every other one until both have as many', () => {
    const fleet = fleetOf(report('h', slots(6)));
    queueMany(fleet, 'matrix', 1, 256);
    expect(round(fleet, FAIR)).toEqual(Array.from({ length: 6 }, () => 'matrix'));
    queueMany(fleet, 'web', 1_000, 10);
    const next: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      end(fleet, firstOf(fleet, 'matrix'));
      next.push(...round(fleet, FAIR));
    }
    expect(next).toEqual(['web', 'web', 'web']);
    end(fleet, firstOf(fleet, 'matrix'));
    expect(round(fleet, FAIR)).toEqual(['matrix']);
  });

  it('in turns by weight when many slots are free at once', () => {
    const fleet = fleetOf(report('h', slots(8)));
    queueMany(fleet, 'matrix', 1, 256);
    queueMany(fleet, 'web', 1_000, 10);
    const weighted = policyOf({ order: 'fair', weights: [weight('web', 3)] });
    const count = (repos: readonly string[]): number => repos.filter((repo) => repo === 'web').length;
    expect(count(jobsOf(place(fleet, FAIR)).map((id) => (id < 1_000 ? 'matrix' : 'web')))).toBe(4);
    expect(count(round(fleet, weighted))).toBe(6);
  });

  it('uses all slots for one repository while no other waits', () => {
    const fleet = fleetOf(report('h', slots(5)));
    queueMany(fleet, 'matrix', 1, 9);
    expect(jobsOf(place(fleet, FAIR))).toEqual([1, 2, 3, 4, 5]);
  });

  it('counts a slot for the repository whose job took the runner', () => {
    const fleet = fleetOf(report('h', slots(4)));
    queueMany(fleet, 'matrix', 1, 2);
    queue(fleet, 3, { repo: 'web' });
    round(fleet, FAIR);
    expect(runnerIn(fleet, 'R1').repository).toBe('acme/matrix');
    applyJobStarted(fleet, { jobId: 3, runner: 'R1', foreign: false });
    expect(runnerIn(fleet, 'R1').repository).toBe('acme/web');
    applyJobStarted(fleet, { jobId: 77, runner: 'R2', foreign: true });
    expect(runnerIn(fleet, 'R2').repository).toBeUndefined();
  });

  it('and a runner that is handed on is the slot of its new job', () => {
    const fleet = fleetOf(report('h', slots(1)));
    const { repo } = queue(fleet, 1, { repo: 'matrix' });
    round(fleet, FAIR);
    queue(fleet, 2, { repo: 'web' });
    applyJobStarted(fleet, { jobId: 1, runner: 'somebody-elses', foreign: false });
    expect(runnerIn(fleet, 'R1').meantFor).toBe(2);
    expect(runnerIn(fleet, 'R1').repository).toBe(repositoryKey({ owner: 'acme', repo: 'web' }));
    expect(repo).toBe('matrix');
  });

  it('comes after priority', () => {
    const fleet = fleetOf(report('h', slots(3)));
    queueMany(fleet, 'release', 1, 3);
    queueMany(fleet, 'web', 10, 3);
    const policy = policyOf({ order: 'fair', priorities: [priority('acme/release', null, 1)] });
    expect(jobsOf(place(fleet, policy))).toEqual([1, 2, 3]);
  });
});

describe('slots that are due', () => {
  it('go to the oldest that could have them, also where a younger one who is due chooses another host', () => {
    const one = { slots: [slot('a')], vmLimit: 1 };
    const phone = report('phone', { ...one, labels: ['iphone'], templates: [template('small', 1)] });
    const fleet = fleetOf(phone, report('plain', { ...one, templates: [template('big', 1)] }));
    queue(fleet, 1, { repo: 'web', template: 'big', tag: 'v1', labels: ['anka-template:big', 'iphone'] });
    queue(fleet, 2, { repo: 'web', template: 'small', tag: 'v1' });
    queue(fleet, 3, { repo: 'release', template: 'big', tag: 'v1' });
    fleet.rules = { emptiesDrained: true, hostLabels: true, duesByAge: true };
    for (const id of [1, 2]) jobIn(fleet, id).passed = { times: OLDEST_EVERY - 1, by: 'priority' };
    const { grants } = place(fleet, policyOf({ priorities: [priority('acme/release', null, 10)] }));
    expect(grants.map(({ job, host }) => [job.jobId, host])).toEqual([
      [1, 'phone'],
      // An older job than 2 had a slot that 2 could have had: it was not passed over.
      [3, 'plain'],
    ]);
  });
});

describe('the reason of a job that was passed over', () => {
  const priorities = [priority('acme/release', null, 10)];

  it.each([
    ['priority', policyOf({ priorities }), '1 of 1 host busy; younger jobs of higher priority went first'],
    ['fairness', FAIR, '1 of 1 host busy; younger jobs of repositories with fewer slots for their weight went first'],
  ] as const)('says so: %s', (code, policy, words) => {
    const fleet = fleetOf(report('h', slots(2)));
    queueMany(fleet, 'web', 1, 5);
    round(fleet, policy);
    expect(place(fleet, policy).reasons.get(3)).toEqual({ code: 'busy', words: '1 of 1 host busy' });
    queue(fleet, 100, { repo: 'release' });
    end(fleet, 'R1');
    const placements = place(fleet, policy);
    expect(jobsOf(placements)).toEqual([100]);
    expect(placements.reasons.get(3)).toEqual({ code, words });
    round(fleet, policy);
    // Until it has a slot, so that it does not change with each of them; and not with those who came later.
    queue(fleet, 101, { repo: 'web' });
    expect(place(fleet, policy).reasons.get(3)).toEqual({ code, words });
    expect(place(fleet, policy).reasons.get(101)).toEqual({ code: 'busy', words: '1 of 1 host busy' });
    expect(place(fleet).reasons.get(3)).toEqual({ code: 'busy', words: '1 of 1 host busy' });
  });

  it('is not said of a job that could not have had the slot', () => {
    const scope = { kind: 'repo', owner: 'acme', repo: 'release' } as const;
    const fleet = fleetOf(report('h', { slots: [slot('a', { scope }), slot('b')] }));
    queueMany(fleet, 'web', 1, 2);
    const policy = policyOf({ priorities });
    round(fleet, policy);
    queue(fleet, 3, { repo: 'release' });
    expect(jobsOf(place(fleet, policy))).toEqual([3]);
    expect(place(fleet, policy).reasons.get(2)).toEqual({ code: 'busy', words: '1 of 1 host busy' });
  });

  it('gives way to what somebody must do something about', () => {
    const fleet = fleetOf(report('h', slots(1)));
    queueMany(fleet, 'web', 1, 2);
    const policy = policyOf({ priorities });
    queue(fleet, 3, { repo: 'release' });
    round(fleet, policy);
    const host = fleet.hosts['h'];
    if (host !== undefined) host.lost = true;
    expect(place(fleet, policy).reasons.get(1)).toEqual({ code: 'lost', words: '1 of 1 host lost' });
  });
});

describe('hosts', () => {
  const hostsOf = (fleet: Fleet, policy: Policy): string[] => place(fleet, policy).grants.map(({ host }) => host);
  const PACK = policyOf({ hosts: 'pack' });

  it('are spread over, or packed', () => {
    const fleet = fleetOf(report('h1'), report('h2'), report('h3'));
    queueMany(fleet, 'web', 1, 4);
    expect(hostsOf(fleet, DEFAULT_POLICY)).toEqual(['h1', 'h2', 'h3', 'h1']);
    expect(hostsOf(fleet, PACK)).toEqual(['h1', 'h1', 'h2', 'h2']);
  });

  it('packed: one on which something runs comes before an empty one', () => {
    const fleet = fleetOf(report('h1'), report('h2'));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['h2', 'a']);
    queue(fleet, 2);
    expect(hostsOf(fleet, DEFAULT_POLICY)).toEqual(['h1']);
    expect(hostsOf(fleet, PACK)).toEqual(['h2']);
  });

  it('packed: jobs of different kinds fill the same host', () => {
    const fleet = fleetOf(report('h1', slots(4)), report('h2', slots(4)));
    for (let jobId = 1; jobId <= 4; jobId += 1) queue(fleet, jobId, { template: `mac-${jobId % 2}` });
    const there = ['mac-0', 'mac-1'].map((uuid) => ({ uuid, name: uuid, tag: null }));
    for (const host of Object.values(fleet.hosts)) host.report = { ...host.report, templates: there };
    expect(hostsOf(fleet, PACK)).toEqual(['h1', 'h1', 'h1', 'h1']);
  });

  it('packed: of equal ones the smaller is filled, so that the large one has room for large VMs', () => {
    const memory = (gigabytes: number): Partial<HostReport> => ({
      resources: { cpus: 12, memoryBytes: gigabytes * 2 ** 30, diskFreeBytes: 500e9 },
    });
    const fleet = fleetOf(report('h1', memory(128)), report('h2', memory(16)));
    queue(fleet, 1);
    expect(hostsOf(fleet, PACK)).toEqual(['h2']);
  });

  it('packed: a host that has the template, or a lower sleep interval, comes first all the same', () => {
    const fleet = fleetOf(report('h1'), report('h2', { templates: [{ uuid: 'mac-15', name: 'mac-15', tag: null }] }));
    queue(fleet, 1, { template: 'other' });
    grant(fleet, 1, 'R1', ['h1', 'a']);
    queue(fleet, 2);
    expect(hostsOf(fleet, PACK)).toEqual(['h2']);
  });
});

describe('what makes the VM', () => {
  it('decides, too, which hosts a job may have', () => {
    const of = (kind: string): Partial<HostReport> => ({ provider: { kind, version: '1', problems: [] } });
    const fleet = fleetOf(report('h1', of('tart')), report('h2', of('anka')));
    Object.assign(queue(fleet, 1), { provider: 'anka' });
    Object.assign(queue(fleet, 2), { provider: 'lxd' });
    expect(place(fleet).grants.map(({ job, host }) => [job.jobId, host])).toEqual([[1, 'h2']]);
    expect(place(fleet).reasons.get(2)?.code).toBe('no-slot');
  });
});
