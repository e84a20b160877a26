/** Ids and names that several processes must agree on. */

import type { Scope } from './scope.js';
import type { SweepPart } from './sweeps.js';

/** The task queue of GitHub activities and of all workflows but those of `SLOTS_QUEUE`. */
export const ORCHESTRATOR_QUEUE = 'orchestrator';

/** The task queue of the workflows through whose hands slots go: dispatchers and runners. */
export const SLOTS_QUEUE = 'orchestrator/slots';

/** The task queue that one host's agent polls. */
export const hostQueue = (host: string): string => `host/${host}`;

export const jobWorkflowId = (githubHost: string, jobId: number): string => `job/${githubHost}/${jobId}`;
export const runnerWorkflowId = (runner: string): string => `runner/${runner}`;
export const reconcileWorkflowId = (part: SweepPart): string => `reconcile/${part}`;
export const sweepByHandWorkflowId = (part: SweepPart): string => `${reconcileWorkflowId(part)}/by-hand`;
export const dispatcherWorkflowId = (pool: string): string => `dispatcher/${pool}`;
export const hostWorkflowId = (host: string): string => `host/${host}`;

/** @param credential as in logs: `token 1f00aa21`, `app 12 installation 34` */
export const limitsWorkflowId = (githubHost: string, credential: string): string =>
  `limits/${githubHost}/${credential.replaceAll(' ', '-')}`;
export const templatePullWorkflowId = (host: string, template: string, tag: string): string =>
  `pull/${host}/${template}/${tag}`;

export const DEFAULT_POOL = 'default';
export const DEFAULT_NAME_PREFIX = 'berth';

/** How long GitHub lets a runner's name be (REST `generate-jitconfig`: `name` ≤ 64). */
export const MAX_RUNNER_NAME = 64;

/**
 * The name of a VM and of its runner: `berth-<job id>-<attempt>-<4 hex>`.
 * The job is the one the VM was made for; GitHub may give the runner another.
 */
export function runnerName(prefix: string, jobId: number, attempt: number, hex: string): string {
  return `${prefix}-${jobId}-${attempt}-${hex}`;
}

/** Whether a VM or runner with this name was made by the installation with this prefix. */
export function isOurRunner(prefix: string, name: string): boolean {
  return name.startsWith(`${prefix}-`) && /^\d+-\d+-[0-9a-f]{4}$/.test(name.slice(prefix.length + 1));
}

/** A scope in words, as it appears in logs, keys and reasons: `acme/ios`, `acme`, `enterprises/big`. */
export function scopeText(scope: Scope): string {
  switch (scope.kind) {
    case 'repo':
      return `${scope.owner}/${scope.repo}`;
    case 'org':
      return scope.owner;
    case 'enterprise':
      return `enterprises/${scope.enterprise}`;
  }
}
