import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostReport, SlotReport } from '../../activities/contracts.js';
import type { Scope } from '../../jobs/scope.js';
import { scopeAdmits } from '../../jobs/scope.js';
import { roomOn, runnersOn, waitingJobs } from '../../placement/fleet.js';
import type { Fleet, FleetHost, FleetJob } from '../../placement/fleet.js';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import type { Policy } from '../../jobs/policy.js';
import { MAX_TAKEN } from '../../placement/pairing.js';
import { place } from '../../placement/place.js';
import { T0, fleetOf, grant, queue, report, slot } from './fixtures.js';
import { policies } from './policies.js';

const SEED = 20_240_917;
const OWNERS = ['acme', 'globex'];
const REPOS = ['ios', 'web'];
const TEMPLATES = ['mac-14', 'mac-15'];
/** Hosts declare some of the first two; jobs may have any, written as they like. */
const LABELS = ['iphone', 'Signing', 'run-42'];

const scopes: fc.Arbitrary<Scope> = fc.oneof(
  fc.record({ kind: fc.constant('org' as const), owner: fc.constantFrom(...OWNERS) }),
  fc.record({
    kind: fc.constant('repo' as const),
    owner: fc.constantFrom(...OWNERS),
    repo: fc.constantFrom(...REPOS),
  }),
  fc.constant({ kind: 'enterprise' as const, enterprise: 'big' }),
);

const hosts = fc.record({
  slots: fc.array(fc.record({ scope: scopes, sleepInterval: fc.nat(3) }), { maxLength: 4 }),
  vmLimit: fc.integer({ min: 0, max: 4 }),
  foreignVms: fc.nat(2),
  unknownHolds: fc.nat(2),
  draining: fc.boolean(),
  broken: fc.nat(5).map((n) => n === 0),
  lost: fc.nat(5).map((n) => n === 0),
  templates: fc.subarray(TEMPLATES),
  labels: fc.subarray(LABELS.slice(0, 2)),
});

const jobs = fc.record({
  owner: fc.constantFrom(...OWNERS),
  repo: fc.constantFrom(...REPOS),
  template: fc.constantFrom(...TEMPLATES),
  labels: fc.subarray(LABELS).chain((some) =>
    fc.constantFrom(
      some,
      some.map((label) => label.toUpperCase()),
    ),
  ),
  createdAt: fc.nat(8).map((n) => T0 + n),
  avoid: fc.subarray(['h0', 'h1']),
  taken: fc.nat(20).map((n) => Math.max(0, n - 16)),
  /** Slots are given to some before the test begins. */
  hasRunner: fc.boolean(),
});

interface Shape {
  readonly hosts: readonly (typeof hosts extends fc.Arbitrary<infer H> ? H : never)[];
  readonly jobs: readonly (typeof jobs extends fc.Arbitrary<infer J> ? J : never)[];
}

function reportOf(host: Shape['hosts'][number], index: number): HostReport {
  const { vmLimit, draining } = host;
  return report(`h${index}`, {
    vmLimit,
    draining,
    slots: host.slots.map((more, n) => slot(`s${n}`, more)),
    foreignVms: Array.from({ length: host.foreignVms }, (_, n) => `dev-${n}`),
    holds: Array.from({ length: host.unknownHolds }, (_, n) => `berth-${900 + index}-${n + 1}-aaaa`),
    templates: host.templates.map((uuid) => ({ uuid, name: uuid, tag: null })),
    labels: host.labels,
    provider: { kind: 'anka', version: '3', problems: host.broken ? ['no licence'] : [] },
  });
}

function build(shape: Shape): Fleet {
  const fleet = fleetOf(...shape.hosts.map(reportOf));
  shape.hosts.forEach((host, index) => {
    const known = fleet.hosts[`h${index}`];
    if (known !== undefined) known.lost = host.lost;
  });
  shape.jobs.forEach((job, index) => {
    const entry = queue(fleet, index + 1, job);
    entry.taken = job.taken;
    const [first] = job.hasRunner ? place(fleet).grants.filter((one) => one.job === entry) : [];
    if (first !== undefined) grant(fleet, entry.jobId, `R${entry.jobId}`, [first.host, first.slot.name]);
  });
  return fleet;
}

const fleets = fc
  .record({ hosts: fc.array(hosts, { maxLength: 4 }), jobs: fc.array(jobs, { maxLength: 14 }) })
  .map(build);

/** Half of all cases by age, as without a config. */
const anyPolicy = fc.oneof(fc.constant(DEFAULT_POLICY), policies);

const isOpen = ({ lost, report: { draining, provider } }: FleetHost): boolean =>
  !lost && !draining && provider.problems.length === 0;

