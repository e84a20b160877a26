/** What the sweeps ask of Temporal, by the orchestrator's client. */

import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import type { Fleet, OpenJob, RunOfJob, SweptHost } from '../activities/sweeps/fleet.js';
import { jobWorkflowId, runnerWorkflowId } from '../jobs/names.js';
import { BerthRepo, BerthRunId, BerthState } from '../jobs/search-attributes.js';
import { askEach } from '../temporal/ask-each.js';
import { isOpen, openHosts, openWorkflows, unlessGone } from '../temporal/open-workflows.js';
import { hostStatus } from './host-status.js';
import { whileItRuns } from './while-it-runs.js';

/** As much of Temporal's client as is used here. */
export type FleetClient = {
  readonly workflow: Pick<Client['workflow'], 'getHandle' | 'list'>;
};

/** As the workflows' own types have it; this process does not load their code. */
interface StatusAnswer {
  readonly state: string;
  readonly runner: string | null;
}

/**
 * @param githubHost part of the ids of jobs
 * @param stopping aborted when this orchestrator stops: its questions to workflows end then
 */
export function createSweepFleet(client: FleetClient, githubHost: string, stopping: AbortSignal): Fleet {
  const { workflow } = client;
  const ask = <T>(workflowId: string, name: string): Promise<T> =>
    whileItRuns(stopping, () => workflow.getHandle(workflowId).query<T>(name));

  const hostOf = (host: string): Promise<SweptHost | null> =>
    unlessGone(async () => {
      const status = await whileItRuns(stopping, () => hostStatus(client, host));
      if (status === null) return { host, isLost: false, vms: [], scopes: [] };
      const { state, holds, slots } = status;
      return { host, isLost: state === 'lost', vms: holds, scopes: slots.map(({ scope }) => scope) };
    });

  return {
    hosts: async () => (await askEach(await openHosts(client), hostOf)).filter((host) => host !== null),
    openRunners: async () => {
      const open = await openWorkflows(client, 'runner');
      return new Set(open.map(({ workflowId }) => workflowId.slice(runnerWorkflowId('').length)));
    },
    isRunnerOpen: async (runner) => {
      const found = await unlessGone(() => workflow.getHandle(runnerWorkflowId(runner)).describe());
      return found !== null && isOpen(found);
    },
    openJobs: async () => (await openWorkflows(client, 'githubJob')).flatMap((info) => jobOf(info, githubHost) ?? []),
    askJob: (workflowId) =>
      unlessGone(async () => {
        const run = await ask<RunOfJob | null>(workflowId, 'whichRun');
        if (run === null) return null;
        const { state, runner } = await ask<StatusAnswer>(workflowId, 'status');
        // A closed workflow answers, too.
        return state === 'over' ? null : { run, state, runner };
      }),
    tellJob: async (workflowId, event) => {
      const told = await unlessGone(() => workflow.getHandle(workflowId).signal('jobEvent', event));
      return told === null ? 'closed' : 'told';
    },
  };
}

/** Undefined for a job of another GitHub. */
function jobOf({ workflowId, startTime, typedSearchAttributes }: WorkflowExecutionInfo, githubHost: string) {
  const jobId = Number(/\/(\d+)$/.exec(workflowId)?.[1]);
  if (workflowId !== jobWorkflowId(githubHost, jobId)) return undefined;
  const [owner, repo] = (typedSearchAttributes.get(BerthRepo) ?? '').split('/');
  const runId = Number(typedSearchAttributes.get(BerthRunId));
  const run = owner && repo && runId > 0 ? { owner, repo, runId } : null;
  const state = typedSearchAttributes.get(BerthState) ?? null;
  return { workflowId, jobId, run, state, startedAt: startTime.getTime() } satisfies OpenJob;
}
