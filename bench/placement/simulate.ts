/**
 * Plays the scene against the dispatcher's own books and placement, second by second, without Temporal: jobs are queued,
 * granted, pull what is missing, boot, run and end. Nothing is random but the scene.
 */

import type { HostReport } from '../../activities/contracts.js';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import type { Policy } from '../../jobs/policy.js';
import { emptyFleet, newRunner } from '../../placement/fleet.js';
import type { Fleet } from '../../placement/fleet.js';
import { applyAsk, applyJobStarted } from '../../placement/pairing.js';
import { applyHostReport } from '../../placement/hosts-heard.js';
import { notePlaced, place } from '../../placement/place.js';
import type { Placement } from '../../placement/place.js';
import { HOSTS, JOBS, createRandom, hostReport, sceneJobs, templateReport } from './scene.js';
import type { SceneJob } from './scene.js';

const PULL_S = 120;
const BOOT_S = 20;
const LONGEST_S = 6 * 3_600;

/** From the first placement that kept a host for a job until its slot. */
export interface Keeping {
  readonly jobId: number;
  /** What it needs: others that need the same may begin there, where jobs do not come by age. */
  readonly template: string;
  readonly host: string;
  readonly sinceS: number;
  /** When the VMs that ran there then, and those of older jobs since, had ended: the bound that is stated. */
  boundS: number;
  endedS: number | null;
  /** Younger jobs that began there meanwhile: none may. */
  overtaken: number;
}

export interface Simulation {
  /** CPU time of each placement (ms), and how many slots it granted. */
  readonly passes: readonly { readonly ms: number; readonly grants: number; readonly waiting: number }[];
  /** Seconds that each job waited for its slot, with its repository and template. */
  readonly waits: readonly { readonly repo: string; readonly template: string; readonly waitS: number }[];
  readonly keepings: readonly Keeping[];
  /** How often an older job took over the host that was kept for another: the time of that one begins anew. */
  readonly lost: number;
  /** Slot seconds while jobs waited: slots in use, free and kept for a job, free for another reason. */
  readonly slots: { readonly used: number; readonly kept: number; readonly free: number };
  /** How often in a row a job was passed over, at most: slots that it could have had went to younger ones. */
  readonly passedOver: number;
  readonly tookS: number;
}

interface State {
  readonly fleet: Fleet;
  readonly policy: Policy;
  readonly jobs: ReadonlyMap<number, SceneJob>;
  readonly queued: readonly SceneJob[];
  /** What happens at a second. */
  readonly due: Map<number, (() => void)[]>;
  /** When each runner's VM will be gone (seconds), by host. */
  readonly ends: Map<string, Map<string, number>>;
  readonly keepings: Map<number, Keeping>;
  readonly lost: { count: number };
  readonly waits: { repo: string; template: string; waitS: number }[];
  passedOver: number;
}

export function simulate(policy: Policy = DEFAULT_POLICY, seed = 20_260_101): Simulation {
  const random = createRandom(seed);
  const fleet = { ...emptyFleet(), rules: { emptiesDrained: true, duesByAge: true } };
  for (let index = 0; index < HOSTS; index += 1) applyHostReport(fleet, hostReport(index, random), 0);
  const queued = sceneJobs(random);
  const jobs = new Map(queued.map((job) => [job.ask.job.jobId, job]));
  const state: State = {
    fleet,
    policy,
    jobs,
    queued,
    due: new Map(),
    ends: new Map(),
    keepings: new Map(),
    lost: { count: 0 },
    waits: [],
    passedOver: 0,
  };
  const passes: { ms: number; grants: number; waiting: number }[] = [];
  const slots = { used: 0, kept: 0, free: 0 };
  let next = 0;
  let second = 0;
  for (; state.waits.length < JOBS; second += 1) {
    if (second > LONGEST_S) throw new Error(`${JOBS - state.waits.length} jobs have no slot after ${LONGEST_S} s`);
    const happens = state.due.get(second) ?? [];
    state.due.delete(second);
    for (const happen of happens) happen();
    for (let job = queued[next]; job !== undefined && job.atS <= second; job = queued[++next]) {
      applyAsk(fleet, job.ask, second * 1_000);
    }
    passes.push(pass(state, second));
    if (Object.keys(fleet.jobs).length > 0) countSlots(state, slots);
  }
  return {
    passes,
    waits: state.waits,
    keepings: [...state.keepings.values()],
    lost: state.lost.count,
    slots,
    passedOver: state.passedOver,
    tookS: second,
  };
}

