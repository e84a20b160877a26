/** One session for each credential (for Apps: each installation), shared by all calls. */

import type { Logger } from 'pino';
import type { Scope } from '../jobs/scope.js';
import { appAuthorizer, createInstallations, installationAuthorizer } from './app.js';
import type { Clock } from './clock.js';
import { createKeptAnswers } from './conditional.js';
import { credentialKey, requireCredential } from './credentials.js';
import type { AppCredential, CredentialFor } from './credentials.js';
import { createGate } from './gate.js';
import type { LimitState } from './gate.js';
import type { HttpCall } from './http.js';
import { createSession } from './session.js';
import type { Authorizer, Session } from './session.js';
import { unshared } from './sharing.js';
import type { ShareLimits } from './sharing.js';

export interface Sessions {
  /** @throws GitHubError when no credential is configured, or the App is not installed there */
  forScope(scope: Scope): Promise<Session>;
  /** For calls about the App itself, by its own key. */
  forApp(credential: AppCredential): Session;
  limits(): readonly LimitState[];
}

export interface SessionsOptions {
  readonly credentialFor: CredentialFor;
  readonly http: HttpCall;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: with nobody. */
  readonly shareLimits?: ShareLimits | undefined;
}

interface App {
  readonly session: Session;
  readonly installationFor: (scope: Scope) => Promise<number>;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { credentialFor, http, clock, log, shareLimits = unshared } = options;
  const sessions = new Map<string, Session>();
  const apps = new Map<string, App>();
  const answers = createKeptAnswers();

  const sessionOf = (key: string, credential: string, authorizer: () => Authorizer): Session => {
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const shared = shareLimits(credential, (news) => gate.hear(news));
    const gate = createGate({ credential, clock, log, tell: shared.tell });
    const session = createSession({ credential, authorizer: authorizer(), gate, shared, http, clock, answers });
    sessions.set(key, session);
    return session;
  };

  const appOf = (credential: AppCredential): App => {
    const key = credentialKey(credential);
    const known = apps.get(key);
    if (known !== undefined) return known;
    const session = sessionOf(key, `app ${credential.appId}`, () => appAuthorizer(credential, log));
    const app = { session, installationFor: createInstallations(session, clock) };
    apps.set(key, app);
    return app;
  };

  return {
    forScope: async (scope) => {
      const credential = requireCredential(credentialFor, scope);
      const key = credentialKey(credential);
      if (credential.kind === 'token') {
        const { token } = credential;
        const fixed = { header: `token ${token}`, secret: token, fresh: false };
        return sessionOf(key, key, () => ({ get: async () => fixed }));
      }
      const app = appOf(credential);
      const id = credential.installationId ?? (await app.installationFor(scope));
      const name = `app ${credential.appId} installation ${id}`;
      return sessionOf(`${key} ${id}`, name, () => installationAuthorizer(app.session, id, clock));
    },
    forApp: (credential) => appOf(credential).session,
    limits: () => [...sessions.values()].map((session) => session.gate.state()),
  };
}
