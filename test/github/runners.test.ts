import { describe, expect, it } from 'vitest';
import { createGitHub } from '../../github/github.js';
import type { Scope } from '../../jobs/scope.js';
import { failureOf, textLog, TOKEN, useBench } from './support.js';
import type { Bench, Reply } from './support.js';

const REPO: Scope = { kind: 'repo', owner: 'acme', repo: 'ios' };
const ORG: Scope = { kind: 'org', owner: 'acme' };
const ENTERPRISE: Scope = { kind: 'enterprise', enterprise: 'big' };
const NAME = 'berth-42-1-0a1b';
const BLOB = 'ZW5jb2RlZC1qaXQtY29uZmln';
const RUNNER = { id: 7, name: NAME, os: 'unknown', status: 'offline', busy: false, labels: [] };
const JIT = 'POST /orgs/acme/actions/runners/generate-jitconfig';
const LIST = 'GET /orgs/acme/actions/runners';
const DELETE = 'DELETE /orgs/acme/actions/runners/7';

const b = useBench();

const register = (
  scope: Scope = ORG,
  runnerGroup: string | null = null,
): ReturnType<Bench['github']['createJitConfig']> =>
  b.github.createJitConfig({ scope, runner: NAME, runnerGroup, labels: ['self-hosted', 'macOS'] });

const made: Reply = { status: 201, body: { runner: RUNNER, encoded_jit_config: BLOB } };
const listed = (...runners: readonly object[]): Reply => ({ body: { total_count: runners.length, runners } });

