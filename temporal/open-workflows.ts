/** Which workflows are open, and whether one is. */

import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client, WorkflowExecutionDescription, WorkflowExecutionInfo } from '@temporalio/client';
import { hostWorkflowId } from '../jobs/names.js';

/** As much of Temporal's client as listing takes. */
export type ListingClient = { readonly workflow: Pick<Client['workflow'], 'list'> };

/** The workflows that are looked for by their type, by the names of their functions. */
export type ListedType = 'githubJob' | 'hostWatch' | 'limits' | 'runner';

/**
 * All of one type that Temporal's list has as open; the list lags by seconds.
 * @param most reads no further than so many
 */
export async function openWorkflows(
  { workflow }: ListingClient,
  type: ListedType,
  most = Infinity,
): Promise<WorkflowExecutionInfo[]> {
  const found: WorkflowExecutionInfo[] = [];
  const query = `WorkflowType = '${type}' AND ExecutionStatus = 'Running'`;
  for await (const info of workflow.list({ query })) if (found.push(info) >= most) break;
  return found;
}

/** Names of the hosts that have announced themselves. */
export async function openHosts(client: ListingClient, most?: number): Promise<readonly string[]> {
  const open = await openWorkflows(client, 'hostWatch', most);
  return open.map(({ workflowId }) => workflowId.slice(hostWorkflowId('').length));
}

/** Whether this run still goes on, or will when somebody lets it. */
export const isOpen = ({ status }: Pick<WorkflowExecutionDescription, 'status'>): boolean =>
  status.name === 'RUNNING' || status.name === 'PAUSED';

/** Null where the workflow that was asked or told something is unknown or, for what only an open one takes, closed. */
export async function unlessGone<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (err) {
    if (err instanceof WorkflowNotFoundError) return null;
    throw err;
  }
}
