/**
 * What holds under any policy, checked without placement's own help: every slot of these fleets fits every job of its
 * scope, so who could have had a slot is plain. Fleets with sizes and pulls are in starvation.properties.test.ts.
 */

import fc from 'fast-check';
import { it } from 'vitest';
import type { Scope } from '../../jobs/scope.js';
import { scopeAdmits } from '../../jobs/scope.js';
import { priorityOf, repositoryKey, weightOf } from '../../jobs/policy.js';
import type { Policy } from '../../jobs/policy.js';
import { byAge, newRunner, waitingJobs } from '../../placement/fleet.js';
import type { Fleet, FleetJob } from '../../placement/fleet.js';
import { OLDEST_EVERY } from '../../placement/passing.js';
import { notePlaced, place } from '../../placement/place.js';
import type { Placement } from '../../placement/place.js';
import { T0, fleetOf, queue, report, slot } from './fixtures.js';
import { policies } from './policies.js';

const SEED = 20_261_121;
const TEMPLATES = ['mac-14', 'mac-15'];
const LABELS = [[], ['urgent']] as const;

/** Few repositories of one fleet's scope, or endless new ones: each is the first of its name. */
const jobs = fc.record({
  repo: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('ios', 'web', 'matrix') }, fc.constant('new')),
  template: fc.constantFrom(...TEMPLATES),
  labels: fc.constantFrom(...LABELS),
});
type JobShape = typeof jobs extends fc.Arbitrary<infer J> ? J : never;

const IOS: Scope = { kind: 'repo', owner: 'acme', repo: 'ios' };
const ACME: Scope = { kind: 'org', owner: 'acme' };

const stories = fc.record({
  policy: policies,
  /** Of each host the scopes of its slots. */
  hosts: fc.array(fc.array(fc.constantFrom(ACME, ACME, ACME, IOS), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 4,
  }),
  first: fc.array(jobs, { maxLength: 30 }),
  /** In each round so many more, so many VMs that end (as shares of those that run). */
  rounds: fc.array(
    fc.record({ more: fc.array(jobs, { maxLength: 3 }), ends: fc.array(fc.nat(999), { maxLength: 3 }) }),
    {
      minLength: 30,
      maxLength: 60,
    },
  ),
});
type Story = typeof stories extends fc.Arbitrary<infer S> ? S : never;

interface Play {
  readonly fleet: Fleet;
  readonly policy: Policy;
  lastId: number;
}

function enqueue(play: Play, { repo, template, labels }: JobShape): void {
  play.lastId += 1;
  const options = { repo: repo === 'new' ? `new-${play.lastId}` : repo, template, tag: 'v1' };
  queue(play.fleet, play.lastId, { ...options, labels: [`anka-template:${template}`, ...labels] });
}

/** Plays the story; `see` is told of each grant, with the jobs that waited just before it and the slots in use. */
function play(story: Story, see: (one: Seen) => void): void {
  const there = TEMPLATES.map((uuid) => ({ uuid, name: uuid, tag: 'v1' }));
  const hosts = story.hosts.map((scopes, index) => {
    const slots = scopes.map((scope, n) => slot(`s${n}`, { scope }));
    return report(`h${index}`, { slots, vmLimit: slots.length, templates: there, pulling: null });
  });
  const now: Play = { fleet: fleetOf(...hosts), policy: story.policy, lastId: 0 };
  const { fleet, policy } = now;
  for (const job of story.first) enqueue(now, job);
  for (const { more, ends } of story.rounds) {
    for (const job of more) enqueue(now, job);
    const waiting = new Map(waitingJobs(fleet).map((job) => [job.jobId, job]));
    const placements = place(fleet, policy);
    for (const grant of placements.grants) {
      const used = new Map<string, number>();
      for (const { repository = '' } of Object.values(fleet.runners))
        used.set(repository, (used.get(repository) ?? 0) + 1);
      see({ grant, waiting: [...waiting.values()], used, policy });
      waiting.delete(grant.job.jobId);
      const name = `R${grant.job.jobId}`;
      fleet.runners[name] = newRunner(grant.job, name, { host: grant.host, slot: grant.slot }, T0);
      delete fleet.jobs[String(grant.job.jobId)];
    }
    notePlaced(fleet, placements);
    for (const share of ends) {
      const running = Object.keys(fleet.runners);
      const name = running[share % Math.max(1, running.length)];
      if (name !== undefined) delete fleet.runners[name];
    }
  }
}

