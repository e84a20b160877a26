import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { HostReport, TemplateReport } from '../../activities/contracts.js';
import { DEFAULT_POLICY, isByAge } from '../../jobs/policy.js';
import { newRunner } from '../../placement/fleet.js';
import type { Fleet, FleetRunner } from '../../placement/fleet.js';
import { OLDEST_EVERY } from '../../placement/passing.js';
import { notePlaced, place } from '../../placement/place.js';
import type { Placements } from '../../placement/place.js';
import { T0, fleetOf, queue, report, slot } from './fixtures.js';
import { policies } from './policies.js';

const SEED = 20_260_611;
const GB = 2 ** 30;
const SIZES = [
  [2, 4],
  [4, 8],
  [6, 20],
  [8, 12],
] as const;

/** Some are a host's by chance, and some are no host's. */
const LABELS = ['iphone', 'gpu'];

const template = (index: number): TemplateReport => {
  const [cpus, gigabytes] = SIZES[index] ?? [1, 1];
  const size = { cpus, memoryBytes: gigabytes * GB };
  return { uuid: `t${index}`, name: `t${index}`, tag: 'v1', size };
};

const hosts = fc.record({
  cpus: fc.integer({ min: 2, max: 12 }),
  gigabytes: fc.integer({ min: 4, max: 40 }),
  templates: fc.subarray([0, 1, 2, 3]),
  vmLimit: fc.integer({ min: 1, max: 3 }),
  foreign: fc.nat(4).map((n) => n === 0),
  ofRepo: fc.nat(2).map((n) => n === 0),
  labels: fc.subarray(LABELS),
});
type HostShape = typeof hosts extends fc.Arbitrary<infer H> ? H : never;

const jobs = fc.record({ template: fc.nat(3), repo: fc.constantFrom('ios', 'web'), labels: fc.subarray(LABELS) });

/** Which of the VMs that run ends next, as a share of their number. */
const stories = fc.record({
  hosts: fc.array(hosts, { minLength: 1, maxLength: 4 }),
  jobs: fc.array(jobs, { minLength: 1, maxLength: 12 }),
  /** Younger ones, one a round, for as long as the story goes. */
  younger: fc.array(jobs, { minLength: 1, maxLength: 5 }),
  ends: fc.array(fc.nat(999), { minLength: 1, maxLength: 30 }),
  policy: fc.oneof(fc.constant(DEFAULT_POLICY), policies),
});
type Story = typeof stories extends fc.Arbitrary<infer S> ? S : never;

function reportOf(host: HostShape, index: number): HostReport {
  const scope = { kind: 'repo', owner: 'acme', repo: 'ios' } as const;
  return report(`h${index}`, {
    slots: ['a', 'b', 'c'].map((name) => slot(name, host.ofRepo && name === 'a' ? { scope } : {})),
    vmLimit: host.vmLimit,
    resources: { cpus: host.cpus, memoryBytes: host.gigabytes * GB, diskFreeBytes: 500 * GB },
    templates: host.templates.map(template),
    pulling: null,
    labels: host.labels,
    ...(host.foreign && { foreignVms: ['dev'], foreignUse: { cpus: 1, memoryBytes: 2 * GB } }),
  });
}

/** Every template's size is known, from a host that takes no jobs. */
const library = report('library', { templates: [0, 1, 2, 3].map(template), draining: true, slots: [] });

interface Play {
  readonly fleet: Fleet;
  readonly story: Story;
  /** The host that was kept for each job at the last look. */
  kept: Map<number, string>;
  lastId: number;
}

function begin(play: Play): Placements {
  const { fleet } = play;
  const placements = place(fleet, play.story.policy);
  for (const { job, host, slot: given, pulls } of placements.grants) {
    const name = `R${job.jobId}`;
    fleet.runners[name] = newRunner(job, name, { host, slot: given, pulls }, T0 + job.jobId);
    for (const [jobId, keptHost] of play.kept) {
      const isStillKept = placements.kept.get(jobId)?.host === keptHost;
      // One that needs the same may, where jobs don't come by age: that is counted as passing it over.
      const isOfKind = !isByAge(play.story.policy) && fleet.jobs[String(jobId)]?.template === job.template;
      const isOvertaken = isStillKept && keptHost === host && jobId < job.jobId && !isOfKind;
      expect(isOvertaken && `${name} began on ${host}, kept for job ${jobId}`).toBe(false);
    }
    delete fleet.jobs[String(job.jobId)];
  }
  expectKeptOn(play, placements);
  notePlaced(fleet, placements);
  play.kept = keptRoom(placements);
  return placements;
}

const keptRoom = ({ kept }: Placements): Map<number, string> =>
  new Map([...kept].flatMap(([jobId, { host, what }]) => (what === 'room' ? [[jobId, host] as const] : [])));

