/** Small fleets for the tests of placement: only what a test names differs from a plain host, job or runner. */

import type { HostReport, SlotReport } from '../../activities/contracts.js';
import type { Scope } from '../../jobs/scope.js';
import { emptyFleet, newRunner } from '../../placement/fleet.js';
import type { Fleet, FleetJob, FleetRunner } from '../../placement/fleet.js';
import type { Ask, Effect, RunnerReport } from '../../placement/messages.js';
import { applyAsk } from '../../placement/pairing.js';
import { applyHostReport } from '../../placement/hosts-heard.js';

const ACME: Scope = { kind: 'org', owner: 'acme' };

/** A moment to count from. */
export const T0 = 1_700_000_000_000;

export function slot(name: string, more: Partial<SlotReport> = {}): SlotReport {
  return {
    name,
    scope: ACME,
    runnerGroup: null,
    registrationTimeoutMs: 60_000,
    sleepInterval: 1,
    retryAttempts: 5,
    ...more,
  };
}

export function report(host: string, more: Partial<HostReport> = {}): HostReport {
  return {
    host,
    pool: 'default',
    agentId: `agent-of-${host}`,
    sessionId: 'session-1',
    bootId: 'boot-1',
    sequence: 1,
    version: '0.1.0',
    provider: { kind: 'anka', version: '3.8.6', problems: [] },
    slots: [slot('a'), slot('b')],
    resources: { cpus: 12, memoryBytes: 64e9, diskFreeBytes: 500e9 },
    templates: [],
    holds: [],
    foreignVms: [],
    vmLimit: 2,
    draining: false,
    ...more,
  };
}

export interface JobOptions {
  readonly repo?: string;
  readonly owner?: string;
  readonly labels?: readonly string[];
  readonly template?: string;
  readonly tag?: string;
  readonly createdAt?: number;
  readonly standing?: Ask['standing'];
  readonly avoid?: readonly string[];
  readonly made?: number;
  readonly runner?: Ask['runner'];
}

export function ask(jobId: number, options: JobOptions = {}): Ask {
  const template = options.template ?? 'mac-15';
  return {
    job: { owner: options.owner ?? 'acme', repo: options.repo ?? 'ios', jobId },
    workflowId: `job/github.com/${jobId}`,
    namePrefix: 'berth',
    labels: options.labels ?? [`anka-template:${template}`],
    template,
    tag: options.tag ?? 'latest',
    createdAt: options.createdAt ?? T0 + jobId,
    standing: options.standing ?? null,
    made: options.made ?? 0,
    avoid: options.avoid ?? [],
    runner: options.runner ?? null,
  };
}

/** A fleet of these hosts. */
export function fleetOf(...reports: readonly HostReport[]): Fleet {
  const fleet = emptyFleet();
  for (const one of reports) applyHostReport(fleet, one, T0);
  // As every run of the dispatcher has it that began since there are such labels.
  if (reports.some(({ labels }) => labels !== undefined)) fleet.rules = { emptiesDrained: true, hostLabels: true };
  return fleet;
}

/** The job's entry, once it has asked. */
export function queue(fleet: Fleet, jobId: number, options: JobOptions = {}): FleetJob {
  applyAsk(fleet, ask(jobId, options), T0);
  return jobIn(fleet, jobId);
}

export function jobIn(fleet: Fleet, jobId: number): FleetJob {
  const job = fleet.jobs[String(jobId)];
  if (job === undefined) throw new Error(`job ${jobId} is not in the fleet`);
  return job;
}

export function runnerIn(fleet: Fleet, name: string): FleetRunner {
  const runner = fleet.runners[name];
  if (runner === undefined) throw new Error(`runner ${name} is not in the fleet`);
  return runner;
}

/** What a runner's workflow says; unless told otherwise, a runner that ended has left no VM. */
export function said(runner: string, phase: RunnerReport['phase'], more: Partial<RunnerReport> = {}): RunnerReport {
  return { runner, phase, vmGone: phase === 'ended', failure: null, ...more };
}

/** Makes `name` for a waiting job, as the dispatcher does when it grants `host/slot`. */
export function grant(
  fleet: Fleet,
  jobId: number,
  name: string,
  [host, slotName]: readonly [string, string],
): FleetRunner {
  const job = jobIn(fleet, jobId);
  const found = fleet.hosts[host]?.report.slots.find((candidate) => candidate.name === slotName);
  const runner = newRunner(job, name, { host, slot: found ?? slot(slotName) }, T0);
  fleet.runners[name] = runner;
  job.runner = name;
  job.made += 1;
  return runner;
}

/** Effects in short: "job 1 swapped R2", "job 1 taken R1 by job 2", "runner R1 meant-for 3", "runner R1 retire". */
export function inShort(effects: readonly Effect[]): string[] {
  return effects.map((effect) => {
    if (effect.to === 'runner') {
      return effect.say === 'retire'
        ? `runner ${effect.runner} retire`
        : `runner ${effect.runner} meant-for ${effect.job.jobId}`;
    }
    if (effect.say !== 'paired') return `job ${effect.jobId} ${effect.say}`;
    const { change } = effect;
    if (change.kind === 'unplaceable') return `job ${effect.jobId} unplaceable`;
    const detail =
      change.kind === 'taken'
        ? ` by ${change.by}`
        : change.kind === 'ended'
          ? ` of ${change.failure?.type ?? 'no failure'}`
          : '';
    return `job ${effect.jobId} ${change.kind} ${change.runner}${detail}`;
  });
}
