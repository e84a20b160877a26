/** Jobs and runs as REST and webhooks show them. */

import { createHash } from 'node:crypto';
import type { RunState, SimJob, SimRun } from '../types.js';
import { repositoryBody, userBody } from './account.js';
import type { RepoFacts } from './account.js';
import { isoOrNull, isoSeconds, nodeId } from './urls.js';
import type { Origin } from './urls.js';

const BRANCH = 'main';

/** A commit of a run: any 40 hex digits that stay the same. */
export const headSha = (runId: number): string => createHash('sha1').update(String(runId)).digest('hex');

function stepsOf(job: SimJob) {
  if (job.status === 'queued' || job.status === 'waiting' || job.runnerId === null) return [];
  const step = {
    name: 'Set up job',
    status: job.status,
    conclusion: job.conclusion,
    number: 1,
    started_at: new Date(job.startedAt).toISOString(),
    completed_at: job.completedAt === null ? null : new Date(job.completedAt).toISOString(),
  };
  return [step];
}

/** A job as `GET …/actions/jobs/{id}` answers it, and as webhooks carry it. */
export function jobBody(origin: Origin, job: SimJob) {
  const repo = `${origin.api}/repos/${job.owner}/${job.repo}`;
  return {
    id: job.id,
    run_id: job.runId,
    workflow_name: job.workflowName,
    head_branch: BRANCH,
    run_url: `${repo}/actions/runs/${job.runId}`,
    run_attempt: job.runAttempt,
    node_id: nodeId('CheckRun', job.id),
    head_sha: headSha(job.runId),
    url: `${repo}/actions/jobs/${job.id}`,
    html_url: `${origin.web}/${job.owner}/${job.repo}/actions/runs/${job.runId}/job/${job.id}`,
    status: job.status,
    conclusion: job.conclusion,
    created_at: isoSeconds(job.createdAt),
    started_at: isoSeconds(job.startedAt),
    completed_at: isoOrNull(job.completedAt),
    name: job.name,
    steps: stepsOf(job),
    check_run_url: `${repo}/check-runs/${job.id}`,
    labels: job.labels,
    runner_id: job.runnerId,
    runner_name: job.runnerName,
    runner_group_id: job.runnerGroupId,
    runner_group_name: job.runnerGroupName,
  };
}

export function runBody(origin: Origin, run: SimRun, state: RunState, facts: RepoFacts) {
  const url = `${origin.api}/repos/${run.owner}/${run.repo}/actions/runs/${run.id}`;
  const workflowId = repositoryBody(origin, facts).id + 1;
  const actor = userBody(origin, 'octocat', 'User');
  const person = { name: 'octocat', email: 'octocat@example.com' };
  const created = isoSeconds(run.createdAt);
  const sha = headSha(run.id);
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('WorkflowRun', run.id),
    head_branch: BRANCH,
    head_sha: sha,
    path: '.github/workflows/ci.yml',
    display_title: run.name ?? 'run',
    run_number: run.number,
    event: run.fork === null ? 'push' : 'pull_request',
    status: state.status,
    conclusion: state.conclusion,
    workflow_id: workflowId,
    check_suite_id: run.id,
    check_suite_node_id: nodeId('CheckSuite', run.id),
    url,
    html_url: `${origin.web}/${run.owner}/${run.repo}/actions/runs/${run.id}`,
    pull_requests: [],
    created_at: created,
    updated_at: isoSeconds(run.updatedAt),
    actor,
    run_attempt: run.attempt,
    referenced_workflows: [],
    run_started_at: created,
    triggering_actor: actor,
    ...runLinks(url, run, workflowId),
    head_commit: { id: sha, tree_id: sha, message: 'Change', timestamp: created, author: person, committer: person },
    repository: repositoryBody(origin, facts),
    head_repository: repositoryBody(origin, headOf(run) ?? facts),
  };
}

function headOf({ fork }: SimRun): RepoFacts | undefined {
  if (fork === null) return undefined;
  const [owner = '', repo = ''] = fork.split('/');
  return { owner, repo, ownerType: 'User', isPublic: true };
}

function runLinks(url: string, run: SimRun, workflowId: number) {
  const repo = url.slice(0, url.indexOf('/actions/runs/'));
  return {
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${repo}/check-suites/${run.id}`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: run.attempt === 1 ? null : `${url}/attempts/${run.attempt - 1}`,
    workflow_url: `${repo}/actions/workflows/${workflowId}`,
  };
}
