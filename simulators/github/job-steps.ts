/** The steps that runners and cancellations make a job take. Each is refused quietly when the job is past it. */

import type { Action, Conclusion, SimJob, SimRunner } from './types.js';
import type { World } from './world.js';

export interface JobSteps {
  /** GitHub gives the job to a runner, which does not know yet. */
  readonly assign: (jobId: number, runner: SimRunner) => void;
  /** The runner never said that it started: back into the queue. */
  readonly unassign: (jobId: number) => void;
  /** The runner begins: `in_progress`. False when the job is no longer this runner's to start. */
  readonly start: (jobId: number, runner: SimRunner) => boolean;
  /** The job is over. False when it already was. */
  readonly complete: (jobId: number, conclusion: Conclusion) => boolean;
  /** Tells the runner of a job without a duration, now or once it begins, to work on it no longer. */
  readonly finish: (jobId: number) => void;
  /** Ends a job that has not started; asks the runner of a running one, or with `force` ends it at once. */
  readonly cancel: (jobId: number, force: boolean) => void;
}

interface Deps {
  readonly world: World;
  readonly announce: (job: SimJob, action: Action) => void;
  readonly wake: () => void;
}

export function createJobSteps({ world, announce, wake }: Deps): JobSteps {
  const freeRunner = (job: SimJob): void => {
    const runner = world.runners.get(job.assignedTo ?? job.runnerId ?? -1);
    if (runner?.jobId !== job.id) return;
    // A runner that has begun is freed by its own report, or by being lost.
    if (job.status !== 'in_progress') {
      world.putRunner({ ...runner, jobId: null, busySince: null, idleSince: Date.now() });
    }
  };

  const complete: JobSteps['complete'] = (jobId, conclusion) => {
    const job = world.jobs.get(jobId);
    if (job === undefined || job.status === 'completed') return false;
    freeRunner(job);
    const over = { ...job, status: 'completed', conclusion, completedAt: Date.now(), assignedTo: null } as const;
    announce(world.putJob(over, 'completed'), 'completed');
    wake();
    return true;
  };

  const cancel: JobSteps['cancel'] = (jobId, force) => {
    const job = world.jobs.get(jobId);
    if (job === undefined || job.status === 'completed') return;
    if (force || job.status !== 'in_progress') {
      world.putJob({ ...job, cancelRequestedAt: Date.now() }, 'cancel-requested');
      complete(jobId, 'cancelled');
      return;
    }
    if (job.cancelRequestedAt !== null) return;
    world.putJob({ ...job, cancelRequestedAt: Date.now() }, 'cancel-requested');
    world.after(world.settings.cancelGraceMs, () => void complete(jobId, 'cancelled'));
  };

  return {
    assign: (jobId, runner) => {
      const job = world.jobs.get(jobId);
      if (job?.status !== 'queued') return;
      world.putRunner({ ...runner, jobId, busySince: Date.now(), idleSince: null });
      world.putJob({ ...job, assignedTo: runner.id }, 'assigned');
    },
    unassign: (jobId) => {
      const job = world.jobs.get(jobId);
      if (job?.status !== 'queued' || job.assignedTo === null) return;
      freeRunner(job);
      world.putJob({ ...job, assignedTo: null }, 'unassigned');
      wake();
    },
    start: (jobId, runner) => {
      const job = world.jobs.get(jobId);
      if (job?.runnerId === runner.id && job.status === 'in_progress') return true;
      if (job?.status !== 'queued' || job.assignedTo !== runner.id) return false;
      const { id: runnerId, name: runnerName, groupId: runnerGroupId, groupName: runnerGroupName } = runner;
      const taken = { runnerId, runnerName, runnerGroupId, runnerGroupName };
      const begun = { ...job, status: 'in_progress', startedAt: Date.now(), ...taken } as const;
      announce(world.putJob(begun, 'in_progress'), 'in_progress');
      return true;
    },
    finish: (jobId) => {
      const job = world.jobs.get(jobId);
      if (job === undefined || job.status === 'completed') return;
      world.putJob({ ...job, toldToEnd: true });
    },
    complete,
    cancel,
  };
}