function pass(state: State, second: number): Simulation['passes'][number] {
  const { fleet, policy } = state;
  const waiting = Object.keys(fleet.jobs).length;
  const before = performance.now();
  const { grants, kept, passed } = place(fleet, policy);
  const ms = performance.now() - before;
  for (const grant of grants) begin(state, grant, second);
  notePlaced(fleet, { kept, passed });
  for (const { times } of passed.values()) state.passedOver = Math.max(state.passedOver, times);
  for (const { jobId, host, endedS } of state.keepings.values()) {
    if (endedS !== null || kept.get(jobId)?.host === host) continue;
    state.keepings.delete(jobId);
    state.lost.count += 1;
  }
  for (const [jobId, { host, what }] of kept) if (what === 'room') noteKeeping(state, jobId, host, second);
  return { ms, grants: grants.length, waiting };
}

function begin(state: State, { job, host, slot, pulls }: Placement, second: number): void {
  const { fleet, jobs, due, ends, keepings, waits } = state;
  const scene = jobs.get(job.jobId);
  if (scene === undefined) throw new Error(`job ${job.jobId} is not in the scene`);
  const runner = `berth-${job.jobId}-1-0000`;
  fleet.runners[runner] = newRunner(job, runner, { host, slot, pulls }, second * 1_000);
  job.runner = runner;
  applyJobStarted(fleet, { jobId: job.jobId, runner, foreign: false });
  waits.push({ repo: job.repo, template: job.template, waitS: second - scene.atS });
  const readyS = second + (pulls ? PULL_S : 0);
  if (pulls) pull(state, host, job.template, readyS);
  const endS = readyS + BOOT_S + scene.runsS;
  noteBegun(keepings, { jobId: job.jobId, template: job.template, host, second, endS });
  const onHost = ends.get(host) ?? new Map<string, number>();
  ends.set(host, onHost.set(runner, endS));
  at(due, endS, () => {
    delete fleet.runners[runner];
    onHost.delete(runner);
  });
}

interface Begun {
  readonly jobId: number;
  readonly template: string;
  readonly host: string;
  readonly second: number;
  readonly endS: number;
}

function noteBegun(keepings: State['keepings'], { jobId, template, host, second, endS }: Begun): void {
  for (const keeping of keepings.values()) {
    if (keeping.endedS !== null) continue;
    if (keeping.jobId === jobId) keeping.endedS = second;
    else if (keeping.host === host && keeping.jobId < jobId && keeping.template !== template) keeping.overtaken += 1;
    else if (keeping.host === host) keeping.boundS = Math.max(keeping.boundS, endS - keeping.sinceS);
  }
}

function pull({ fleet, due }: State, host: string, template: string, readyS: number): void {
  const change = (more: (report: HostReport) => Partial<HostReport>): void => {
    const known = fleet.hosts[host];
    if (known !== undefined) known.report = { ...known.report, ...more(known.report) };
  };
  change(() => ({ pulling: { template, tag: 'v1' } }));
  at(due, readyS, () =>
    change(({ templates }) => ({ pulling: null, templates: [...templates, templateReport(template)] })),
  );
}

function noteKeeping(state: State, jobId: number, host: string, second: number): void {
  const known = state.keepings.get(jobId);
  if (known !== undefined) return;
  const ends = [...(state.ends.get(host)?.values() ?? [])];
  const boundS = Math.max(second, ...ends) - second;
  const template = state.jobs.get(jobId)?.ask.template ?? '';
  state.keepings.set(jobId, { jobId, template, host, sinceS: second, boundS, endedS: null, overtaken: 0 });
}

function at(due: State['due'], second: number, happen: () => void): void {
  const there = due.get(second);
  if (there === undefined) due.set(second, [happen]);
  else there.push(happen);
}

function countSlots({ fleet }: State, slots: { used: number; kept: number; free: number }): void {
  const kept = new Set(Object.values(fleet.jobs).map((job) => job.kept?.host));
  const used = new Map<string, number>();
  for (const { host } of Object.values(fleet.runners)) used.set(host, (used.get(host) ?? 0) + 1);
  for (const { report } of Object.values(fleet.hosts)) {
    const busy = used.get(report.host) ?? 0;
    slots.used += busy;
    slots[kept.has(report.host) ? 'kept' : 'free'] += report.slots.length - busy;
  }
}