/** Only an older job may take the host that is kept for one that still waits. */
function expectKeptOn({ fleet, kept }: Play, placements: Placements): void {
  const now = keptRoom(placements);
  for (const [jobId, host] of kept) {
    if (fleet.jobs[String(jobId)] === undefined || now.get(jobId) === host) continue;
    const hasOlder = [...placements.kept.keys()].some((other) => other < jobId);
    expect(hasOlder, `job ${jobId} keeps ${host}`).toBe(true);
  }
}

const running = (fleet: Fleet): FleetRunner[] => Object.values(fleet.runners);

/** A VM ends, each third time the oldest one, for none runs for ever; the host has its template by then. */
function endOne({ fleet, story }: Play, round: number): void {
  const all = running(fleet);
  const [share = 0] = story.ends.slice(round % story.ends.length);
  const oldest = [...all].sort((a, b) => a.grantedAt - b.grantedAt)[0];
  const runner = round % 3 === 0 ? oldest : all[share % Math.max(1, all.length)];
  if (runner === undefined) return;
  delete fleet.runners[runner.name];
  const host = fleet.hosts[runner.host];
  const entry = template(Number(runner.template?.slice(1)));
  if (host === undefined || host.report.templates.some(({ uuid }) => uuid === entry.uuid)) return;
  host.report = { ...host.report, templates: [...host.report.templates, entry] };
}

function expectWithinHosts(fleet: Fleet): void {
  for (const { report: said } of Object.values(fleet.hosts)) {
    const on = running(fleet).filter(({ host }) => host === said.host);
    expect(on.length + said.foreignVms.length).toBeLessThanOrEqual(Math.max(said.vmLimit, said.foreignVms.length));
    expect(new Set(on.map((runner) => runner.slot)).size).toBe(on.length);
    const sizes = on.map((runner) => template(Number(runner.template?.slice(1))).size);
    const cpus = sizes.reduce((sum, size) => sum + (size?.cpus ?? 0), said.foreignUse?.cpus ?? 0);
    const memory = sizes.reduce((sum, size) => sum + (size?.memoryBytes ?? 0), said.foreignUse?.memoryBytes ?? 0);
    expect(on.length === 0 || cpus <= said.resources.cpus, `CPUs of ${said.host}`).toBe(true);
    expect(on.length === 0 || memory <= said.resources.memoryBytes, `memory of ${said.host}`).toBe(true);
    const missing = on.filter((runner) => !said.templates.some(({ uuid }) => uuid === runner.template));
    expect(new Set(missing.map((runner) => runner.template)).size, `pulls on ${said.host}`).toBeLessThanOrEqual(1);
  }
}

/** By the shapes alone: whether the job finds room on some host when nothing of Berth's runs there. */
function canEver(story: Story, job: Story['jobs'][number]): boolean {
  const { size } = template(job.template);
  const needed = job.labels.filter((label) => story.hosts.some(({ labels }) => labels.includes(label)));
  return story.hosts.some(({ cpus, gigabytes, vmLimit, foreign, labels }) => {
    if (!needed.every((label) => labels.includes(label))) return false;
    const [ownCpus, ownMemory] = foreign ? [cpus - 1, (gigabytes - 2) * GB] : [cpus, gigabytes * GB];
    return vmLimit > Number(foreign) && (size?.cpus ?? 0) <= ownCpus && (size?.memoryBytes ?? 0) <= ownMemory;
  });
}

it('whatever the fleet and the policy: no host is overfilled or pulls twice at once, and no job starves behind endless younger ones', () => {
  fc.assert(
    fc.property(stories, (story) => {
      const fleet = fleetOf(library, ...story.hosts.map(reportOf));
      const play: Play = { fleet, story, kept: new Map(), lastId: 0 };
      const enqueue = (job: Story['jobs'][number]): void => {
        play.lastId += 1;
        const { repo, labels } = job;
        queue(fleet, play.lastId, { repo, labels, template: `t${job.template}`, tag: 'v1' });
      };
      for (const job of story.jobs) enqueue(job);
      const servable = story.jobs.flatMap((job, index) => (canEver(story, job) ? [index + 1] : []));
      const isWaiting = (): boolean => servable.some((jobId) => fleet.jobs[String(jobId)] !== undefined);
      // Each job ahead costs at most the VMs of one host (three), each of which is ended within a full turn of all.
      const atOnce = 60 + 40 * story.jobs.length * story.hosts.length;
      const most = isByAge(story.policy) ? atOnce : OLDEST_EVERY * atOnce;
      for (let round = 0; isWaiting(); round += 1) {
        if (round > most)
          throw new Error(`jobs wait after ${most} VMs have ended: ${Object.keys(fleet.jobs).slice(0, 12).join()}`);
        begin(play);
        expectWithinHosts(fleet);
        const [next] = story.younger.slice(round % story.younger.length);
        if (next !== undefined) enqueue(next);
        endOne(play, round);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});
