/** Everything a test, the demo or the bench can do to the simulated GitHub while it runs. */

import type { AssignmentOptions } from './assignment.js';
import type { Credentials } from './credentials.js';
import type { DeliveryLog } from './delivery-log.js';
import type { Fault, Faults } from './faults.js';
import { startForeignRunner } from './foreign-runner.js';
import type { ForeignRunnerOptions } from './foreign-runner.js';
import type { Hook, Hooks } from './hooks.js';
import type { Jobs, QueueJobOptions, QueueMatrixOptions } from './jobs.js';
import type { LimitChange, Limits } from './limits.js';
import type { NastyOptions } from './nasty.js';
import type { HookOptions, ReadLags } from './options.js';
import type { Registrations } from './registrations.js';
import type { Calls } from './rest/calls.js';
import type { Scheduler } from './scheduler.js';
import type { Sessions } from './sessions.js';
import type { HeldCall, JobTransition, RunnerTransition, RunState, SimCall, SimJob, SimRunner } from './types.js';
import type { Snapshot } from './types.js';
import type { LosePredicate, Webhooks } from './webhooks.js';
import { runState } from './world.js';
import type { World } from './world.js';

export interface Controls {
  /** Queues a job in a new run (or in `runId`) and sends its webhooks. Throws for an owner that does not exist. */
  readonly queueJob: (options: QueueJobOptions) => SimJob;
  /** `count` jobs of one run, named `<name> (<n>)`. */
  readonly queueMatrix: (options: QueueMatrixOptions) => readonly SimJob[];
  /** Approves a job that waits behind an environment gate; `queued` is sent again. Throws when none waits. */
  readonly approveJob: (jobId: number) => SimJob;
  /** Lets a job queued with `held` be assigned. */
  readonly releaseJob: (jobId: number) => SimJob;
  /** A job queued with `durationMs: null` works no longer; one that has not begun ends at once when it does. */
  readonly finishJob: (jobId: number) => void;
  /** A queued job ends at once; a running one when its runner obeys. `force` does not wait for the runner. */
  readonly cancelJob: (jobId: number, force?: boolean) => void;
  /** As REST's cancel does; recorded among `cancelCalls`. Throws when the run is over or unknown. */
  readonly cancelRun: (runId: number, force?: boolean) => void;
  /** A new job with `run_attempt` + 1. Throws when the run is not over. */
  readonly rerunJob: (jobId: number) => SimJob;
  readonly rerunRun: (runId: number, which: 'all' | 'failed') => readonly SimJob[];
  /** Lets a run say something else than its jobs do (`startup_failure` while a job reads `queued`); null undoes it. */
  readonly setRunState: (runId: number, state: RunState | null) => void;
  /** A runner inside the simulator, for jobs that others take away. */
  readonly addForeignRunner: (options: ForeignRunnerOptions) => SimRunner;
  /** As an operator would on GitHub's pages; a job it runs fails. */
  readonly removeRunner: (runnerId: number) => void;
  readonly setAssignment: (options: AssignmentOptions) => void;
  /** Runners of this name, or the next so many that register, get no job (actions/runner#3621). */
  readonly neverAssign: (which: { readonly name?: string; readonly next?: number }) => void;
  /** Undoes every `neverAssign`. */
  readonly allowAll: () => void;
  readonly addHook: (options: HookOptions) => Hook;
  readonly removeHook: (id: number) => void;
  readonly setNasty: (options: NastyOptions) => void;
  /** Loses every delivery for which it says true; null ends it. */
  readonly loseIf: (predicate: LosePredicate | null) => void;
  /** Any event, such as `ping`, or a `workflow_job` with a body of your own. */
  readonly sendEvent: (event: string, owner: string, repo: string, body: Readonly<Record<string, unknown>>) => void;
  readonly setReads: (lags: Partial<ReadLags>) => void;
  readonly setLimits: (change: LimitChange) => void;
  /** Lets REST calls fail; gives the id for `removeFault`. */
  readonly addFault: (fault: Fault) => number;
  readonly removeFault: (id: number) => void;
  readonly clearFaults: () => void;
  /** Makes every installation and runner token worthless. */
  readonly revokeTokens: () => void;
  /** Every registration and remove token handed out so far: secrets, for tests that look for leaks. */
  readonly runnerTokens: () => readonly string[];
  /** REST calls so far, oldest first. */
  readonly calls: () => readonly SimCall[];
  /** REST calls that stand still at this moment because of a `held` fault. */
  readonly heldCalls: () => readonly HeldCall[];
  readonly clearCalls: () => void;
  /** Every step of every job, oldest first. */
  readonly history: () => readonly JobTransition[];
  readonly runnerHistory: () => readonly RunnerTransition[];
  readonly snapshot: () => Snapshot;
  /**
   * Resolves with what the predicate gives, as soon as that is neither undefined nor false. It is asked after every
   * change. Rejects after `timeoutMs` (30,000 unless given) with what the jobs and runners were then.
   */
  readonly waitFor: <T>(predicate: (snapshot: Snapshot) => T | undefined | false, timeoutMs?: number) => Promise<T>;
}

