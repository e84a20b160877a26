import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { credentialFor, credentialForScope } from '../../config/credentials.js';
import { rolesOf, warningsForRoles } from '../../config/roles.js';
import type { Credential } from '../../config/types.js';
import { parse } from './support.js';

const PEM = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const ENV = { BERTH_GLOBAL_PRIVATE_KEY: PEM };

const CONFIG = `
global_token: of-all
plugins:
  - {name: A, plugin: github, owner: acme, token: of-acme}
  - {name: B, plugin: github, owner: acme, repo: ios, token: of-ios}
  - {name: C, plugin: github, owner: acme, repo: bare}
  - {name: D, plugin: github, owner: plain}
  - {name: E, plugin: github, owner: apps, app_id: 5}
  - {name: R, plugin: github_receiver, port: 1, secret: s, owner: hooks, token: of-hooks}
`;

const label = (credential: Credential | undefined): string =>
  credential === undefined
    ? 'none'
    : credential.kind === 'token'
      ? credential.token.reveal()
      : `app ${credential.appId}`;

describe('the credential of a scope', () => {
  const { config } = parse(CONFIG, ENV);

  it.each([
    ['acme', 'ios', 'of-ios'],
    ['ACME', 'IOS', 'of-ios'],
    ['acme', 'other', 'of-acme'],
    ['acme', 'bare', 'of-acme'],
    ['acme', undefined, 'of-acme'],
    ['plain', 'x', 'of-all'],
    ['apps', 'x', 'app 5'],
    ['hooks', 'x', 'of-hooks'],
    ['stranger', 'x', 'of-all'],
  ])('%s/%s is %s', (owner, repo, expected) => {
    expect(label(credentialFor(config, owner, repo))).toBe(expected);
  });

  it('is none where the config has none', () => {
    const { config: bare } = parse('plugins: [{name: A, plugin: github, owner: acme}]\n');
    expect(credentialFor(bare, 'acme', 'ios')).toBeUndefined();
  });

  it('is the App before the token, but for an enterprise the token', () => {
    const both = `token: t, app_id: 6, private_key: ${JSON.stringify(PEM)}`;
    const text = `plugins: [{name: A, plugin: github, owner: acme, ${both}}, {name: B, plugin: github, enterprise: big, ${both}}]\n`;
    const { config: two } = parse(text);
    expect(label(credentialForScope(two, { kind: 'org', owner: 'acme' }))).toBe('app 6');
    expect(label(credentialForScope(two, { kind: 'enterprise', enterprise: 'BIG' }))).toBe('t');
    expect(label(credentialFor(two, 'member', 'x'))).toBe('app 6');
    expect(credentialForScope(two, { kind: 'enterprise', enterprise: 'other' })).toBeUndefined();
  });

  it('of a repository is that of its entry', () => {
    expect(label(credentialForScope(config, { kind: 'repo', owner: 'acme', repo: 'ios' }))).toBe('of-ios');
  });

  it('takes the global app for entries without any', () => {
    const { config: app } = parse('global_app_id: 9\nglobal_installation_id: 3\nglobal_token: t\n', ENV);
    expect(credentialFor(app, 'x')).toMatchObject({ kind: 'app', appId: 9, installationId: 3 });
  });
});

describe('the roles of a config', () => {
  it.each([
    ['pool: a', []],
    ['global_token: t', ['orchestrator']],
    ['plugins: [{name: A, plugin: github, owner: o}]', ['host']],
    [
      'plugins: [{name: A, plugin: github, owner: o, token: t}]\nmetrics: {aggregator: true}',
      ['orchestrator', 'host', 'metrics'],
    ],
    ['plugins: [{name: A, plugin: github_receiver, port: 1, secret: s}]', ['receiver']],
  ])('%s are %j', (text, roles) => {
    expect(rolesOf(parse(text).config)).toEqual(roles);
  });

  it('make a credential on a host worth a warning, one', () => {
    const { config } = parse('global_token: t\nplugins: [{name: A, plugin: github, owner: o, token: t}]');
    expect(warningsForRoles(config, ['host'])).toEqual([expect.stringContaining('only the orchestrator uses')]);
    expect(warningsForRoles(config, ['host', 'orchestrator'])).toEqual([]);
    expect(warningsForRoles(config, ['receiver'])).toEqual([]);
  });

  it('make the lack of one worth a warning for an orchestrator', () => {
    const { config } = parse('pool: a');
    expect(warningsForRoles(config, ['orchestrator'])).toEqual([expect.stringContaining('has no credential')]);
    expect(warningsForRoles(config, ['host'])).toEqual([]);
  });
});