/** What a host declares, as it is compared. */
const labelsOf = (host: FleetHost | undefined): string[] =>
  (host?.report.labels ?? []).map((label) => label.toLowerCase());

/** Which of a job's labels some host declares, open or not. */
const neededBy = (fleet: Fleet, { labelKey }: Pick<FleetJob, 'labelKey'>): string[] =>
  labelKey.split('\n').filter((label) => Object.values(fleet.hosts).some((host) => labelsOf(host).includes(label)));

const hasAll = (fleet: Fleet, host: FleetHost | undefined, job: FleetJob): boolean =>
  neededBy(fleet, job).every((label) => labelsOf(host).includes(label));

interface Left {
  readonly host: FleetHost;
  readonly slot: SlotReport;
}

const isFor = (fleet: Fleet, { host, slot: { scope } }: Left, job: FleetJob): boolean =>
  scopeAdmits(scope, job.owner, job.repo) && hasAll(fleet, host, job);

/** The slots that stay free on open hosts with room left after all grants; counted anew, without `place`'s help. */
function leftOver(fleet: Fleet, grants: ReturnType<typeof place>['grants']): Left[] {
  return Object.values(fleet.hosts).flatMap((host) => {
    const name = host.report.host;
    const given = grants.filter((one) => one.host === name).map((one) => one.slot.name);
    const used = new Set([...runnersOn(fleet, name).map((runner) => runner.slot), ...given]);
    if (!isOpen(host) || roomOn(fleet, host) - given.length <= 0) return [];
    return host.report.slots.flatMap((slot) => (used.has(slot.name) ? [] : [{ host, slot }]));
  });
}

function always(name: string, check: (fleet: Fleet, policy: Policy) => void): void {
  it(name, () => {
    fc.assert(fc.property(fleets, anyPolicy, check), { seed: SEED, numRuns: 700 });
  });
}

describe('placement, whatever the fleet and the policy', () => {
  always('never gives a host more than its room, or anything to one that takes no jobs', (fleet, policy) => {
    const { grants } = place(fleet, policy);
    for (const host of Object.values(fleet.hosts)) {
      const given = grants.filter((one) => one.host === host.report.host).length;
      expect(given).toBeLessThanOrEqual(isOpen(host) ? Math.max(0, roomOn(fleet, host)) : 0);
      const { slots, vmLimit, foreignVms, holds } = host.report;
      const vms = runnersOn(fleet, host.report.host).length + given + holds.length;
      if (given > 0) expect(vms).toBeLessThanOrEqual(Math.min(slots.length, vmLimit - foreignVms.length));
    }
  });

  always('gives no slot twice, none that a runner has, and none of a scope that the job is not in', (fleet, policy) => {
    const used = new Set(Object.values(fleet.runners).map(({ host, slot: name }) => `${host}/${name}`));
    for (const { host, slot: given, job } of place(fleet, policy).grants) {
      expect(used).not.toContain(`${host}/${given.name}`);
      used.add(`${host}/${given.name}`);
      expect(scopeAdmits(given.scope, job.owner, job.repo)).toBe(true);
      expect(fleet.hosts[host]?.report.slots).toContainEqual(given);
    }
  });

  always('gives each waiting job either one slot or one reason, and others nothing', (fleet, policy) => {
    const { grants, reasons } = place(fleet, policy);
    const answered = [...grants.map(({ job }) => job.jobId), ...reasons.keys()].sort((a, b) => a - b);
    expect(answered).toEqual(
      waitingJobs(fleet)
        .map((job) => job.jobId)
        .sort((a, b) => a - b),
    );
    for (const { words } of reasons.values()) expect(words.length).toBeGreaterThan(10);
  });

  always('leaves no job waiting beside a free slot that it fits', (fleet, policy) => {
    const { grants, reasons } = place(fleet, policy);
    const free = leftOver(fleet, grants);
    for (const job of waitingJobs(fleet)) {
      if (!reasons.has(job.jobId) || job.taken > MAX_TAKEN) continue;
      expect(free.filter((left) => isFor(fleet, left, job))).toEqual([]);
    }
  });

  always('by age: never serves a job while an older one that fits the same slots waits', (fleet) => {
    const { grants, reasons } = place(fleet);
    for (const { job, host, slot: given } of grants) {
      const passed = waitingJobs(fleet).filter(
        (other) =>
          other.position < job.position &&
          reasons.has(other.jobId) &&
          other.taken <= MAX_TAKEN &&
          scopeAdmits(given.scope, other.owner, other.repo) &&
          hasAll(fleet, fleet.hosts[host], other),
      );
      expect(passed).toEqual([]);
    }
  });

  always('gives a job with a label that some host declares only to hosts that declare it', (fleet, policy) => {
    for (const { job, host } of place(fleet, policy).grants) {
      expect(labelsOf(fleet.hosts[host])).toEqual(expect.arrayContaining(neededBy(fleet, job)));
    }
  });

  always('is pure: the same answer again, and the fleet is as it was', (fleet, policy) => {
    const before = structuredClone(fleet);
    const first = place(fleet, policy);
    expect(fleet).toEqual(before);
    expect(place(before, policy)).toEqual(first);
  });

  always('does not depend on the order in which hosts and runners became known', (fleet, policy) => {
    const reversed = <T>(record: Record<string, T>): Record<string, T> =>
      Object.fromEntries(Object.entries(record).reverse());
    const turned = { ...fleet, runners: reversed(fleet.runners), hosts: reversed(fleet.hosts) };
    expect(place(turned, policy).grants).toEqual(place(fleet, policy).grants);
  });
});

