import type { Client } from '@temporalio/client';
import { hostWorkflowId } from '../jobs/names.js';
import type { HostStatus } from '../workflows/messages.js';

/** As much of Temporal's client as asking takes. */
export type AskingClient = { readonly workflow: Pick<Client['workflow'], 'getHandle'> };

/**
 * What a host's workflow says of it, asked by name: who asks does not load the workflows' code.
 * @returns null when the workflow was started this moment and has not heard of its host
 * @throws WorkflowNotFoundError when the host has never announced itself
 */
export const hostStatus = ({ workflow }: AskingClient, host: string): Promise<HostStatus | null> =>
  workflow.getHandle(hostWorkflowId(host)).query<HostStatus | null>('hostStatus');
