import type { Client, WorkflowHandle } from '@temporalio/client';
import type { WorkflowState, Workflows } from '../agent/workflows.js';
import { isOpen, unlessGone } from '../temporal/open-workflows.js';
import { soon } from '../temporal/soon.js';

/** As much of a `runner` workflow's result as is read here. */
interface RunnerEnd {
  readonly served: number | null;
  readonly failure: unknown;
}

/** An unanswered question counts as "Temporal is away" after this long. */
const ANSWER_WITHIN_MS = 5_000;

/** What the agent asks of Temporal, by a client on the worker's own connection. */
export function createHostWorkflows(client: Client): Workflows {
  const answered = <T>(call: () => Promise<T>): Promise<T> => soon(client, ANSWER_WITHIN_MS, call);
  return {
    stateOf: (workflowId) =>
      answered(async () => (await unlessGone(() => endOf(client.workflow.getHandle(workflowId)))) ?? 'left'),
    reportGuest: (workflowId, state) =>
      answered(async () => {
        const handle = client.workflow.getHandle(workflowId);
        return (await unlessGone(() => handle.signal('guestReported', state))) === null ? 'gone' : 'told';
      }),
    reportProgress: (workflowId, what) =>
      answered(() => client.workflow.getHandle(workflowId).signal('stepProgressed', what)),
  };
}

async function endOf(handle: WorkflowHandle): Promise<WorkflowState> {
  const description = await handle.describe();
  if (isOpen(description)) return 'open';
  const { name } = description.status;
  if (name === 'TERMINATED' || name === 'CANCELLED') return 'stopped';
  if (name !== 'COMPLETED') return 'left';
  const { served, failure } = (await handle.result()) as RunnerEnd;
  return served !== null && failure === null ? 'served' : 'left';
}
