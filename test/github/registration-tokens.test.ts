import { describe, expect, it } from 'vitest';
import { webUrlOf } from '../../config/github-urls.js';
import { createGitHub } from '../../github/github.js';
import { scopeWebUrl } from '../../github/scope-path.js';
import type { Scope } from '../../jobs/scope.js';
import { failureOf, fakeClock, textLog, TOKEN, useBench } from './support.js';
import type { Reply } from './support.js';

const REPO: Scope = { kind: 'repo', owner: 'acme', repo: 'ios' };
const ORG: Scope = { kind: 'org', owner: 'acme' };
const ENTERPRISE: Scope = { kind: 'enterprise', enterprise: 'big' };

const ORG_CALL = 'POST /orgs/acme/actions/runners/registration-token';
const MADE: Reply = { status: 201, body: { token: 'AABF3JGZ', expires_at: '2026-01-02T03:04:05.000-08:00' } };

const b = useBench();

describe('a registration token', () => {
  it.each([
    [REPO, 'POST /repos/acme/ios/actions/runners/registration-token'],
    [ORG, ORG_CALL],
    [ENTERPRISE, 'POST /enterprises/big/actions/runners/registration-token'],
  ])('of %o is asked for in one call', async (scope, call) => {
    b.server.on(call, MADE);
    const expiresAt = Date.UTC(2026, 0, 2, 11, 4, 5);
    expect(await b.github.createRegistrationToken({ scope })).toEqual({ token: 'AABF3JGZ', expiresAt });
    expect(b.server.asked).toHaveLength(1);
    expect(b.server.asked[0]?.authorization).toBe(`token ${TOKEN}`);
  });

  it.each([REPO, ORG, ENTERPRISE])('and a JIT config of %o are asked for below the path of a GHES', async (scope) => {
    const apiUrl = `${b.server.url}/api/v3`;
    const credentialFor = () => ({ kind: 'token', token: TOKEN }) as const;
    const github = createGitHub({ apiUrl, credentialFor, log: textLog().log, clock: fakeClock() });
    await failureOf(github.createRegistrationToken({ scope }));
    await failureOf(github.createJitConfig({ scope, runner: 'r', runnerGroup: null, labels: ['x'] }));
    const paths = b.server.asked.map(({ path }) => path);
    const below = { repo: '/repos/acme/ios', org: '/orgs/acme', enterprise: '/enterprises/big' }[scope.kind];
    expect(paths).toEqual([
      `/api/v3${below}/actions/runners/registration-token`,
      `/api/v3${below}/actions/runners/generate-jitconfig`,
    ]);
  });

  it('is another one for each runner', async () => {
    b.server.on(ORG_CALL, MADE, { ...MADE, body: { token: 'OTHER', expires_at: '2026-01-02T03:04:05Z' } });
    const first = await b.github.createRegistrationToken({ scope: ORG });
    const second = await b.github.createRegistrationToken({ scope: ORG });
    expect([first.token, second.token]).toEqual(['AABF3JGZ', 'OTHER']);
  });

  it.each<[string, Reply, object]>([
    ['a refusal, with the right that is missing', { status: 403 }, { type: 'GitHubRefused', message: /Self-hosted/ }],
    ['a failing GitHub', { status: 502 }, { type: 'GitHubUnavailable' }],
    ['no answer', { fault: 'hang' }, { type: 'GitHubUnavailable' }],
    ['a limit', { status: 429, headers: { 'retry-after': '9' } }, { type: 'GitHubRateLimited' }],
    [
      'a text that would be two lines',
      { status: 201, body: { ...(MADE.body as object), token: 'A\nB' } },
      {
        type: 'GitHubUnavailable',
        message: /unexpected in token/,
      },
    ],
  ])('fails for %s', async (_, reply, expected) => {
    b.server.on(ORG_CALL, reply);
    const failure = await failureOf(b.github.createRegistrationToken({ scope: ORG }));
    const { message = /./, ...rest } = expected as { message?: RegExp };
    expect(failure).toMatchObject(rest);
    expect(failure.message).toMatch(message);
    expect(b.server.asked).toHaveLength(1);
  });

  it('is not asked for more often than GitHub allows', async () => {
    b.server.on(ORG_CALL, MADE);
    const results = [];
    for (let i = 0; i < 12; i++) results.push(await b.github.createRegistrationToken({ scope: ORG }));
    expect(results).toHaveLength(12);
    expect(b.clock.slept.length).toBeGreaterThan(0);
  });
});

describe('the web address of a scope', () => {
  it.each([
    ['https://api.github.com', 'https://github.com'],
    ['https://ghes.example.com:8443/api/v3', 'https://ghes.example.com:8443'],
    ['https://api.acme.ghe.com', 'https://acme.ghe.com'],
  ])('where the API is %s begins with %s', (apiUrl, web) => {
    const webUrl = webUrlOf(apiUrl) ?? '';
    expect(scopeWebUrl(webUrl, REPO)).toBe(`${web}/acme/ios`);
    expect(scopeWebUrl(webUrl, ORG)).toBe(`${web}/acme`);
    expect(scopeWebUrl(`${webUrl}/`, ENTERPRISE)).toBe(`${web}/enterprises/big`);
  });
});
