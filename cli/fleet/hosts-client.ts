/** What the commands about hosts ask of Temporal. */

import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { CommandError, EXIT } from '../exit-codes.js';
import { dispatcherWorkflowId, hostWorkflowId, jobWorkflowId } from '../../jobs/names.js';
import { openHosts } from '../../temporal/open-workflows.js';
import { hostStatus } from '../../workers/host-status.js';
import type { DrainRequest, FleetView, HostStatus } from '../../workflows/messages.js';
import { inTime } from './in-time.js';

/** One VM that is still there, and what is known of the job that it is for. */
export interface Work {
  readonly runner: string;
  readonly jobId: number | null;
  /** "acme/ios · build #42 · ui-tests"; null when its page is not there. */
  readonly title: string | null;
}

export interface HostsClient {
  /** @throws WorkflowNotFoundError */
  readonly status: (host: string) => Promise<HostStatus | null>;
  readonly drain: (host: string, request: DrainRequest) => Promise<HostStatus | null>;
  readonly resume: (host: string) => Promise<HostStatus | null>;
  /** A lost host is listed no more. */
  readonly forget: (host: string) => Promise<void>;
  /** Names of all hosts that have announced themselves, sorted. */
  readonly names: () => Promise<readonly string[]>;
  /** For whom these VMs are. What cannot be told is null: throws nothing. */
  readonly workOn: (pool: string, runners: readonly string[]) => Promise<readonly Work[]>;
}

/** @param githubHost part of the ids of jobs */
export function createHostsClient(client: Client, githubHost: string): HostsClient {
  const answered = inTime(client);
  const handle = (host: string) => client.workflow.getHandle(hostWorkflowId(host));

  async function titleOf(jobId: number): Promise<string | null> {
    const description = await client.workflow.getHandle(jobWorkflowId(githubHost, jobId)).describe();
    return (await description.staticSummary()) ?? null;
  }

  async function workOn(pool: string, runners: readonly string[]): Promise<readonly Work[]> {
    const fleet = await answered(() =>
      client.workflow.getHandle(dispatcherWorkflowId(pool)).query<FleetView>('fleet'),
    ).catch(() => undefined);
    const jobs = new Map(fleet?.runners.map(({ name, job }) => [name, job]));
    return Promise.all(
      runners.map(async (runner) => {
        const jobId = jobs.get(runner) ?? null;
        const title = jobId === null ? null : await answered(() => titleOf(jobId)).catch(() => null);
        return { runner, jobId, title };
      }),
    );
  }

  return {
    status: async (host) => {
      const status = await answered(() => hostStatus(client, host));
      if (status === null || 'state' in status) return status;
      throw new CommandError(EXIT.failed, 'the orchestrator is of an older version than this command: upgrade it');
    },
    drain: (host, request) =>
      answered(() => handle(host).executeUpdate<HostStatus | null, [DrainRequest]>('drain', { args: [request] })),
    resume: (host) => answered(() => handle(host).executeUpdate<HostStatus | null, []>('resume')),
    forget: (host) => answered(() => handle(host).executeUpdate<void, []>('forget')),
    names: () => answered(async () => [...(await openHosts(client))].sort()),
    workOn,
  };
}

export const isNotFound = (err: unknown): boolean => err instanceof WorkflowNotFoundError;
