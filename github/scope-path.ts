/** Where on GitHub a scope's runners live: on its API, and on the web. */

import { scopeText } from '../jobs/names.js';
import type { Scope } from '../jobs/scope.js';

export interface ScopePath {
  /** A URL template, such as `/orgs/{org}`; the values are escaped by the client. */
  readonly template: string;
  readonly params: Readonly<Record<string, string>>;
}

export function scopePath(scope: Scope): ScopePath {
  switch (scope.kind) {
    case 'repo':
      return { template: '/repos/{owner}/{repo}', params: { owner: scope.owner, repo: scope.repo } };
    case 'org':
      return { template: '/orgs/{org}', params: { org: scope.owner } };
    case 'enterprise':
      return { template: '/enterprises/{enterprise}', params: { enterprise: scope.enterprise } };
  }
}

/** The web address of a scope, as `config.sh --url` wants it. */
export function scopeWebUrl(webUrl: string, scope: Scope): string {
  return `${webUrl.replace(/\/+$/, '')}/${scopeText(scope)}`;
}
