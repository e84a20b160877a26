/** GitHub Apps: their JSON web tokens, where they are installed, and the tokens of their installations. */

import { createAppAuth } from '@octokit/auth-app';
import type { Logger } from 'pino';
import { z } from 'zod';
import { scopeText } from '../jobs/names.js';
import type { Scope } from '../jobs/scope.js';
import { parseAnswer } from './answers.js';
import type { Clock } from './clock.js';
import type { AppCredential } from './credentials.js';
import { GitHubError } from './errors.js';
import { scopePath } from './scope-path.js';
import type { Authorizer, Session } from './session.js';

/** GitHub's tokens live an hour; no call shall begin with one that ends on the way or a clock's error later. */
const RENEW_BEFORE_MS = 10 * 60_000;

/** Authorizes calls about the App itself. */
export function appAuthorizer({ appId, privateKey }: AppCredential, log: Logger): Authorizer {
  const warn = (): void => log.debug('octokit auth-app warned');
  return {
    get: async () => {
      try {
        const { token } = await createAppAuth({ appId, privateKey, log: { warn } })({ type: 'app' });
        return { header: `bearer ${token}`, secret: token, fresh: true };
      } catch {
        // The library's error may quote the key.
        throw new GitHubError(
          'GitHubRefused',
          `The private key of the GitHub App ${appId} cannot be used: it must be the whole PEM file as GitHub gave it.`,
        );
      }
    },
  };
}

const installation = z.object({ id: z.number() });

/** An App that was removed and installed again has another number: an hour later Berth has it. */
const INSTALLATION_KEPT_MS = 3_600_000;

/** Finds where an App is installed, once an hour for each owner. */
export function createInstallations(app: Session, clock: Clock): (scope: Scope) => Promise<number> {
  const known = new Map<string, { readonly id: Promise<number>; readonly until: number }>();
  const lookUp = async (scope: Scope): Promise<number> => {
    const { template, params } = scopePath(scope);
    const what = `find the installation of the App for ${scopeText(scope)}`;
    const right = `to be installed on ${ownerOf(scope)} with access to the repositories that Berth serves`;
    const answer = await app.call({
      route: `GET ${template}/installation`,
      params,
      what,
      right,
      purpose: 'registration',
    });
    return parseAnswer(installation, answer, what).id;
  };
  return (scope) => {
    const owner = ownerOf(scope).toLowerCase();
    const kept = known.get(owner);
    if (kept !== undefined && clock.now() < kept.until) return kept.id;
    const id = lookUp(scope);
    known.set(owner, { id, until: clock.now() + INSTALLATION_KEPT_MS });
    id.catch(() => known.delete(owner));
    return id;
  };
}

/** An installation belongs to an account, whichever of its repositories was asked about. */
function ownerOf(scope: Scope): string {
  return scope.kind === 'enterprise' ? scopeText(scope) : scope.owner;
}

const accessToken = z.object({ token: z.string().min(1), expires_at: z.iso.datetime({ offset: true }) });

/**
 * Authorizes calls of one installation: one token for all of them, renewed ten minutes before its end. (The cache of
 * auth-app does not look at the end that GitHub gives, and its repeats wait inside the process.)
 */
export function installationAuthorizer(app: Session, installationId: number, clock: Clock): Authorizer {
  let kept: { readonly token: string; readonly renewAt: number } | undefined;
  let coming: Promise<string> | undefined;

  const renew = async (): Promise<string> => {
    const what = `get a token for the installation ${installationId}`;
    const answer = await app.call({
      route: 'POST /app/installations/{installation_id}/access_tokens',
      params: { installation_id: installationId },
      what,
      purpose: 'registration',
      right: `to be installed (is ${installationId} the right \`installation_id\`, and not suspended?)`,
    });
    const { token, expires_at: expiresAt } = parseAnswer(accessToken, answer, what);
    kept = { token, renewAt: Date.parse(expiresAt) - RENEW_BEFORE_MS };
    return token;
  };

  return {
    get: async () => {
      if (kept !== undefined && clock.now() < kept.renewAt) return authorization(kept.token, false);
      // Calls at the same time share one renewal.
      coming ??= renew().finally(() => {
        coming = undefined;
      });
      return authorization(await coming, true);
    },
    forget: () => {
      kept = undefined;
    },
  };
}

const authorization = (token: string, fresh: boolean): { header: string; secret: string; fresh: boolean } => ({
  header: `token ${token}`,
  secret: token,
  fresh,
});
