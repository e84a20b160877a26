/** The life of jobs and runs: queued, held, gated, given to runners, cancelled, run again. */

import { createJobSteps } from './job-steps.js';
import type { JobSteps } from './job-steps.js';
import type { Action, RunState, SimJob, SimRun } from './types.js';
import { findOwner, latestJobs, runState } from './world.js';
import type { World } from './world.js';

export interface QueueJobOptions {
  /** The first owner of the simulator's settings unless given. */
  readonly owner?: string;
  readonly repo?: string;
  readonly labels: readonly string[];
  /** `runs-on: {group}`. */
  readonly group?: string;
  readonly name?: string;
  readonly workflowName?: string | null;
  /** Adds the job to a run that exists; a new run unless given. */
  readonly runId?: number;
  /** Its new run is a pull request of this fork (`owner/repo`). */
  readonly fork?: string;
  /** How long it works, in ms; 100 unless given. Null: until {@link JobSteps.finish}. */
  readonly durationMs?: number | null;
  readonly conclusion?: 'success' | 'failure';
  /** Waits for approval first: by {@link Jobs.approve}, or by itself after `approveAfterMs`. */
  readonly environmentGate?: { readonly environment?: string; readonly approveAfterMs?: number };
  /** Queued, but given to no runner until released (`concurrency`, `max-parallel`). */
  readonly held?: boolean;
  /** Skipped by its `if`: over at once, only `completed` is sent. */
  readonly skipped?: boolean;
  /** Epoch ms; now unless given. */
  readonly createdAt?: number;
}

export interface QueueMatrixOptions extends QueueJobOptions {
  readonly count: number;
  /** At most so many at once; `queued` is sent for all nevertheless (runs-on#347). */
  readonly maxParallel?: number;
}

/** Why something cannot be done to a job or run; `status` is what REST answers. */
export interface Refusal {
  readonly status: 403 | 404 | 409;
  readonly message: string;
}

export interface Jobs extends JobSteps {
  readonly queue: (options: QueueJobOptions) => SimJob;
  readonly queueMatrix: (options: QueueMatrixOptions) => readonly SimJob[];
  /** Approves the environment of a waiting job: `queued` is sent a second time. Throws when it isn't waiting. */
  readonly approve: (jobId: number) => SimJob;
  /** Lets a held job be assigned. Throws when there is no such job. */
  readonly release: (jobId: number) => SimJob;
  readonly cancelRun: (runId: number, force: boolean) => Refusal | undefined;
  /** A new job for each one to repeat: all of the run's, its failed ones, or one. */
  readonly rerun: (runId: number, which: 'all' | 'failed' | number) => readonly SimJob[] | Refusal;
  /** Lets a run say something else than its jobs do; null undoes it. */
  readonly setRunState: (runId: number, state: RunState | null) => void;
}

interface Deps {
  readonly world: World;
  readonly announce: (job: SimJob, action: Action) => void;
  /** Something may be assignable now. */
  readonly wake: () => void;
}

const DEFAULT_DURATION_MS = 100;

