/** Who takes tasks from a task queue, as the server sees it. */

import type { Client } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';

/** `TASK_QUEUE_TYPE_WORKFLOW` of Temporal's API. */
const WORKFLOW_TASKS = 1;

/** A poll ends after a minute without a task, and the next one follows at once. */
const POLLED_WITHIN_MS = 90_000;

/**
 * Whether a worker of this machine asked for workflow tasks lately. Workers call themselves `<pid>@<machine>`, which is
 * the SDK's default.
 * @throws Error when Temporal does not answer
 */
export async function isPolledFrom(client: Client, taskQueue: string, machine: string): Promise<boolean> {
  const { namespace } = client.options;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: WORKFLOW_TASKS,
  });
  const since = Date.now() - POLLED_WITHIN_MS;
  return (pollers ?? []).some(
    ({ identity, lastAccessTime }) => identity?.endsWith(`@${machine}`) === true && tsToMs(lastAccessTime) > since,
  );
}