describe('a JIT config', () => {
  it.each([
    [REPO, '/repos/acme/ios'],
    [ORG, '/orgs/acme'],
    [ENTERPRISE, '/enterprises/big'],
  ] as const)('for %j is made under %s, with one call', async (scope, path) => {
    b.server.on(`POST ${path}/actions/runners/generate-jitconfig`, made);
    expect(await register(scope)).toEqual({ runnerId: 7, encodedJitConfig: BLOB });
    expect(b.server.asked).toHaveLength(1);
    expect(b.server.asked[0]).toMatchObject({
      authorization: `token ${TOKEN}`,
      headers: { 'x-github-api-version': '2022-11-28' },
      body: { name: NAME, runner_group_id: 1, labels: ['self-hosted', 'macOS'], work_folder: '_work' },
    });
    expect(b.server.asked[0]?.headers['user-agent']).toMatch(/^berth\/1\.2\.3\b/);
  });

  it.each([
    ['the name is taken', { status: 409, body: { message: 'Already exists' } }, 'RunnerNameTaken'],
    ['GitHub fails', { status: 503, body: { message: 'Unavailable' } }, 'GitHubUnavailable'],
    ['GitHub does not answer', { fault: 'hang' }, 'GitHubUnavailable'],
    ['the connection is cut', { fault: 'cut' }, 'GitHubUnavailable'],
    ['the answer is cut in half', { status: 201, fault: 'half' }, 'GitHubUnavailable'],
    ['the answer is something else', { status: 201, body: { hello: 1 } }, 'GitHubUnavailable'],
  ] as const)('is tried once when %s; what has the name is removed', async (_, reply, type) => {
    b.server.on(JIT, reply);
    b.server.on(LIST, listed(RUNNER, { ...RUNNER, id: 8, name: 'other' }));
    b.server.on(DELETE, { status: 204 });
    expect(await failureOf(register())).toMatchObject({ type });
    expect(b.server.calls(JIT)).toHaveLength(1);
    expect(b.server.calls(LIST)[0]?.url).toContain(`name=${NAME}`);
    expect(b.server.calls(DELETE)).toHaveLength(1);
    expect(b.server.asked).toHaveLength(3);
  });

  it('that got lost is looked for twice: a new runner may take a moment to show', async () => {
    b.server.on(JIT, { fault: 'cut' });
    b.server.on(LIST, listed(), listed(RUNNER));
    b.server.on(DELETE, { status: 204 });
    await failureOf(register());
    expect(b.server.calls(DELETE)).toHaveLength(1);
    expect(b.clock.slept).toEqual([1_000]);
  });

  it('whose remains cannot be removed fails for its own reason, and it is logged', async () => {
    b.server.on(JIT, { status: 409 });
    b.server.on(LIST, { status: 500 });
    expect(await failureOf(register())).toMatchObject({ type: 'RunnerNameTaken' });
    expect(b.logged()).toContain('a runner may be left');
  });

  it.each([
    [401, 'Bad credentials', /wrong, expired or revoked/],
    [403, 'Resource not accessible by integration', /"Self-hosted runners: read and write"/],
    [404, 'Not Found', /"Self-hosted runners: read and write"/],
    [422, 'Validation Failed', /Check the settings/],
  ] as const)('refused with %i says what to do, and nothing is looked up', async (status, message, advice) => {
    b.server.on(JIT, { status, body: { message, documentation_url: 'https://docs' } });
    const failure = await failureOf(register());
    expect(failure).toMatchObject({ type: 'GitHubRefused', status });
    expect(failure.message).toContain(message);
    expect(failure.message).toMatch(advice);
    expect(failure.message).toContain('acme');
    expect(b.server.asked).toHaveLength(1);
  });

  it('passes on the exact rights when GitHub names them', async () => {
    const headers = { 'x-accepted-github-permissions': 'organization_self_hosted_runners=write' };
    b.server.on(JIT, { status: 403, headers, body: { message: 'no' } });
    expect((await failureOf(register())).message).toContain('organization_self_hosted_runners=write');
  });

  it('needs a credential, and the failure names scope and keys', async () => {
    const { log } = textLog();
    const github = createGitHub({ apiUrl: b.server.url, credentialFor: () => undefined, log });
    const input = { scope: REPO, runner: NAME, runnerGroup: null, labels: [] };
    const none = await failureOf(github.createJitConfig(input));
    expect(none).toMatchObject({ type: 'GitHubNoCredential' });
    for (const word of ['acme/ios', '`token`', '`private_key`', '`app_id`', '`global_token`']) {
      expect(none.message).toContain(word);
    }
    expect(b.server.asked).toHaveLength(0);
  });

  it('is spaced: ten at once, then 166 a minute, then the workflow waits', async () => {
    b.server.on(JIT, made);
    for (let n = 0; n < 10; n += 1) await register();
    expect(b.clock.slept).toEqual([]);
    await register();
    expect(b.clock.slept).toHaveLength(1);
    expect(b.clock.slept[0]).toBe(Math.floor(60_000 / 166));
  });

  it('is refused before it leaves when its place is far away', async () => {
    const github = createGitHub({
      apiUrl: b.server.url,
      credentialFor: () => ({ kind: 'token', token: TOKEN }),
      log: textLog().log,
      // Nobody's waiting lets time pass: all come in the same millisecond.
      clock: { now: () => 1_000_000, sleep: async () => undefined },
    });
    b.server.on(JIT, made);
    const input = { scope: ORG, runner: NAME, runnerGroup: null, labels: ['x'] };
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => github.createJitConfig(input)));
    const refused = results.filter((result) => result.status === 'rejected');
    // Ten at once and those whose place is within five seconds.
    expect(b.server.calls(JIT)).toHaveLength(10 + Math.floor(5_000 / (60_000 / 166)));
    expect(refused).toHaveLength(40 - b.server.calls(JIT).length);
    expect(refused[0]?.reason).toMatchObject({ type: 'GitHubRateLimited' });
    expect((refused[0]?.reason as { resumeAt: number }).resumeAt).toBeGreaterThan(1_005_000);
  });
});

