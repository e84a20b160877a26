/**
 * The two workers of an orchestrator. Both know all workflows; each has a task queue of its own, so that a thousand jobs
 * that arrive at once do not stand before the few workflows through whose hands the slots go
 * (docs/decisions/0024-slots-have-a-queue.md).
 */

import { Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import { ORCHESTRATOR_QUEUE, SLOTS_QUEUE } from '../jobs/names.js';
import type { WorkerTemporal } from './temporal-ready.js';

export interface WorkflowWorkersOptions extends WorkerTemporal {
  readonly activities: NonNullable<WorkerOptions['activities']>;
  /** The file of the workflows' bundle. */
  readonly workflowBundle: string;
  /** Of Berth; each workflow task in a history names the version that did it. */
  readonly version: string;
}

export interface WorkflowWorkers {
  readonly all: readonly Worker[];
  /** Resolves when `shutdown` has been called and everything in flight has ended; rejects when one of them breaks. */
  readonly run: () => Promise<void>;
  readonly shutdown: () => void;
}

/**
 * How long a machine may stand still in the middle of a workflow's step (a paused VM, SIGSTOP, too much load): at the end
 * of it Node does not end the step but the process (nodejs/node#38503, temporalio/sdk-typescript#939). The SDK's default
 * is 5 seconds. Berth's workflows have no loop that would have to be ended. The SDK has this option, but its types don't.
 */
export const MAY_STAND_STILL = { isolateExecutionTimeout: '10 minutes' };

/**
 * So many workflows are remembered between their steps, each in about 0.2 MB; of one more the whole history is read again
 * at its next step. The jobs that wait longest are the first to be forgotten, and the first to be granted a slot.
 */
const JOBS_REMEMBERED = 1_000;

/** Dispatchers, and a runner for each slot that is in use: 500 hosts of two slots, and some more. */
const SLOTS_REMEMBERED = 1_200;

export async function createWorkflowWorkers(options: WorkflowWorkersOptions): Promise<WorkflowWorkers> {
  const { connection, namespace, dataConverter, activities, workflowBundle, version } = options;
  const shared = {
    connection,
    namespace,
    ...(dataConverter && { dataConverter }),
    // To be read in histories only: any version may carry on any run (docs/decisions/0011-changing-workflows.md).
    workerDeploymentOptions: { version: { deploymentName: 'berth', buildId: version }, useWorkerVersioning: false },
    workflowBundle: { codePath: workflowBundle },
    ...MAY_STAND_STILL,
    // A single orchestrator that was killed leaves its sticky queue behind: workflows wait this long for it.
    stickyQueueScheduleToStartTimeout: '2 seconds',
    maxHeartbeatThrottleInterval: '1 second',
    shutdownGraceTime: '10 seconds',
  } as const;
  const jobs = { ...shared, taskQueue: ORCHESTRATOR_QUEUE, activities, maxCachedWorkflows: JOBS_REMEMBERED };
  const slots = { ...shared, taskQueue: SLOTS_QUEUE, maxCachedWorkflows: SLOTS_REMEMBERED };
  const all = [await Worker.create(jobs), await Worker.create(slots)];
  const shutdown = (): void => {
    for (const worker of all) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    all,
    run: async () => {
      // One without the other moves nothing.
      const ends = all.map((worker) => worker.run().finally(shutdown));
      await Promise.allSettled(ends);
      await Promise.all(ends);
    },
    shutdown,
  };
}
