/** Who may do what: GitHub's 401, 403 and 404, in the order in which it gives them. */

import type { FastifyRequest } from 'fastify';
import { ALL_PERMISSIONS } from '../credentials.js';
import type { Credential } from '../credentials.js';
import { sameName } from '../names.js';
import type { AppOptions } from '../options.js';
import type { SimScope } from '../types.js';
import { findOwner, hasRepo } from '../world.js';
import type { World } from '../world.js';
import type { Calls } from './calls.js';
import { HttpError, notFound } from './http-error.js';

export interface ScopeParams {
  readonly owner?: string;
  readonly repo?: string;
  readonly org?: string;
  readonly enterprise?: string;
}

export type Level = 'read' | 'write';

export interface Guard {
  /** The scope of the path, after checking that the caller may manage its runners. */
  readonly runnerScope: (request: FastifyRequest, params: ScopeParams, level: Level) => SimScope;
  /** Checks that the caller may read or change this of a repository or organisation. */
  readonly allow: (request: FastifyRequest, scope: SimScope, permission: string, level: Level) => void;
  /** The App whose JWT the call carries. */
  readonly app: (request: FastifyRequest) => AppOptions;
}

export function scopeOf(params: ScopeParams): SimScope {
  const { owner, repo, org, enterprise } = params;
  if (enterprise !== undefined) return { kind: 'enterprise', enterprise };
  if (org !== undefined) return { kind: 'org', owner: org };
  return { kind: 'repo', owner: owner ?? '', repo: repo ?? '' };
}

export function createGuard(world: World, calls: Calls): Guard {
  const exists = (scope: SimScope): boolean => {
    if (scope.kind === 'repo') return hasRepo(world.settings, scope.owner, scope.repo);
    if (scope.kind === 'org') return findOwner(world.settings, scope.owner)?.type !== 'User' && isKnown(scope.owner);
    return world.settings.owners.some(({ enterprise }) => sameName(enterprise, scope.enterprise));
  };
  const isKnown = (login: string): boolean => findOwner(world.settings, login) !== undefined;

  const allow: Guard['allow'] = (request, scope, permission, level) => {
    const { credential } = calls.of(request);
    if (credential.kind === 'none') throw new HttpError(401, 'Requires authentication');
    if (credential.kind === 'app') throw new HttpError(401, 'Bad credentials');
    if (!exists(scope) || !sees(credential, scope)) throw notFound();
    if (credential.kind === 'pat') {
      const needsAdmin = permission !== 'actions' || level === 'write';
      if (needsAdmin && credential.pat.admin === false) throw new HttpError(403, 'Must have admin rights.');
      return;
    }
    const granted = (credential.installation.permissions ?? ALL_PERMISSIONS)[permission];
    if (granted === 'write' || (granted === 'read' && level === 'read')) return;
    throw new HttpError(403, 'Resource not accessible by integration');
  };

  return {
    allow,
    runnerScope: (request, params, level) => {
      const scope = scopeOf(params);
      const permission = { repo: 'administration', org: 'organization_self_hosted_runners', enterprise: 'enterprise' };
      allow(request, scope, permission[scope.kind], level);
      return scope;
    },
    app: (request) => {
      const { credential } = calls.of(request);
      if (credential.kind === 'app') return credential.app;
      throw new HttpError(401, 'A JSON web token could not be decoded');
    },
  };
}

/** Whether the scope is visible to the credential at all. */
function sees(credential: Credential, scope: SimScope): boolean {
  if (scope.kind === 'enterprise') return true;
  if (credential.kind === 'pat') return credential.pat.owners?.some((owner) => sameName(owner, scope.owner)) ?? true;
  return credential.kind === 'installation' && sameName(credential.installation.owner, scope.owner);
}