interface Seen {
  readonly grant: Placement;
  /** Those of `grant.job` and of all that got none by then. */
  readonly waiting: readonly FleetJob[];
  readonly used: ReadonlyMap<string, number>;
  readonly policy: Policy;
}

const couldHave = (job: FleetJob, { slot: given }: Placement): boolean => scopeAdmits(given.scope, job.owner, job.repo);

/** `expect` takes longer than all that is looked at here. */
function hold(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

function always(name: string, check: () => (one: Seen) => void): void {
  it(name, () => {
    fc.assert(
      fc.property(stories, (story) => play(story, check())),
      { seed: SEED, numRuns: 150 },
    );
  });
}

always('of ten slots in a row that a job could have, one goes to it or to an older one, whatever the policy', () => {
  const inARow = new Map<number, number>();
  return ({ grant, waiting }) => {
    for (const job of waiting.filter((one) => couldHave(one, grant))) {
      const isOlder = byAge(grant.job, job) <= 0;
      inARow.set(job.jobId, isOlder ? 0 : (inARow.get(job.jobId) ?? 0) + 1);
      hold((inARow.get(job.jobId) ?? 0) < OLDEST_EVERY, `job ${job.jobId} is passed over`);
    }
  };
});

always('so a job with N older ones has a slot with the 10 × (N + 1)th that it could have, at the latest', () => {
  const seen = new Map<number, { readonly most: number; count: number }>();
  return ({ grant, waiting }) => {
    for (const job of waiting) {
      const older = waiting.filter((other) => byAge(other, job) < 0).length;
      const known = seen.get(job.jobId) ?? { most: OLDEST_EVERY * (older + 1), count: 0 };
      seen.set(job.jobId, known);
      if (couldHave(job, grant)) known.count += 1;
      hold(known.count <= known.most, `job ${job.jobId} has none of ${known.count}`);
    }
  };
});

always('a job goes before one of higher priority only if it is the older', () => {
  return ({ grant, waiting, policy }) => {
    const own = priorityOf(policy, grant.job);
    for (const other of waiting) {
      if (!couldHave(other, grant) || priorityOf(policy, other) <= own) continue;
      hold(byAge(grant.job, other) < 0, `${grant.job.jobId} before ${other.jobId}`);
    }
  };
});

always('with fairness a repository goes before one with fewer slots for its weight only by its age', () => {
  return ({ grant, waiting, used, policy }) => {
    if (policy.order !== 'fair') return;
    const shareOf = (job: FleetJob): number => ((used.get(repositoryKey(job)) ?? 0) + 1) / weightOf(policy, job);
    const own = shareOf(grant.job);
    for (const other of waiting) {
      const isPeer = priorityOf(policy, other) === priorityOf(policy, grant.job) && couldHave(other, grant);
      if (isPeer && shareOf(other) < own) hold(byAge(grant.job, other) < 0, `${grant.job.jobId} before ${other.jobId}`);
    }
  };
});

always('within a repository and a priority jobs go by age', () => {
  return ({ grant, waiting, policy }) => {
    for (const other of waiting) {
      const isPeer = repositoryKey(other) === repositoryKey(grant.job) && couldHave(other, grant);
      if (!isPeer || priorityOf(policy, other) !== priorityOf(policy, grant.job)) continue;
      hold(byAge(grant.job, other) <= 0, `${grant.job.jobId} before ${other.jobId}`);
    }
  };
});

always('with neither priorities nor fairness jobs go by age', () => {
  return ({ grant, waiting, policy }) => {
    if (policy.order === 'fair' || policy.priorities.length > 0) return;
    for (const other of waiting) {
      if (couldHave(other, grant)) hold(byAge(grant.job, other) <= 0, `${grant.job.jobId} before ${other.jobId}`);
    }
  };
});
