/** What the runs of a dispatcher cost: the length of their histories, and what each hands to the next. */

import type { Client, Connection } from '@temporalio/client';
import { dispatcherWorkflowId } from '../../jobs/names.js';

export interface DispatcherRun {
  readonly events: number;
  /** What it was given at its start (bytes). */
  readonly inputBytes: number;
}

/** All of them, in any order. */
export async function dispatcherRuns(client: Client, pool: string): Promise<readonly DispatcherRun[]> {
  const workflowId = dispatcherWorkflowId(pool);
  const runs: DispatcherRun[] = [];
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const { historyLength } = await client.workflow.getHandle(workflowId, runId).describe();
    runs.push({ events: historyLength, inputBytes: await inputBytes(client, workflowId, runId) });
  }
  return runs;
}

async function inputBytes(client: Client, workflowId: string, runId: string): Promise<number> {
  const { history } = await (client.connection as Connection).workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return payloads.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
}
