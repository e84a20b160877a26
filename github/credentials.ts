/** What Berth shows GitHub to be let in. */

import { createHash } from 'node:crypto';
import type { Scope } from '../jobs/scope.js';
import { scopeText } from '../jobs/names.js';
import { GitHubError } from './errors.js';

export interface TokenCredential {
  readonly kind: 'token';
  readonly token: string;
}

export interface AppCredential {
  readonly kind: 'app';
  /** The App's id or its client id. */
  readonly appId: number | string;
  /** PEM. */
  readonly privateKey: string;
  /** Looked up by owner when not given. */
  readonly installationId?: number | undefined;
}

export type Credential = TokenCredential | AppCredential;

/**
 * The credential for a scope. Calls about a job or run ask with the repository's scope, so this must itself go on to
 * the owner's credential, then the enterprise's, then the global one.
 */
export type CredentialFor = (scope: Scope) => Credential | undefined;

/** @throws GitHubError `GitHubNoCredential` that names the scope and the config keys */
export function requireCredential(credentialFor: CredentialFor, scope: Scope): Credential {
  const credential = credentialFor(scope);
  if (credential !== undefined) return credential;
  throw new GitHubError(
    'GitHubNoCredential',
    `No GitHub credential is configured for ${scopeText(scope)}. Give the orchestrator's config an entry of this scope ` +
      'with `token`, or with `private_key` and `app_id`; or set `global_token`, or `global_private_key` with ' +
      '`global_app_id`.',
  );
}

/** The same for equal credentials, another after a secret was changed; the secret cannot be found from it. */
export function credentialKey(credential: Credential): string {
  const secret = credential.kind === 'token' ? credential.token : credential.privateKey;
  const fingerprint = createHash('sha256').update(secret).digest('hex').slice(0, 8);
  return credential.kind === 'token' ? `token ${fingerprint}` : `app ${credential.appId} key ${fingerprint}`;
}
