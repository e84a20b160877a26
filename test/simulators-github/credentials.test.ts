import { createSign, generateKeyPairSync } from 'node:crypto';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/rest';
import { describe, expect, it } from 'vitest';
import type { AppOptions } from '../../simulators/github/options.js';
import { startSim } from './helpers.js';

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const otherKeys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

const app: AppOptions = {
  id: 77,
  clientId: 'Iv1.abc',
  publicKey: keys.publicKey,
  installations: [{ id: 5, owner: 'acme' }],
};

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function jwt(claims: Readonly<Record<string, unknown>> = {}, key = keys.privateKey, alg = 'RS256'): string {
  const now = Math.floor(Date.now() / 1_000);
  const text = `${encode({ alg, typ: 'JWT' })}.${encode({ iat: now - 30, exp: now + 500, iss: 77, ...claims })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key, 'base64url')}`;
}

const appSim = () => startSim({ owners: [{ login: 'acme', enterprise: 'big' }, { login: 'other' }], apps: [app] });

const now = () => Math.floor(Date.now() / 1_000);

describe('personal access tokens', () => {
  it.each([
    ['an unknown token', 'ghp_wrong', 401],
    ['no token', null, 401],
  ])('refuses %s', async (_case, token, status) => {
    const sim = await startSim();
    expect((await sim.rest('GET', '/orgs/acme/actions/runners', { token })).status).toBe(status);
  });

  it('accepts both ways of writing the header', async () => {
    const sim = await startSim();
    const headers = { authorization: 'token ghp_simulated' };
    expect((await sim.rest('GET', '/orgs/acme/actions/runners', { token: null, headers })).status).toBe(200);
  });

  it('answers 404 for owners it cannot see and 403 without admin rights', async () => {
    const owners = [{ login: 'acme' }, { login: 'other', repos: ['app'] }, { login: 'me', type: 'User' as const }];
    const pats = [
      { token: 'narrow', owners: ['acme'] },
      { token: 'weak', admin: false },
    ];
    const sim = await startSim({ owners, pats });
    const status = async (token: string, path: string) => (await sim.rest('GET', path, { token })).status;
    expect(await status('narrow', '/orgs/acme/actions/runners')).toBe(200);
    expect(await status('narrow', '/orgs/other/actions/runners')).toBe(404);
    expect(await status('weak', '/orgs/acme/actions/runners')).toBe(403);
    expect(await status('weak', '/repos/acme/x/actions/runs')).toBe(200);
    expect(await status('weak', '/repos/other/unknown/actions/runs')).toBe(404);
    expect(await status('weak', '/orgs/nobody/actions/runners')).toBe(404);
    expect(await status('narrow', '/orgs/me/actions/runners')).toBe(404);
    expect(await status('narrow', '/app/installations')).toBe(401);
  });
});

describe('GitHub Apps', () => {
  it('gives the real client a token that works for its owner only', async () => {
    const sim = await appSim();
    const octokit = new Octokit({
      baseUrl: sim.url,
      authStrategy: createAppAuth,
      auth: { appId: 77, privateKey: keys.privateKey, installationId: 5 },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    expect((await octokit.actions.listSelfHostedRunnersForOrg({ org: 'acme' })).data.total_count).toBe(0);
    await expect(octokit.actions.listSelfHostedRunnersForOrg({ org: 'other' })).rejects.toMatchObject({ status: 404 });
    const enterprise = octokit.request('GET /enterprises/{enterprise}/actions/runners', { enterprise: 'big' });
    await expect(enterprise).rejects.toMatchObject({ status: 403 });
    expect(sim.calls().map(({ credential }) => credential)).toContain('app:77');
    expect(sim.calls().at(-1)).toMatchObject({ credential: 'installation:5', status: 403 });
    expect(JSON.stringify(sim.calls())).not.toContain('ghs_');
  });

  it.each([
    ['signed by another key', () => jwt({}, otherKeys.privateKey), 401],
    ['of another algorithm', () => jwt({}, keys.privateKey, 'HS256'), 401],
    ['issued in the future', () => jwt({ iat: now() + 60 }), 401],
    ['too long-lived', () => jwt({ exp: now() + 700 }), 401],
    ['expired', () => jwt({ exp: now() - 1 }), 401],
    ['without iat', () => jwt({ iat: undefined }), 401],
    ['of an unknown App', () => jwt({ iss: 78 }), 404],
    ['that is right', () => jwt(), 200],
    ['by client id', () => jwt({ iss: 'Iv1.abc' }), 200],
    ['by id as a text', () => jwt({ iss: '77' }), 200],
  ])('checks a JWT %s', async (_case, token, status) => {
    const sim = await appSim();
    expect((await sim.rest('GET', '/orgs/acme/installation', { token: token() })).status).toBe(status);
  });

  it('finds installations by organisation and repository, and refuses unknown ones', async () => {
    const sim = await appSim();
    const token = jwt();
    const get = async (path: string) => sim.rest('GET', path, { token });
    expect((await get('/repos/acme/ios/installation')).body).toMatchObject({
      id: 5,
      app_id: 77,
      target_type: 'Organization',
    });
    expect((await get('/app/installations/5')).body).toMatchObject({ account: { login: 'acme' } });
    expect((await get('/orgs/other/installation')).status).toBe(404);
    expect((await sim.rest('POST', '/app/installations/6/access_tokens', { token })).status).toBe(404);
  });

  it('ends tokens after their hour and when they are revoked, and honours permissions', async () => {
    const installation = { id: 5, owner: 'acme', permissions: { actions: 'read' as const } };
    const apps = [{ ...app, installations: [installation] }];
    const sim = await startSim({ apps, installationTokenMs: 60_000 });
    const made = await sim.rest('POST', '/app/installations/5/access_tokens', { token: jwt() });
    const token = String(made.body['token']);
    const status = async (method: string, path: string) => (await sim.rest(method, path, { token })).status;
    const job = sim.queueJob({ repo: 'ios', labels: ['a'] });
    expect(await status('GET', `/repos/acme/ios/actions/jobs/${job.id}`)).toBe(200);
    expect(await status('POST', `/repos/acme/ios/actions/runs/${job.runId}/cancel`)).toBe(403);
    expect(await status('GET', '/orgs/acme/actions/runners')).toBe(403);
    sim.revokeTokens();
    expect(await status('GET', `/repos/acme/ios/actions/jobs/${job.id}`)).toBe(401);
    const brief = await startSim({ apps, installationTokenMs: 0 });
    const old = await brief.rest('POST', '/app/installations/5/access_tokens', { token: jwt() });
    const answer = await brief.rest('GET', '/repos/acme/ios/actions/runs', { token: String(old.body['token']) });
    expect(answer.status).toBe(401);
  });
});
