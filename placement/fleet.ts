/**
 * What the dispatcher knows: who waits, which runners exist or are coming, which hosts there are.
 * Plain JSON, because it crosses continue-as-new.
 */

import type { HostReport, SlotReport } from '../activities/contracts.js';
import { normaliseLabels } from '../jobs/labels.js';
import { scopeText } from '../jobs/names.js';
import { scopeAdmits } from '../jobs/scope.js';
import { repositoryKey } from '../jobs/policy.js';
import type { Kept } from './keep.js';
import type { Passed } from './passing.js';
import type { WaitCode } from './reasons.js';

/** A queued job that asked for a slot. It leaves when it starts, ends, or stops asking. */
export interface FleetJob {
  readonly jobId: number;
  readonly workflowId: string;
  readonly owner: string;
  readonly repo: string;
  /** Normalised labels: jobs with equal ones are interchangeable to GitHub. */
  readonly labelKey: string;
  readonly template: string;
  readonly tag: string;
  readonly namePrefix: string;
  /** Epoch milliseconds; the order of the queue. Its creation time, or that of a job whose place it took over. */
  position: number;
  /** How many runners were made for it: part of the next one's name. */
  made: number;
  /** Hosts that just failed it: tried last. */
  avoid: readonly string[];
  /** How often a job that isn't Berth's took a runner made for it. */
  taken: number;
  askedAt: number;
  /** When it said it would ask again (milliseconds after `askedAt`); absent: within a minute. */
  againMs?: number;
  /** The runner that is meant for it, made or coming. */
  runner: string | null;
  /** What it was last told about why it waits. */
  toldReason: string | null;
  /** The code of that; absent where an older version told it. */
  toldCode?: WaitCode;
  /** What makes its VM; absent: whatever its host has. */
  readonly provider?: string;
  /** The host that is kept for it. */
  kept?: Kept | null;
  /** Epoch milliseconds: since when no host is large enough for its VM; null while one is. */
  tooBigSince?: number | null;
  /** How long it waits for a larger host before it is given up (milliseconds). */
  unplaceableAfterMs?: number;
  /** Slots that it could have had went to younger jobs. */
  passed?: Passed | null;
}

/**
 * - `coming`: its slot is promised, its VM is being made, or GitHub may give it a job at any moment;
 * - `serving`: it works on a job;
 * - `ending`: it was told to go, or cleans up: its slot is taken, but no job may count on it.
 */
export type RunnerPhase = 'coming' | 'serving' | 'ending';

export interface FleetRunner {
  readonly name: string;
  readonly host: string;
  readonly slot: string;
  readonly scope: string;
  readonly runnerGroup: string | null;
  readonly labelKey: string;
  /** Epoch milliseconds; later by the time in which the dispatcher did not run. */
  grantedAt: number;
  phase: RunnerPhase;
  /** The waiting job it is meant for. */
  meantFor: number | null;
  /** The job it works on, of whichever owner. */
  serves: number | null;
  /** Its host has reported its VM at least once. */
  seenOnHost: boolean;
  /** Known by its job's word only: the dispatcher forgot it, or was told of its end before that word arrived. */
  remembered: boolean;
  /** Its host no longer has its VM: the slot is free, although the runner's workflow hasn't said so yet. */
  goneSince: number | null;
  /** What its VM is made from. */
  readonly template?: string;
  readonly tag?: string;
  /** Its host did not have the template when the slot was granted. */
  readonly pulls?: boolean;
  /** Whose slot it is: the repository (`repositoryKey`) of the job that it is meant for or serves. Absent: not known. */
  repository?: string;
}

export interface FleetHost {
  report: HostReport;
  lost: boolean;
  seenAt: number;
}

export interface FleetRules {
  /** A runner on a host that drains gets no other job than its own. */
  readonly emptiesDrained: boolean;
  /** A job with a label that a host declares goes to hosts that declare it. Absent: it goes anywhere. */
  readonly hostLabels?: boolean;
  /** A slot that is given to one who is due goes to one who is older, and due there, too. */
  readonly duesByAge?: boolean;
}

export interface Fleet {
  readonly jobs: Record<string, FleetJob>;
  readonly runners: Record<string, FleetRunner>;
  readonly hosts: Record<string, FleetHost>;
  /** VMs that are gone for certain, and since when: a host's report that was on its way may still name them. */
  readonly gone: Record<string, number>;
  /** How this run of the dispatcher decides, where that has changed: a run must not change its ways, or no replay would. */
  rules?: FleetRules;
  /** When the dispatcher last did anything. */
  awakeAt?: number;
}

/**
 * A fleet of hosts of which is known what they said last: they count as lost until they speak themselves. Without their
 * templates, which are most of a report.
 */
export function fleetRecalled(reports: readonly HostReport[], now: number): Fleet {
  const hosts = reports.map((report): FleetHost => ({ report: { ...report, templates: [] }, lost: true, seenAt: now }));
  return { ...emptyFleet(), hosts: Object.fromEntries(hosts.map((host) => [host.report.host, host])) };
}

export const emptyFleet = (): Fleet => ({ jobs: {}, runners: {}, hosts: {}, gone: {} });

/**
 * One string for a label set; equal strings mean interchangeable jobs within a scope. Joined by what no label contains
 * (`readLabels` refuses control characters): a label may well contain a comma.
 */
export const labelKeyOf = (labels: readonly string[]): string => normaliseLabels(labels).join('\n');

/** By name. Names of runners that aren't Berth's come from outside: one like `__proto__` must find nothing. */
export const runnerOf = (fleet: Fleet, name: string): FleetRunner | undefined =>
  Object.hasOwn(fleet.runners, name) ? fleet.runners[name] : undefined;