export interface Parts {
  readonly world: World;
  readonly jobs: Jobs;
  readonly hooks: Hooks;
  readonly webhooks: Webhooks;
  readonly deliveries: DeliveryLog;
  readonly registrations: Registrations;
  readonly sessions: Sessions;
  readonly scheduler: Scheduler;
  readonly credentials: Credentials;
  readonly limits: Limits;
  readonly faults: Faults;
  readonly calls: Calls;
}

const WAIT_MS = 30_000;

export function createControls(parts: Parts): Controls {
  return { ...jobControls(parts), ...runnerControls(parts), ...faultControls(parts), ...observations(parts) };
}

function jobControls({ world, jobs }: Parts) {
  const rerun = (runId: number, which: 'all' | 'failed' | number): readonly SimJob[] => {
    const result = jobs.rerun(runId, which);
    if ('status' in result) throw new Error(`run ${runId} cannot be run again: ${result.message}`);
    return result;
  };
  return {
    queueJob: jobs.queue,
    queueMatrix: jobs.queueMatrix,
    approveJob: jobs.approve,
    releaseJob: jobs.release,
    finishJob: jobs.finish,
    cancelJob: (jobId: number, force = false) => jobs.cancel(jobId, force),
    cancelRun: (runId: number, force = false) => {
      const refusal = jobs.cancelRun(runId, force);
      if (refusal !== undefined) throw new Error(`run ${runId} cannot be cancelled: ${refusal.message}`);
    },
    rerunJob: (jobId: number) => {
      const [job] = rerun(world.jobs.get(jobId)?.runId ?? -1, jobId);
      if (job === undefined) throw new Error(`job ${jobId} was not run again`);
      return job;
    },
    rerunRun: rerun,
    setRunState: jobs.setRunState,
  };
}

function runnerControls(parts: Parts) {
  const { registrations, scheduler, sessions } = parts;
  return {
    addForeignRunner: (options: ForeignRunnerOptions) => startForeignRunner(parts, options),
    removeRunner: (runnerId: number) => sessions.remove(runnerId, 'deleted'),
    setAssignment: scheduler.setAssignment,
    neverAssign: registrations.neverAssign,
    allowAll: () => {
      registrations.allowAll();
      scheduler.wake();
    },
  };
}

function faultControls({ world, hooks, webhooks, limits, faults, credentials }: Parts) {
  return {
    addHook: hooks.add,
    removeHook: hooks.remove,
    setNasty: webhooks.setNasty,
    loseIf: webhooks.loseIf,
    sendEvent: webhooks.sendEvent,
    setReads: (lags: Partial<ReadLags>) => {
      world.reads = { ...world.reads, ...lags };
    },
    setLimits: limits.set,
    addFault: faults.add,
    removeFault: faults.remove,
    clearFaults: faults.clear,
    revokeTokens: credentials.revokeTokens,
    runnerTokens: credentials.runnerTokens,
  };
}

function observations({ world, deliveries, webhooks, calls }: Parts) {
  /** Each part is made when it is first read: a predicate that looks at jobs alone doesn't pay for deliveries. */
  const snapshot = (): Snapshot =>
    lazily({
      jobs: () => [...world.jobs.values()],
      runs: () => [...world.runs.values()].map((run) => ({ ...run, ...runState(run, world.jobsOf(run.id)) })),
      runners: () => [...world.runners.values()],
      removedRunners: () => [...world.removedRunners],
      deliveries: deliveries.all,
      pendingDeliveries: webhooks.pending,
      cancelCalls: () => [...world.cancelCalls],
    });
  return {
    calls: calls.all,
    heldCalls: calls.held,
    clearCalls: calls.clear,
    history: () => [...world.jobHistory],
    runnerHistory: () => [...world.runnerHistory],
    /** What it shows does not change later, however long it is kept. */
    snapshot: () => ({ ...snapshot() }),
    waitFor: async <T>(predicate: (now: Snapshot) => T | undefined | false, timeoutMs = WAIT_MS): Promise<T> => {
      const value = await world.changes.until(() => predicate(snapshot()), timeoutMs);
      if (value !== undefined) return value;
      throw new Error(`waited ${timeoutMs} ms in vain; ${describe(snapshot())}`);
    },
  };
}

/** What a test's reader needs to see why a wait failed. */
function describe({ jobs, runners, deliveries, pendingDeliveries }: Snapshot): string {
  const shown = jobs.slice(-20).map((job) => `${job.name}=${job.conclusion ?? job.status}`);
  const online = runners.map((runner) => `${runner.name}=${runner.online ? (runner.jobId ?? 'idle') : 'offline'}`);
  const sent = `${deliveries.length} deliveries, ${pendingDeliveries} pending`;
  return `jobs: ${shown.join(', ') || 'none'}; runners: ${online.join(', ') || 'none'}; ${sent}`;
}

/** An object whose fields are computed when they are first read. */
function lazily<T extends object>(parts: { readonly [K in keyof T]: () => T[K] }): T {
  const result = {};
  for (const [name, make] of Object.entries<() => unknown>(parts)) {
    let made: { readonly value: unknown } | undefined;
    Object.defineProperty(result, name, { enumerable: true, get: () => (made ??= { value: make() }).value });
  }
  return result as T;
}
