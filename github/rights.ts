/** Which right a call needs, in GitHub's words, for the operator (GitHub docs "Permissions required for GitHub Apps"). */

import type { Scope } from '../jobs/scope.js';

/** To register, list and remove runners. */
export function runnerRight(scope: Scope): string {
  switch (scope.kind) {
    case 'repo':
      return 'the repository permission "Administration: read and write" (classic token: scope `repo`, of an admin)';
    case 'org':
      return 'the organization permission "Self-hosted runners: read and write" (classic token: scope `admin:org`)';
    case 'enterprise':
      return 'a classic token with the scope `manage_runners:enterprise`';
  }
}

export const READ_JOBS = 'the repository permission "Actions: read" (classic token: scope `repo`)';
export const CANCEL_RUNS = 'the repository permission "Actions: read and write" (classic token: scope `repo`)';

/** To list the deliveries of a webhook and repeat them. */
export function hookRight(scope: Scope): string {
  return scope.kind === 'repo'
    ? 'the repository permission "Webhooks: read and write" (classic token: scope `repo`, of an admin)'
    : 'the organization permission "Webhooks: read and write" (classic token: scope `admin:org_hook`)';
}

export const APP_HOOK = "the App's own private key, and a webhook set up in the App's settings";
export const READ_REPOSITORIES = 'the repository permission "Metadata: read" (classic token: scope `repo`)';