export const jobOf = (fleet: Fleet, jobId: number): FleetJob | undefined => fleet.jobs[String(jobId)];

/** Jobs that have no runner, the oldest first. */
export function waitingJobs(fleet: Fleet): FleetJob[] {
  return Object.values(fleet.jobs)
    .filter((job) => job.runner === null)
    .sort(byAge);
}

/** The older one first. */
export const byAge = (a: Age, b: Age): number => a.position - b.position || a.jobId - b.jobId;

export type Age = Pick<FleetJob, 'position' | 'jobId'>;

/** Whether GitHub could give this job to this runner and both agree on what the VM is. */
export function canServe(fleet: Fleet, runner: FleetRunner, job: FleetJob): boolean {
  const slot = slotOf(fleet, runner.host, runner.slot);
  return runner.labelKey === job.labelKey && slot !== undefined && scopeAdmits(slot.scope, job.owner, job.repo);
}

function slotOf(fleet: Fleet, host: string, slot: string): SlotReport | undefined {
  return fleet.hosts[host]?.report.slots.find((candidate) => candidate.name === slot);
}

/** The runners that take room on a host: all whose VM may exist. */
export function runnersOn(fleet: Fleet, host: string): FleetRunner[] {
  return Object.values(fleet.runners).filter((runner) => runner.host === host && runner.goneSince === null);
}

/** The same for all hosts at once: looking through all runners again for each of a thousand hosts takes seconds. */
export function runnersByHost(fleet: Fleet): ReadonlyMap<string, FleetRunner[]> {
  const byHost = new Map<string, FleetRunner[]>();
  for (const runner of Object.values(fleet.runners)) {
    if (runner.goneSince !== null) continue;
    const on = byHost.get(runner.host);
    if (on === undefined) byHost.set(runner.host, [runner]);
    else on.push(runner);
  }
  return byHost;
}

/**
 * How many more VMs a host can take: the smaller of its slots and its VM limit, less what runs there. What the host
 * reports beats what the dispatcher believes, so VMs nobody here knows of count, too.
 */
export function roomOn(fleet: Fleet, host: FleetHost, on = runnersOn(fleet, host.report.host)): number {
  const { slots, vmLimit, foreignVms } = host.report;
  return Math.min(slots.length, vmLimit - foreignVms.length) - on.length - unknownOn(fleet, host);
}

/** How many of Berth's VMs run on a host whose runners nobody here knows. */
const unknownOn = (fleet: Fleet, host: FleetHost): number => unknownHolds(fleet, host).length;

/** The same, where the host does not say either which slot they take: a leftover, or an agent of before. */
export const unplacedOn = (fleet: Fleet, host: FleetHost): number =>
  unknownHolds(fleet, host).filter((name) => slotHeldBy(host, name) === undefined).length;

const unknownHolds = (fleet: Fleet, host: FleetHost): readonly string[] =>
  host.report.holds.filter((name) => runnerOf(fleet, name) === undefined && !isGone(fleet, name));

function slotHeldBy({ report: { heldSlots } }: FleetHost, name: string): string | undefined {
  return heldSlots !== undefined && Object.hasOwn(heldSlots, name) ? heldSlots[name] : undefined;
}

/** How many slots each repository has, by `repositoryKey`, as far as it is known. */
export function slotsByRepository(fleet: Fleet): Map<string, number> {
  const slots = new Map<string, number>();
  for (const { repository, goneSince } of Object.values(fleet.runners)) {
    if (repository === undefined || goneSince !== null) continue;
    slots.set(repository, (slots.get(repository) ?? 0) + 1);
  }
  return slots;
}

/** Whether this runner's VM is gone for certain. */
export const isGone = (fleet: Fleet, name: string): boolean => Object.hasOwn(fleet.gone, name);

/** The entries of a host that no runner has, by the books or by the host's own word. */
export function freeSlots(fleet: Fleet, host: FleetHost, on = runnersOn(fleet, host.report.host)): SlotReport[] {
  const held = host.report.holds.filter((name) => !isGone(fleet, name)).map((name) => slotHeldBy(host, name));
  const taken = new Set([...on.map((runner) => runner.slot), ...held]);
  return host.report.slots.filter((slot) => !taken.has(slot.name));
}

/** A runner whose slot is granted now; `pulls`: its host must pull the template first. */
export function newRunner(
  job: FleetJob,
  name: string,
  { host, slot, pulls = false }: { readonly host: string; readonly slot: SlotReport; readonly pulls?: boolean },
  now: number,
): FleetRunner {
  const { name: slotName, scope, runnerGroup } = slot;
  return comingRunner(job, { name, host, slot: slotName, scope: scopeText(scope), runnerGroup }, now, { pulls });
}

/** A runner that the dispatcher knows of by its job's word only: it forgot what it granted. */
export function rememberedRunner(
  job: FleetJob,
  { name, host, slot }: Pick<FleetRunner, 'name' | 'host' | 'slot'>,
  now: number,
): FleetRunner {
  const scope = `${job.owner}/${job.repo}`;
  return comingRunner(job, { name, host, slot, scope, runnerGroup: null }, now, { remembered: true });
}

function comingRunner(
  job: FleetJob,
  place: Pick<FleetRunner, 'name' | 'host' | 'slot' | 'scope' | 'runnerGroup'>,
  now: number,
  { remembered = false, pulls = false }: Partial<Pick<FleetRunner, 'remembered' | 'pulls'>>,
): FleetRunner {
  return {
    ...place,
    labelKey: job.labelKey,
    grantedAt: now,
    phase: 'coming',
    meantFor: job.jobId,
    serves: null,
    seenOnHost: false,
    remembered,
    goneSince: null,
    template: job.template,
    tag: job.tag,
    ...(pulls && { pulls }),
    repository: repositoryKey(job),
  };
}
