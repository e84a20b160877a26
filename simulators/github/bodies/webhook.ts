/** The body of a `workflow_job` webhook. */

import type { Action, SimJob } from '../types.js';
import { findOwner, isPublicRepo } from '../world.js';
import type { World } from '../world.js';
import { organizationBody, repositoryBody, userBody } from './account.js';
import type { RepoFacts } from './account.js';
import { deploymentBody } from './deployment.js';
import { jobBody } from './job.js';
import { nodeId, originOf } from './urls.js';

export function repoFacts(world: World, owner: string, repo: string): RepoFacts {
  const ownerType = findOwner(world.settings, owner)?.type ?? 'Organization';
  return { owner, repo, ownerType, isPublic: isPublicRepo(world.settings, owner, repo) };
}

/** What every event of a repository carries beside its own part; `installationId` only on an App's hook. */
export function commonBody(world: World, owner: string, repo: string, installationId: number | undefined) {
  const origin = originOf(world.url);
  const facts = repoFacts(world, owner, repo);
  return {
    repository: repositoryBody(origin, facts),
    ...(facts.ownerType === 'Organization' ? { organization: organizationBody(origin, owner) } : {}),
    sender: userBody(origin, 'octocat', 'User'),
    ...(installationId === undefined
      ? {}
      : { installation: { id: installationId, node_id: nodeId('IntegrationInstallation', installationId) } }),
  };
}

export function workflowJobBody(world: World, job: SimJob, action: Action, installationId: number | undefined) {
  const origin = originOf(world.url);
  return {
    action,
    workflow_job: jobBody(origin, job),
    ...(job.gate === null ? {} : { deployment: deploymentBody(origin, job, job.gate) }),
    ...commonBody(world, job.owner, job.repo, installationId),
  };
}
