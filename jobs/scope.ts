import { sameName } from './repositories.js';

/** Where on GitHub a runner is registered, and so whose jobs it may take. */
export type Scope =
  | { readonly kind: 'repo'; readonly owner: string; readonly repo: string }
  | { readonly kind: 'org'; readonly owner: string }
  | { readonly kind: 'enterprise'; readonly enterprise: string };

/** Whether a runner of this scope may take a job of this repository. */
export function scopeAdmits(scope: Scope, owner: string, repo: string): boolean {
  switch (scope.kind) {
    case 'repo':
      return sameName(scope.owner, owner) && sameName(scope.repo, repo);
    case 'org':
      return sameName(scope.owner, owner);
    case 'enterprise':
      return true;
  }
}
