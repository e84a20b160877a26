/** GitHub's matching: whenever something may have become assignable, queued jobs meet idle runners. */

import { assign } from './assignment.js';
import type { AssignableJob, AssignmentOptions, IdleRunner } from './assignment.js';
import type { Jobs } from './jobs.js';
import { seededRandom } from './random.js';
import type { Registrations } from './registrations.js';
import type { SimJob } from './types.js';
import type { World } from './world.js';

export interface Scheduler {
  /** Matches soon: once for everything that happens in the same turn. */
  readonly wake: () => void;
  readonly setAssignment: (options: AssignmentOptions) => void;
}

interface Deps {
  readonly world: World;
  readonly jobs: Jobs;
  readonly registrations: Registrations;
  readonly options: AssignmentOptions;
}

export function createScheduler({ world, jobs, registrations, options }: Deps): Scheduler {
  let { policy = 'oldest-first', delayMs = 0 } = options;
  let random = seededRandom(options.seed ?? 0);
  let planned = false;

  const match = (): void => {
    planned = false;
    const idle = idleRunners(world);
    if (idle.length === 0) return;
    const admits = (runner: IdleRunner, job: AssignableJob): boolean =>
      registrations.admits(runner.scope, runner.groupName, job.owner, job.repo);
    for (const { jobId, runnerId } of assign(assignableJobs(world), idle, policy, admits, random)) {
      const runner = world.runners.get(runnerId);
      if (runner === undefined) continue;
      jobs.assign(jobId, runner);
      world.after(world.settings.ackMs, () => {
        if (world.jobs.get(jobId)?.assignedTo === runnerId) jobs.unassign(jobId);
      });
    }
  };

  const wake = (): void => {
    if (planned) return;
    planned = true;
    if (delayMs > 0) world.after(delayMs, match);
    else queueMicrotask(match);
  };

  return {
    wake,
    setAssignment: (next) => {
      policy = next.policy ?? policy;
      delayMs = next.delayMs ?? delayMs;
      if (next.seed !== undefined) random = seededRandom(next.seed);
      wake();
    },
  };
}

const isTaken = (job: SimJob): boolean => job.assignedTo !== null || job.status === 'in_progress';

/** Queued jobs that may run now; of a matrix only as many as `maxParallel` leaves room for, the oldest first. */
function assignableJobs(world: World): readonly AssignableJob[] {
  const open = [...world.openJobs].flatMap((id) => world.jobs.get(id) ?? []);
  const taken = new Map<number, number>();
  const take = (matrixId: number): number => {
    const count = (taken.get(matrixId) ?? 0) + 1;
    taken.set(matrixId, count);
    return count;
  };
  for (const job of open) if (job.matrix !== null && isTaken(job)) take(job.matrix.id);
  return open
    .filter((job) => job.status === 'queued' && !job.held && !isTaken(job))
    .filter((job) => job.matrix === null || take(job.matrix.id) <= job.matrix.maxParallel)
    .map(({ id, owner, repo, labels, group, createdAt }) => ({ id, owner, repo, labels, group, queuedAt: createdAt }));
}

function idleRunners(world: World): readonly IdleRunner[] {
  return [...world.runners.values()]
    .filter((runner) => runner.online && runner.jobId === null && !runner.spent && !runner.neverAssign)
    .map((runner) => ({
      id: runner.id,
      scope: runner.scope,
      groupName: runner.groupName,
      labels: runner.labels.map(({ name }) => name),
      idleSince: runner.idleSince ?? runner.createdAt,
    }));
}
