/** Everything the simulated GitHub remembers, and the few ways to change it. */

import { createChanges } from './changes.js';
import type { Changes } from './changes.js';
import { sameName } from './names.js';
import type { GroupOptions, OwnerOptions, ReadLags, Settings } from './options.js';
import type { CancelCall, JobTransition, RunnerTransition, RunState, SimJob, SimRun, SimRunner } from './types.js';

interface Version<T> {
  readonly at: number;
  readonly value: T;
}

export interface World {
  readonly settings: Settings;
  readonly changes: Changes;
  readonly jobs: ReadonlyMap<number, SimJob>;
  readonly runs: ReadonlyMap<number, SimRun>;
  /** Registered runners. */
  readonly runners: ReadonlyMap<number, SimRunner>;
  readonly removedRunners: readonly SimRunner[];
  /** Ids of jobs that are not over. */
  readonly openJobs: ReadonlySet<number>;
  readonly jobHistory: JobTransition[];
  readonly runnerHistory: RunnerTransition[];
  readonly cancelCalls: CancelCall[];
  reads: ReadLags;
  /** The simulator's own URL, with its port once it listens; no slash at the end. */
  url: string;
  readonly nextId: (kind: 'job' | 'run' | 'runner' | 'delivery' | 'deployment' | 'matrix' | 'hook') => number;
  readonly putJob: (job: SimJob, step?: JobTransition['step']) => SimJob;
  readonly putRun: (run: SimRun) => SimRun;
  readonly putRunner: (runner: SimRunner, step?: RunnerTransition['step']) => SimRunner;
  readonly jobsOf: (runId: number) => readonly SimJob[];
  /** The job as it was at this time, or as it began when it is younger. */
  readonly jobAt: (id: number, at: number) => SimJob | undefined;
  /** Calls back later, unless the simulator stops first. Gives a function that calls it off. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** Set once, by `stop`: nothing may begin any more. */
  readonly stopped: () => boolean;
  readonly stop: () => void;
}

export function createWorld(settings: Settings): World {
  const changes = createChanges();
  const jobs = new Map<number, SimJob>();
  const versions = new Map<number, Version<SimJob>[]>();
  const jobsByRun = new Map<number, Set<number>>();
  const runs = new Map<number, SimRun>();
  const runners = new Map<number, SimRunner>();
  const removedRunners: SimRunner[] = [];
  const openJobs = new Set<number>();
  const timers = new Set<NodeJS.Timeout>();
  const ids = new Map<string, number>();
  const jobHistory: JobTransition[] = [];
  const runnerHistory: RunnerTransition[] = [];
  let stopped = false;

  const putJob: World['putJob'] = (job, step) => {
    const at = Date.now();
    jobs.set(job.id, job);
    versions.set(job.id, [...(versions.get(job.id) ?? []), { at, value: job }]);
    const siblings = jobsByRun.get(job.runId) ?? new Set();
    jobsByRun.set(job.runId, siblings.add(job.id));
    if (job.status === 'completed') openJobs.delete(job.id);
    else openJobs.add(job.id);
    if (step !== undefined) {
      jobHistory.push({ at, jobId: job.id, step, runnerName: runnerNameFor(job), conclusion: job.conclusion });
    }
    const run = runs.get(job.runId);
    if (run !== undefined) runs.set(run.id, { ...run, updatedAt: at });
    changes.changed();
    return job;
  };

  const runnerNameFor = (job: SimJob): string | null =>
    job.runnerName ?? (job.assignedTo === null ? null : (runners.get(job.assignedTo)?.name ?? null));

  const putRunner: World['putRunner'] = (runner, step) => {
    if (runner.removed === null) runners.set(runner.id, runner);
    else {
      runners.delete(runner.id);
      removedRunners.push(runner);
    }
    if (step !== undefined) {
      runnerHistory.push({ at: Date.now(), runnerId: runner.id, runnerName: runner.name, step });
    }
    changes.changed();
    return runner;
  };

  return {
    settings,
    changes,
    jobs,
    runs,
    runners,
    removedRunners,
    openJobs,
    jobHistory,
    runnerHistory,
    cancelCalls: [],
    reads: settings.reads,
    url: 'http://127.0.0.1',
    putJob,
    putRunner,
    nextId: (kind) => {
      const first = kind === 'job' || kind === 'run' ? settings.idBase : kind === 'delivery' ? settings.idBase * 10 : 0;
      const id = (ids.get(kind) ?? first) + 1;
      ids.set(kind, id);
      return id;
    },
    putRun: (run) => {
      runs.set(run.id, run);
      changes.changed();
      return run;
    },
    jobsOf: (runId) => [...(jobsByRun.get(runId) ?? [])].flatMap((id) => jobs.get(id) ?? []),
    jobAt: (id, at) => {
      const known = versions.get(id);
      return (known?.findLast((version) => version.at <= at) ?? known?.[0])?.value;
    },
    after: (ms, callback) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        callback();
      }, ms);
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    stopped: () => stopped,
    stop: () => {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      changes.stop();
    },
  };
}

export function findOwner(settings: Settings, login: string): OwnerOptions | undefined {
  return settings.owners.find((owner) => sameName(owner.login, login));
}

/** Whether the owner exists and, where its repositories are listed, has this one. */
export function hasRepo(settings: Settings, login: string, repo: string): boolean {
  const owner = findOwner(settings, login);
  if (owner === undefined) return false;
  return (
    owner.repos === undefined || [...owner.repos, ...(owner.publicRepos ?? [])].some((name) => sameName(name, repo))
  );
}

export function isPublicRepo(settings: Settings, login: string, repo: string): boolean {
  return findOwner(settings, login)?.publicRepos?.some((name) => sameName(name, repo)) ?? false;
}

/** Whether the group lets its runners serve this repository. */
export function groupAdmits(settings: Settings, group: GroupOptions, owner: string, repo: string): boolean {
  if (isPublicRepo(settings, owner, repo) && group.allowsPublic !== true) return false;
  return group.repos?.some((name) => sameName(name, repo) || sameName(name, `${owner}/${repo}`)) ?? true;
}

/** What a run says of itself: from the latest attempt of each of its jobs, unless a test overrides it. */
export function runState(run: SimRun, jobs: readonly SimJob[]): RunState {
  if (run.override !== null) return run.override;
  const latest = latestJobs(jobs);
  const anyIs = (status: SimJob['status']): boolean => latest.some((job) => job.status === status);
  if (latest.length > 0 && latest.every((job) => job.status === 'completed')) {
    const ended = (conclusion: SimJob['conclusion']): boolean => latest.some((job) => job.conclusion === conclusion);
    const conclusion = ended('failure') ? 'failure' : ended('cancelled') ? 'cancelled' : 'success';
    return { status: 'completed', conclusion };
  }
  if (anyIs('in_progress') || anyIs('completed')) return { status: 'in_progress', conclusion: null };
  return { status: anyIs('queued') ? 'queued' : anyIs('waiting') ? 'waiting' : 'queued', conclusion: null };
}

/** Of each job name the newest attempts: what `filter=latest` lists. */
export function latestJobs(jobs: readonly SimJob[]): readonly SimJob[] {
  const newest = new Map<string, number>();
  for (const job of jobs) newest.set(job.name, Math.max(newest.get(job.name) ?? 0, job.runAttempt));
  return jobs.filter((job) => job.runAttempt === newest.get(job.name));
}
