/** Which credential is used for what. */

import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sameName } from '../jobs/repositories.js';
import type { Scope } from '../jobs/scope.js';
import { scopeAdmits } from '../jobs/scope.js';
import type { Context } from './check.js';
import { expandHome } from './home.js';
import type { Path } from './problems.js';
import type { Entry, Root } from './schema.js';
import { Secret } from './secret.js';
import type { Config, Credential } from './types.js';

type AppCredential = Extract<Credential, { kind: 'app' }>;
type TokenCredential = Extract<Credential, { kind: 'token' }>;

interface Owner {
  readonly scope: Scope;
  readonly credential?: Credential;
  readonly organisationCredential?: Credential;
}

/** Entries that may have a credential: those of slots, and the receiver's, as an anklet controller has it. */
function owners(config: Config): readonly Owner[] {
  const receiver = config.receiver;
  if (receiver === null || receiver.scope === null) return config.slots;
  return [...config.slots, { ...receiver, scope: receiver.scope }];
}

/**
 * The credential for calls about one owner or one repository: the entry's for that repository, else one of that
 * owner's, else an enterprise's, else the global one. Undefined when the config has none.
 */
export function credentialFor(config: Config, owner: string, repo?: string): Credential | undefined {
  const fitting = (kind: Scope['kind']): Credential | undefined =>
    owners(config)
      .filter(({ scope }) => scope.kind === kind && scopeAdmits(scope, owner, repo ?? ''))
      .map((entry) => entry.organisationCredential ?? entry.credential)
      .find((credential) => credential !== undefined);
  const ofRepo = repo === undefined ? undefined : fitting('repo');
  return ofRepo ?? fitting('org') ?? fitting('enterprise') ?? config.globalCredential;
}

/** The credential for calls about a scope: where its runners are registered and looked up. */
export function credentialForScope(config: Config, scope: Scope): Credential | undefined {
  if (scope.kind !== 'enterprise') {
    return credentialFor(config, scope.owner, scope.kind === 'repo' ? scope.repo : undefined);
  }
  const isSame = (other: Scope): boolean => other.kind === 'enterprise' && sameName(other.enterprise, scope.enterprise);
  const own = owners(config).find((entry) => isSame(entry.scope) && entry.credential !== undefined);
  return own?.credential ?? config.globalCredential;
}

export const hasCredential = (config: Config): boolean =>
  config.globalCredential !== undefined || owners(config).some((entry) => entry.credential !== undefined);

/** Makes the credentials of the file; a key that cannot be used is a problem. */
export interface CredentialReader {
  global(entries: readonly Entry[]): Credential | undefined;
  ofEntry(entry: Entry, path: Path): { readonly app?: AppCredential; readonly token?: TokenCredential };
}

export function createCredentialReader(root: Root, home: string, context: Context): CredentialReader {
  const { findings, places } = context;
  const app = (
    text: string,
    appId: number,
    installationId: number | undefined,
    path: Path,
  ): AppCredential | undefined => {
    const privateKey = readPrivateKey(text, home);
    if (typeof privateKey === 'string') {
      findings.problem(path, 'a private key: PEM text, or the path of a PEM file', privateKey);
      return undefined;
    }
    return { kind: 'app', appId, installationId: installationId || null, privateKey };
  };

  return {
    global(entries) {
      const key = root.global_private_key;
      if (key !== undefined && root.global_app_id) {
        return app(key, root.global_app_id, root.global_installation_id, ['global_private_key']);
      }
      if (key !== undefined && !entries.some((entry) => entry.app_id)) {
        const expected = '`global_app_id` with `global_private_key`, or entries with `app_id`';
        findings.problem(['global_app_id'], expected, 'neither', places.ofKey(['global_private_key']));
      }
      return root.global_token === undefined ? undefined : { kind: 'token', token: new Secret(root.global_token) };
    },

    ofEntry(entry, path) {
      const token: TokenCredential | undefined =
        entry.token === undefined ? undefined : { kind: 'token', token: new Secret(entry.token) };
      const own = ofApp(entry, path);
      return { ...(own && { app: own }), ...(token && { token }) };
    },
  };

  function ofApp(entry: Entry, path: Path): AppCredential | undefined {
    const appId = entry.app_id || (entry.private_key === undefined ? undefined : root.global_app_id);
    const key = entry.private_key ?? (entry.token === undefined ? root.global_private_key : undefined);
    if (appId && key !== undefined) {
      const keyPath = entry.private_key === undefined ? ['global_private_key'] : [...path, 'private_key'];
      return app(key, appId, entry.installation_id, keyPath);
    }
    if (entry.private_key !== undefined) {
      const place = places.ofKey([...path, 'private_key']);
      findings.problem([...path, 'app_id'], '`app_id` with `private_key`', 'nothing', place);
    } else if (entry.app_id && entry.token === undefined) {
      const place = places.ofKey([...path, 'app_id']);
      findings.problem(
        [...path, 'private_key'],
        '`private_key` with `app_id`, or `global_private_key`',
        'neither',
        place,
      );
    }
    return undefined;
  }
}

/** The key, or what was found instead. Environment variables often hold PEM with `\n` for its line ends. */
function readPrivateKey(text: string, home: string): Secret | string {
  let pem = text;
  if (!text.includes('-----BEGIN')) {
    try {
      pem = readFileSync(expandHome(text, home), 'utf8');
    } catch (err) {
      const code = (err as NodeJS.ErrnoException).code ?? 'unknown error';
      return code === 'ENOENT' ? 'neither PEM text nor a file that exists' : `a file that cannot be read (${code})`;
    }
  }
  pem = pem.replaceAll('\\n', '\n');
  try {
    createPrivateKey(pem);
    return new Secret(pem);
  } catch {
    return 'something that is not a PEM private key without a passphrase';
  }
}