export function createJobs({ world, announce, wake }: Deps): Jobs {
  const steps = createJobSteps({ world, announce, wake });
  const runNumbers = new Map<string, number>();

  const newRun = (owner: string, repo: string, of: Pick<SimRun, 'name' | 'createdAt' | 'fork'>): SimRun => {
    const number = (runNumbers.get(`${owner}/${repo}`) ?? 0) + 1;
    runNumbers.set(`${owner}/${repo}`, number);
    const id = world.nextId('run');
    return world.putRun({ ...of, id, owner, repo, number, attempt: 1, updatedAt: of.createdAt, override: null });
  };

  const open = (job: SimJob, approveAfterMs: number | undefined): SimJob => {
    world.putJob(job, 'queued');
    announce(job, 'queued');
    if (job.gate === null) {
      wake();
      return job;
    }
    const gate = { ...job.gate, updatedAt: Date.now() };
    const waiting = world.putJob({ ...job, status: 'waiting', gate }, 'waiting');
    announce(waiting, 'waiting');
    if (approveAfterMs !== undefined) world.after(approveAfterMs, () => approveIfWaiting(job.id));
    return waiting;
  };

  const approveIfWaiting = (jobId: number): SimJob | undefined => {
    const job = world.jobs.get(jobId);
    if (job?.status !== 'waiting' || job.gate === null) return undefined;
    // `updated_at` has whole seconds: the approval must not read as old as the wait.
    const updatedAt = Math.max(Date.now(), job.gate.updatedAt + 1_000);
    const next = world.putJob({ ...job, status: 'queued', gate: { ...job.gate, updatedAt, approved: true } }, 'queued');
    announce(next, 'queued');
    wake();
    return next;
  };

  const queueInto = (options: QueueJobOptions, matrix: SimJob['matrix']): SimJob => {
    const [first] = world.settings.owners;
    const owner = options.owner === undefined ? first : findOwner(world.settings, options.owner);
    if (owner === undefined) {
      throw new Error(`the simulated GitHub has no owner ${options.owner ?? ''}: name it in its options`);
    }
    const createdAt = options.createdAt ?? Date.now();
    const workflowName = options.workflowName === undefined ? 'CI' : options.workflowName;
    const repo = options.repo ?? owner.repos?.[0] ?? 'app';
    const known = options.runId === undefined ? undefined : world.runs.get(options.runId);
    const run = known ?? newRun(owner.login, repo, { name: workflowName, createdAt, fork: options.fork ?? null });
    const id = world.nextId('job');
    const base = blankJob({ id, run, options, workflowName, createdAt, matrix });
    if (options.skipped === true) {
      const over = { ...base, status: 'completed', conclusion: 'skipped', completedAt: createdAt } as const;
      announce(world.putJob(over, 'completed'), 'completed');
      return over;
    }
    const gate = options.environmentGate;
    if (gate === undefined) return open(base, undefined);
    const environment = gate.environment ?? 'production';
    const deployment = { deploymentId: world.nextId('deployment'), updatedAt: createdAt, approved: false };
    return open({ ...base, gate: { environment, ...deployment } }, gate.approveAfterMs);
  };

  const queueMatrix: Jobs['queueMatrix'] = (options) => {
    const { count, maxParallel, ...each } = options;
    const matrix = maxParallel === undefined ? null : { id: world.nextId('matrix'), maxParallel };
    const name = options.name ?? 'test';
    const first = queueInto({ ...each, name: `${name} (1)` }, matrix);
    const others = Array.from({ length: count - 1 }, (_, index) =>
      queueInto({ ...each, name: `${name} (${index + 2})`, runId: first.runId }, matrix),
    );
    return [first, ...others];
  };

  const cancelRun: Jobs['cancelRun'] = (runId, force) => {
    const run = world.runs.get(runId);
    const jobs = world.jobsOf(runId);
    const over = run !== undefined && runState(run, jobs).status === 'completed';
    const status = run === undefined ? 404 : over ? 409 : 202;
    world.cancelCalls.push({ at: Date.now(), runId, force, status });
    world.changes.changed();
    if (run === undefined) return { status: 404, message: 'Not Found' };
    if (over) return { status: 409, message: 'Cannot cancel a workflow run that is completed.' };
    for (const job of jobs) steps.cancel(job.id, force);
    return undefined;
  };

  const rerun: Jobs['rerun'] = (runId, which) => {
    const run = world.runs.get(runId);
    if (run === undefined) return { status: 404, message: 'Not Found' };
    const jobs = latestJobs(world.jobsOf(runId));
    if (runState(run, jobs).status !== 'completed') {
      return { status: 403, message: 'This workflow run is still under way and cannot be run again yet.' };
    }
    const wanted = jobs.filter((job) => {
      if (typeof which === 'number') return job.id === which;
      return which === 'all' || job.conclusion === 'failure' || job.conclusion === 'cancelled';
    });
    if (wanted.length === 0) return { status: 403, message: 'There is no job to run again in this workflow run.' };
    const attempt = run.attempt + 1;
    world.putRun({ ...run, attempt, override: null, updatedAt: Date.now() });
    return wanted.map((job) => open(again(job, world.nextId('job'), attempt), undefined));
  };

  return {
    ...steps,
    queue: (options) => queueInto(options, null),
    queueMatrix,
    approve: (jobId) => {
      const job = approveIfWaiting(jobId);
      if (job === undefined) throw new Error(`job ${jobId} does not wait for approval`);
      return job;
    },
    release: (jobId) => {
      const job = world.jobs.get(jobId);
      if (job === undefined) throw new Error(`there is no job ${jobId}`);
      const released = world.putJob({ ...job, held: false }, 'released');
      wake();
      return released;
    },
    cancelRun,
    rerun,
    setRunState: (runId, override) => {
      const run = world.runs.get(runId);
      if (run === undefined) throw new Error(`there is no run ${runId}`);
      world.putRun({ ...run, override });
    },
  };
}

interface BlankJob {
  readonly id: number;
  readonly run: SimRun;
  readonly options: QueueJobOptions;
  readonly workflowName: string | null;
  readonly createdAt: number;
  readonly matrix: SimJob['matrix'];
}

const NO_RUNNER = { runnerId: null, runnerName: null, runnerGroupId: null, runnerGroupName: null, assignedTo: null };
const NOT_OVER = { conclusion: null, completedAt: null, cancelRequestedAt: null };

function blankJob({ id, run, options, workflowName, createdAt, matrix }: BlankJob): SimJob {
  return {
    id,
    runId: run.id,
    runAttempt: run.attempt,
    owner: run.owner,
    repo: run.repo,
    name: options.name ?? `job-${id}`,
    workflowName,
    labels: options.labels,
    group: options.group ?? null,
    status: 'queued',
    createdAt,
    startedAt: createdAt,
    ...NOT_OVER,
    ...NO_RUNNER,
    durationMs: options.durationMs === undefined ? DEFAULT_DURATION_MS : options.durationMs,
    toldToEnd: false,
    wantedConclusion: options.conclusion ?? 'success',
    held: options.held ?? false,
    gate: null,
    matrix,
  };
}

/** The same job in a new attempt; an environment stays approved. */
function again(job: SimJob, id: number, runAttempt: number): SimJob {
  const now = Date.now();
  const times = { createdAt: now, startedAt: now };
  const anew = { status: 'queued', held: false, toldToEnd: false, gate: null } as const;
  return { ...job, id, runAttempt, ...anew, ...times, ...NOT_OVER, ...NO_RUNNER };
}