describe('the host of a job, where there is a choice', () => {
  /** Few jobs, and slots for all of them. */
  const roomy = fc
    .record({
      hosts: fc.array(fc.record({ labels: fc.subarray(LABELS.slice(0, 2)), templates: fc.subarray(TEMPLATES) }), {
        minLength: 2,
        maxLength: 5,
      }),
      sleeps: fc.array(fc.nat(3), { minLength: 10, maxLength: 10 }),
      jobs: fc.array(fc.record({ template: fc.constantFrom(...TEMPLATES), labels: fc.subarray(LABELS) }), {
        minLength: 1,
        maxLength: 3,
      }),
    })
    .map(({ hosts: all, sleeps, jobs: asking }) => {
      const fleet = fleetOf(
        ...all.map(({ labels, templates }, index) =>
          report(`h${index}`, {
            labels,
            templates: templates.map((uuid) => ({ uuid, name: uuid, tag: null })),
            slots: ['a', 'b'].map((name, n) => slot(name, { sleepInterval: sleeps[2 * index + n] ?? 0 })),
          }),
        ),
      );
      asking.forEach((job, index) => queue(fleet, index + 1, job));
      return fleet;
    });

  it('has labels that the job does not need only if no other that has the template as well would do', () => {
    fc.assert(
      fc.property(roomy, anyPolicy, (fleet, policy) => {
        const { grants } = place(fleet, policy);
        const free = leftOver(fleet, grants).map(({ host }) => host);
        for (const { job, host } of grants) {
          const has = (name: string): boolean =>
            fleet.hosts[name]?.report.templates.some(({ uuid }) => uuid === job.template) === true;
          const better = free.filter(
            (other) =>
              hasAll(fleet, other, job) &&
              (has(other.report.host) || !has(host)) &&
              labelsOf(other).length < labelsOf(fleet.hosts[host]).length,
          );
          expect(better.map((other) => other.report.host)).toEqual([]);
        }
      }),
      { seed: SEED, numRuns: 700 },
    );
  });
});

describe('placement of a large fleet', () => {
  const HOSTS = 1_000;
  const JOBS = 20_000;

  function largeFleet(isBusy: boolean): Fleet {
    const fleet = fleetOf(
      ...Array.from({ length: HOSTS }, (_, n) =>
        report(`h${n}`, {
          templates: [{ uuid: 'mac-15', name: 'm', tag: null }],
          labels: n % 4 === 0 ? ['iphone', `desk-${n}`] : [],
        }),
      ),
    );
    for (let n = 0; n < JOBS; n += 1)
      queue(fleet, n + 1, {
        repo: `repo-${n % 200}`,
        labels: n % 4 === 0 ? ['self-hosted', 'iphone'] : ['self-hosted', `run-${n % 500}`],
      });
    if (isBusy)
      for (const { job, host, slot: given } of place(fleet).grants)
        grant(fleet, job.jobId, `R${job.jobId}`, [host, given.name]);
    return fleet;
  }

  const FAIR: Policy = { ...DEFAULT_POLICY, order: 'fair', hosts: 'pack' };

  it.each([
    ['idle: every slot is granted', false, DEFAULT_POLICY, 2 * HOSTS],
    ['busy: every job gets a reason', true, DEFAULT_POLICY, 0],
    ['idle, with fairness, packed', false, FAIR, 2 * HOSTS],
    ['busy, with fairness', true, FAIR, 0],
  ])(
    'of 1,000 hosts with 20,000 jobs, %s, well within what a workflow may take for a step',
    (...[, isBusy, policy, expected]) => {
      const fleet = largeFleet(isBusy);
      const waiting = waitingJobs(fleet).length;
      const start = performance.now();
      const { grants, reasons } = place(fleet, policy);
      // Temporal calls a workflow stuck after 2 s without a yield.
      expect(performance.now() - start).toBeLessThan(2_000);
      expect(grants).toHaveLength(expected);
      expect(reasons.size).toBe(waiting - expected);
    },
  );
});