describe('a runner group', () => {
  const GROUPS = 'GET /orgs/acme/actions/runner-groups';
  const groups = (from: number, count: number): Reply => ({
    body: { runner_groups: Array.from({ length: count }, (_, n) => ({ id: from + n, name: `Group ${from + n}` })) },
  });

  it('is found by name on whichever page, without regard to case, and kept for ten minutes', async () => {
    b.server.on(JIT, made);
    b.server.on(GROUPS, groups(1, 100), groups(101, 3));
    await register(ORG, 'group 103');
    await register(ORG, 'Group 103');
    expect(b.server.calls(GROUPS).map((one) => one.url)).toEqual([
      '/orgs/acme/actions/runner-groups?per_page=100&page=1',
      '/orgs/acme/actions/runner-groups?per_page=100&page=2',
    ]);
    expect(b.server.calls(JIT).map((one) => (one.body as { runner_group_id: number }).runner_group_id)).toEqual([
      103, 103,
    ]);
    b.clock.advance(10 * 60_000 + 1);
    b.server.on(GROUPS, groups(101, 3));
    await register(ORG, 'Group 103');
    expect(b.server.calls(GROUPS)).toHaveLength(3);
  });

  it.each([
    [REPO, 'Macs'],
    [ORG, null],
    [ORG, 'Default'],
  ] as const)('of %j named %s needs no question', async (scope, name) => {
    b.server.on(JIT, made);
    b.server.on('POST /repos/acme/ios/actions/runners/generate-jitconfig', made);
    await register(scope, name);
    expect(b.server.asked).toHaveLength(1);
    expect(b.server.asked[0]?.body).toMatchObject({ runner_group_id: 1 });
  });

  it('that is not there is refused with the ones that are; a new one is found half a minute later', async () => {
    b.server.on(JIT, made);
    b.server.on(GROUPS, groups(5, 1));
    const failure = await failureOf(register(ORG, 'Macs'));
    expect(failure).toMatchObject({ type: 'GitHubRefused' });
    expect(failure.message).toMatch(/no runner group "Macs".*"group 5".*`runner_group`/);
    b.server.on(GROUPS, { body: { runner_groups: [{ id: 9, name: 'Macs' }] } });
    await failureOf(register(ORG, 'Macs'));
    expect(b.server.calls(GROUPS)).toHaveLength(1);
    b.clock.advance(30_001);
    await register(ORG, 'Macs');
    expect(b.server.calls(JIT)[0]?.body).toMatchObject({ runner_group_id: 9 });
  });

  it('that GitHub no longer knows is asked for anew', async () => {
    b.server.on(
      GROUPS,
      { body: { runner_groups: [{ id: 9, name: 'Macs' }] } },
      { body: { runner_groups: [{ id: 10, name: 'Macs' }] } },
    );
    b.server.on(JIT, { status: 404 }, made);
    await failureOf(register(ORG, 'Macs'));
    await register(ORG, 'Macs');
    expect(b.server.calls(JIT)[1]?.body).toMatchObject({ runner_group_id: 10 });
  });
});

describe('removing a runner', () => {
  it.each([
    [204, 'removed'],
    [404, 'absent'],
    [422, 'busy'],
  ] as const)('by id, answered %i, is %s', async (status, result) => {
    b.server.on(DELETE, { status });
    expect(await b.github.removeRunner({ scope: ORG, runner: NAME, runnerId: 7 })).toBe(result);
    expect(b.server.asked).toHaveLength(1);
  });

  it('by name looks it up, on every page of a server that cannot filter', async () => {
    const others = Array.from({ length: 100 }, (_, n) => ({ ...RUNNER, id: 100 + n, name: `other-${n}` }));
    b.server.on(LIST, listed(...others), listed(RUNNER));
    b.server.on(DELETE, { status: 204 });
    expect(await b.github.removeRunner({ scope: ORG, runner: NAME, runnerId: null })).toBe('removed');
    expect(b.server.calls(LIST)).toHaveLength(2);
  });

  it('by a name that is not there is absent', async () => {
    b.server.on(LIST, listed({ ...RUNNER, name: `${NAME}-longer` }));
    expect(await b.github.removeRunner({ scope: ORG, runner: NAME, runnerId: null })).toBe('absent');
  });

  it('by name finds a runner that shows late in the list', async () => {
    b.server.on(LIST, listed(), listed(RUNNER));
    b.server.on(DELETE, { status: 204 });
    expect(await b.github.removeRunner({ scope: ORG, runner: NAME, runnerId: null })).toBe('removed');
  });

  it.each([
    [500, 'GitHubUnavailable'],
    [403, 'GitHubRefused'],
  ] as const)('answered %i fails as %s', async (status, type) => {
    b.server.on(DELETE, { status });
    expect(await failureOf(b.github.removeRunner({ scope: ORG, runner: NAME, runnerId: 7 }))).toMatchObject({ type });
  });
});

describe('looking up a runner', () => {
  it.each([
    [{ body: { ...RUNNER, status: 'online', busy: true } }, { state: 'online', busy: true }],
    [{ body: RUNNER }, { state: 'offline', busy: false }],
    [{ status: 404 }, { state: 'absent', busy: false }],
  ] as const)('by id: %j is %j', async (reply, result) => {
    b.server.on('GET /orgs/acme/actions/runners/7', reply);
    expect(await b.github.lookUpRunner({ scope: ORG, runner: NAME, runnerId: 7 })).toEqual(result);
  });

  it('by name', async () => {
    b.server.on(LIST, listed({ ...RUNNER, status: 'online' }), listed());
    const input = { scope: ORG, runner: NAME, runnerId: null };
    expect(await b.github.lookUpRunner(input)).toEqual({ state: 'online', busy: false });
    expect(await b.github.lookUpRunner(input)).toEqual({ state: 'absent', busy: false });
  });
});
