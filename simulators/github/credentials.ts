/** Who calls: personal access tokens, Apps, installations, and the short-lived tokens that GitHub hands out. */

import { randomBytes } from 'node:crypto';
import { checkJwt, looksLikeJwt } from './jwt.js';
import type { AppOptions, InstallationOptions, PatOptions, Permissions } from './options.js';
import type { SimScope } from './types.js';
import type { World } from './world.js';

export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'pat'; readonly pat: PatOptions }
  | { readonly kind: 'app'; readonly app: AppOptions }
  | { readonly kind: 'installation'; readonly app: AppOptions; readonly installation: InstallationOptions };

export type Authenticated =
  | { readonly ok: true; readonly credential: Credential }
  | { readonly ok: false; readonly status: 401 | 404; readonly message: string };

export interface Credentials {
  readonly authenticate: (authorization: string | undefined) => Authenticated;
  /** A token for an installation, for one hour. */
  readonly installationToken: (
    app: AppOptions,
    installation: InstallationOptions,
  ) => { token: string; expiresAt: number };
  /** A token for `config.sh` (`register`) or `config.sh remove` (`remove`), for one hour unless set otherwise. */
  readonly runnerToken: (use: 'register' | 'remove', scope: SimScope) => { token: string; expiresAt: number };
  /** What a runner token is for; undefined when it is unknown, of the other kind or too old. */
  readonly scopeOfRunnerToken: (use: 'register' | 'remove', token: string) => SimScope | undefined;
  /** Every runner token handed out so far, also such as are worthless by now: for tests that look for leaks. */
  readonly runnerTokens: () => readonly string[];
  /** Makes every token handed out so far worthless. */
  readonly revokeTokens: () => void;
}

/** What an App needs for runners, jobs and hooks. */
export const ALL_PERMISSIONS: Permissions = {
  actions: 'write',
  administration: 'write',
  metadata: 'read',
  organization_hooks: 'write',
  organization_self_hosted_runners: 'write',
  repository_hooks: 'write',
};

/** Names a credential in records and rate limits, without its secret. */
export function credentialName(credential: Credential): string {
  switch (credential.kind) {
    case 'none':
      return 'none';
    case 'pat':
      return `pat:${credential.pat.login ?? 'octocat'}`;
    case 'app':
      return `app:${credential.app.id}`;
    case 'installation':
      return `installation:${credential.installation.id}`;
  }
}

interface Issued<T> {
  readonly expiresAt: number;
  readonly value: T;
}

export function createCredentials(world: World): Credentials {
  const installationTokens = new Map<string, Issued<Credential>>();
  const handedOut: string[] = [];
  const runnerTokens = new Map<string, Issued<{ readonly use: 'register' | 'remove'; readonly scope: SimScope }>>();

  const fresh = <T>(issued: Issued<T> | undefined): T | undefined =>
    issued !== undefined && issued.expiresAt > Date.now() ? issued.value : undefined;

  const authenticate: Credentials['authenticate'] = (authorization) => {
    if (authorization === undefined) return { ok: true, credential: { kind: 'none' } };
    const token = /^(?:token|bearer)\s+(\S+)$/i.exec(authorization)?.[1];
    const bad = { ok: false, status: 401, message: 'Bad credentials' } as const;
    if (token === undefined) return bad;
    if (looksLikeJwt(token)) {
      const verdict = checkJwt(token, world.settings.apps, Date.now());
      return verdict.ok ? { ok: true, credential: { kind: 'app', app: verdict.app } } : verdict;
    }
    const pat = world.settings.pats.find((each) => each.token === token);
    if (pat !== undefined) return { ok: true, credential: { kind: 'pat', pat } };
    const credential = fresh(installationTokens.get(token));
    return credential === undefined ? bad : { ok: true, credential };
  };

  return {
    authenticate,
    installationToken: (app, installation) => {
      const token = `ghs_${randomBytes(18).toString('hex')}`;
      const expiresAt = Date.now() + world.settings.installationTokenMs;
      installationTokens.set(token, { expiresAt, value: { kind: 'installation', app, installation } });
      return { token, expiresAt };
    },
    runnerToken: (use, scope) => {
      const token = randomBytes(15).toString('hex').slice(0, 29).toUpperCase();
      const expiresAt = Date.now() + world.settings.runnerTokenMs;
      handedOut.push(token);
      runnerTokens.set(token, { expiresAt, value: { use, scope } });
      return { token, expiresAt };
    },
    scopeOfRunnerToken: (use, token) => {
      const issued = fresh(runnerTokens.get(token));
      return issued?.use === use ? issued.scope : undefined;
    },
    runnerTokens: () => [...handedOut],
    revokeTokens: () => {
      installationTokens.clear();
      runnerTokens.clear();
    },
  };
}
