import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credential } from '../../github/credentials.js';
import { createGitHub } from '../../github/github.js';
import { appKey, bench, failureOf, fakeClock, fakeGitHub, textLog } from './support.js';
import type { Bench, Reply } from './support.js';

const key = appKey();
const APP: Credential = { kind: 'app', appId: 12, privateKey: key.privateKey, installationId: 34 };
const TOKENS = 'POST /app/installations/34/access_tokens';
const RUNNER = 'DELETE /repos/acme/ios/actions/runners/7';

let b: Bench;
let issued: number;

/** A new token, good for an hour by the bench's clock. */
const newToken = (): Reply => {
  issued += 1;
  return {
    status: 201,
    body: { token: `ghs_secret${issued}`, expires_at: new Date(b.clock.now() + 3_600_000).toISOString() },
  };
};

async function start(credential: Credential): Promise<void> {
  b = await bench(credential);
  b.server.on(TOKENS, newToken);
  b.server.on(RUNNER, { status: 204 });
}

beforeEach(() => {
  issued = 0;
});
afterEach(() => b.server.close());

const call = (): Promise<string> =>
  b.github.removeRunner({ scope: { kind: 'repo', owner: 'acme', repo: 'ios' }, runner: 'r', runnerId: 7 });

describe('a GitHub App', () => {
  it('shows a signed token of its own for the installation, whose token all calls share', async () => {
    await start(APP);
    await Promise.all([call(), call(), call()]);
    await call();
    expect(b.server.calls(TOKENS)).toHaveLength(1);
    const claims = key.verified(b.server.calls(TOKENS)[0]?.authorization ?? '');
    expect(claims).toMatchObject({ iss: 12 });
    expect(Number(claims['exp']) - Number(claims['iat'])).toBeLessThanOrEqual(660);
    expect(b.server.calls(RUNNER).map((one) => one.authorization)).toEqual(Array(4).fill('token ghs_secret1'));
  });

  it('renews the token before its end, not after', async () => {
    await start(APP);
    await call();
    b.clock.advance(49 * 60_000);
    await call();
    expect(issued).toBe(1);
    b.clock.advance(60_001);
    await call();
    expect(issued).toBe(2);
    expect(b.server.calls(RUNNER).at(-1)?.authorization).toBe('token ghs_secret2');
  });

  it('gets a new token once when GitHub no longer takes the old one', async () => {
    await start(APP);
    await call();
    b.server.on(RUNNER, { status: 401, body: { message: 'Bad credentials' } }, { status: 204 });
    expect(await call()).toBe('removed');
    expect(issued).toBe(2);
    b.server.on(RUNNER, { status: 401, body: { message: 'Bad credentials' } });
    const before = b.server.calls(RUNNER).length;
    expect(await failureOf(call())).toMatchObject({ type: 'GitHubRefused', status: 401 });
    expect(b.server.calls(RUNNER).length - before).toBe(2);
  });

  it('tries a brand-new token again a second later', async () => {
    await start(APP);
    b.server.on(RUNNER, { status: 401 }, { status: 204 });
    expect(await call()).toBe('removed');
    expect(b.clock.slept).toEqual([1_000]);
    expect(issued).toBe(1);
  });

  it('finds its installation once for an owner, whichever repository asks', async () => {
    await start({ ...APP, installationId: undefined });
    b.server.on('GET /repos/acme/ios/installation', { body: { id: 34, account: { login: 'acme' } } });
    await Promise.all([call(), call()]);
    await b.github.cancelRun({ owner: 'Acme', repo: 'web', runId: 1 });
    expect(b.server.asked.filter((one) => one.path.endsWith('/installation'))).toHaveLength(1);
    expect(key.verified(b.server.asked[0]?.authorization ?? '')).toMatchObject({ iss: 12 });
    expect(issued).toBe(1);
  });

  it('that is not installed there is refused with what to do, and asked for again later', async () => {
    await start({ ...APP, installationId: undefined });
    const failure = await failureOf(call());
    expect(failure).toMatchObject({ type: 'GitHubRefused', status: 404 });
    expect(failure.message).toMatch(/find the installation of the App for acme\/ios.*to be installed on acme/);
    b.server.on('GET /repos/acme/ios/installation', { body: { id: 34 } });
    expect(await call()).toBe('removed');
  });

  it('with the wrong installation id says so', async () => {
    await start(APP);
    b.server.on(TOKENS, { status: 404, body: { message: 'Not Found' } });
    const failure = await failureOf(call());
    expect(failure.message).toMatch(/get a token for the installation 34.*`installation_id`/);
    expect(b.server.calls(RUNNER)).toHaveLength(0);
  });

  it('that gets no token has registered nothing: no runner is looked for', async () => {
    await start(APP);
    b.server.on(TOKENS, { status: 500 });
    const input = { scope: { kind: 'org', owner: 'acme' }, runner: 'r', runnerGroup: null, labels: ['x'] } as const;
    expect(await failureOf(b.github.createJitConfig(input))).toMatchObject({ type: 'GitHubUnavailable' });
    expect(b.server.asked).toHaveLength(1);
  });

  it('with a key that is none says so without showing it', async () => {
    const privateKey = '-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0LWtleS1tYXRlcmlhbA==\n-----END RSA PRIVATE KEY-----';
    await start({ ...APP, privateKey });
    const failure = await failureOf(call());
    expect(failure.message).toMatch(/private key of the GitHub App 12 cannot be used/);
    expect(`${failure.stack ?? ''}${JSON.stringify(failure)}${b.logged()}`).not.toContain('c2VjcmV0');
  });
});

describe('several credentials', () => {
  it('are each used for their own scope', async () => {
    const server = await fakeGitHub();
    b = { server } as Bench;
    const github = createGitHub({
      apiUrl: `${server.url}/`,
      log: textLog().log,
      clock: fakeClock(),
      credentialFor: (scope) =>
        scope.kind === 'repo' ? { kind: 'token', token: `ghp_token_of_${scope.owner}` } : undefined,
    });
    for (const owner of ['one', 'two']) {
      server.on(`POST /repos/${owner}/r/actions/runs/5/cancel`, { status: 202 });
      await github.cancelRun({ owner, repo: 'r', runId: 5 });
    }
    expect(server.asked.map((one) => one.authorization)).toEqual(['token ghp_token_of_one', 'token ghp_token_of_two']);
    expect(github.limits()).toHaveLength(2);
  });
});
