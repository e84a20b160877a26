/** The `deployment` of a job behind an environment gate. */

import type { Gate, SimJob } from '../types.js';
import { userBody } from './account.js';
import { headSha } from './job.js';
import { isoSeconds, nodeId } from './urls.js';
import type { Origin } from './urls.js';

export function deploymentBody(origin: Origin, job: SimJob, gate: Gate) {
  const repo = `${origin.api}/repos/${job.owner}/${job.repo}`;
  const url = `${repo}/deployments/${gate.deploymentId}`;
  return {
    url,
    id: gate.deploymentId,
    node_id: nodeId('Deployment', gate.deploymentId),
    task: 'deploy',
    original_environment: gate.environment,
    environment: gate.environment,
    description: null,
    created_at: isoSeconds(job.createdAt),
    updated_at: isoSeconds(gate.updatedAt),
    statuses_url: `${url}/statuses`,
    repository_url: repo,
    creator: userBody(origin, 'octocat', 'User'),
    sha: headSha(job.runId),
    ref: 'main',
    payload: {},
    transient_environment: false,
    production_environment: false,
    performed_via_github_app: null,
  };
}
