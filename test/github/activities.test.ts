import { ApplicationFailure } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGitHubActivities } from '../../activities/github.js';
import type { GitHubActivities, PublicKey, SealedSecret } from '../../activities/contracts.js';
import type { Scope } from '../../jobs/scope.js';
import { appKey, bench, failureOf, textLog, TOKEN } from './support.js';
import type { Bench, Reply } from './support.js';

const SCOPE = { kind: 'org', owner: 'acme' } as const;
const HOST: PublicKey = { keyId: 'k1', key: 'cHVibGlj' };
const NAME = 'berth-42-1-0a1b';
const BLOB = 'c2VjcmV0LWppdC1jb25maWc=';
const JIT = 'POST /orgs/acme/actions/runners/generate-jitconfig';
const MADE: Reply = { status: 201, body: { runner: { id: 7 }, encoded_jit_config: BLOB } };

let b: Bench;
let activities: GitHubActivities;
let logged: () => string;

const seal = async (to: PublicKey, plaintext: string, context: string): Promise<SealedSecret> => ({
  keyId: to.keyId,
  enc: 'ZW5j',
  ciphertext: Buffer.from(`${plaintext.length} characters for ${context}`).toString('base64'),
});

beforeEach(async () => {
  b = await bench();
  const kept = textLog();
  logged = kept.logged;
  activities = createGitHubActivities({ github: b.github, seal, log: kept.log, now: () => b.clock.now() });
});
afterEach(() => b.server.close());

const register = (): ReturnType<GitHubActivities['registerRunner']> =>
  activities.registerRunner({ scope: SCOPE, runner: NAME, runnerGroup: null, labels: ['x'], sealTo: HOST });

describe('registerRunner', () => {
  it('returns the config sealed to the host and bound to the runner, and logs neither', async () => {
    b.server.on(JIT, MADE);
    const result = await register();
    expect(result).toMatchObject({ runnerId: 7, sealed: { keyId: 'k1' } });
    expect(Buffer.from(result.sealed.ciphertext, 'base64').toString()).toBe(`${BLOB.length} characters for ${NAME}`);
    expect(JSON.stringify(result) + logged() + b.logged()).not.toContain(BLOB);
    expect(logged()).toContain('runner registered');
  });

  it('removes the runner when its secret cannot be sealed, and shows nothing of it', async () => {
    b.server.on(JIT, MADE);
    b.server.on('DELETE /orgs/acme/actions/runners/7', { status: 204 });
    activities = createGitHubActivities({
      github: b.github,
      seal: async (_, plaintext) => {
        throw new Error(`cannot seal ${plaintext}`);
      },
      log: textLog().log,
    });
    const failure = await failureOf(register());
    expect(failure).toMatchObject({ type: 'HostBroken', nonRetryable: true });
    expect(failure.message + String(failure.stack) + String(failure.cause)).not.toContain(BLOB);
    expect(b.server.calls('DELETE /orgs/acme/actions/runners/7')).toHaveLength(1);
  });

  it('takes the runner back when its workflow was terminated meanwhile', async () => {
    b.server.on(JIT, MADE);
    b.server.on('DELETE /orgs/acme/actions/runners/7', { status: 204 });
    activities = createGitHubActivities({ github: b.github, seal, log: textLog().log, isForgotten: () => true });
    expect(await failureOf(register())).toMatchObject({ type: 'VmGone', nonRetryable: true });
    expect(b.server.calls('DELETE /orgs/acme/actions/runners/7')).toHaveLength(1);
  });

  it.each([
    ['a name that is taken', { status: 409 }, 'RunnerNameTaken', true],
    ['a failing GitHub', { status: 500 }, 'GitHubUnavailable', true],
    ['a refusal', { status: 403 }, 'GitHubRefused', true],
    ['a limit', { status: 429, headers: { 'retry-after': '30' } }, 'GitHubRateLimited', false],
  ] as const)('is repeated by Temporal only after a limit: %s', async (_, reply, type, nonRetryable) => {
    b.server.on(JIT, reply);
    b.server.on('GET /orgs/acme/actions/runners', { body: { runners: [] } });
    const failure = await failureOf(register());
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ type, nonRetryable });
  });
});

describe('registerRunner by token', () => {
  const CALL = 'POST /orgs/acme/actions/runners/registration-token';
  const SECRET = 'AABF3JGZDX3P5PMEXLND6TS6FCWO6';
  const TOKEN_MADE: Reply = { status: 201, body: { token: SECRET, expires_at: '2026-01-02T03:04:05Z' } };

  const byToken = (sealWith = seal): void => {
    const kept = textLog();
    logged = kept.logged;
    const registerBy = { kind: 'token', webUrl: 'https://ghes.example.com' } as const;
    activities = createGitHubActivities({ github: b.github, seal: sealWith, log: kept.log, registerBy });
  };
  beforeEach(() => byToken());

  const registerWith = (labels: readonly string[], scope: Scope = SCOPE): ReturnType<typeof register> =>
    activities.registerRunner({ scope, runner: NAME, runnerGroup: 'Macs', labels, sealTo: HOST });

  it('returns the token sealed, what the script needs besides, and logs no secret', async () => {
    b.server.on(CALL, TOKEN_MADE);
    const result = await registerWith(['-beta', 'x', '~[#1]']);
    expect(result).toMatchObject({
      runnerId: null,
      byToken: {
        url: 'https://ghes.example.com/acme',
        labels: 'x,~[#1],-beta',
        runnerGroup: 'Macs',
        expiresAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      },
    });
    expect(Buffer.from(result.sealed.ciphertext, 'base64').toString()).toBe(`${SECRET.length} characters for ${NAME}`);
    expect(JSON.stringify(result) + logged() + b.logged()).not.toContain(SECRET);
    expect(b.server.asked).toHaveLength(1);
  });

  it('names no group for a repository, which has none', async () => {
    b.server.on('POST /repos/acme/ios/actions/runners/registration-token', TOKEN_MADE);
    const result = await registerWith(['x'], { kind: 'repo', owner: 'acme', repo: 'ios' });
    expect(result.byToken).toMatchObject({ url: 'https://ghes.example.com/acme/ios', runnerGroup: null });
  });

  it('ends a job with a label that cannot be said, before GitHub is asked', async () => {
    expect(await failureOf(registerWith(['a,b']))).toMatchObject({ type: 'BadJob', nonRetryable: true });
    expect(b.server.asked).toHaveLength(0);
  });

  it('may be repeated when GitHub fails: a token that nobody got does nothing', async () => {
    b.server.on(CALL, { status: 502 });
    expect(await failureOf(registerWith(['x']))).toMatchObject({ type: 'GitHubUnavailable', nonRetryable: false });
  });

  it('shows nothing of a token that cannot be sealed, and has nothing to remove', async () => {
    byToken(async (_, plaintext) => {
      throw new Error(`cannot seal ${plaintext}`);
    });
    b.server.on(CALL, TOKEN_MADE);
    const failure = await failureOf(registerWith(['x']));
    expect(failure).toMatchObject({ type: 'HostBroken', nonRetryable: true });
    expect(failure.message + String(failure.stack) + String(failure.cause) + logged()).not.toContain(SECRET);
    expect(b.server.asked).toHaveLength(1);
  });
});

describe('the other calls', () => {
  const REMOVE = 'DELETE /orgs/acme/actions/runners/7';
  const remove = (): ReturnType<GitHubActivities['removeRunner']> =>
    activities.removeRunner({ scope: SCOPE, runner: NAME, runnerId: 7 });

  it.each([
    ['a failing GitHub', { status: 502 }, 'GitHubUnavailable', false],
    ['no answer', { fault: 'cut' }, 'GitHubUnavailable', false],
    ['a refusal', { status: 401 }, 'GitHubRefused', true],
  ] as const)('are repeated where a repetition can help: %s', async (_, reply, type, nonRetryable) => {
    b.server.on(REMOVE, reply);
    expect(await failureOf(remove())).toMatchObject({ type, nonRetryable });
  });

  it('say when to come again', async () => {
    b.server.on(REMOVE, { status: 429, headers: { 'retry-after': '30' } });
    const failure = await failureOf(remove());
    expect(failure['details']).toEqual([{ resumeAt: b.clock.now() + 30_000, why: 'asked' }]);
    expect(Number(failure['nextRetryDelay'])).toBeGreaterThan(30_000);
    expect(Number(failure['nextRetryDelay'])).toBeLessThanOrEqual(32_000);
  });

  it('pass answers on as they are', async () => {
    b.server.on(REMOVE, { status: 422 });
    b.server.on('POST /repos/acme/ios/actions/runs/9/cancel', { status: 202 });
    expect(await remove()).toBe('busy');
    expect(await activities.lookUpRunner({ scope: SCOPE, runner: NAME, runnerId: 7 })).toMatchObject({
      state: 'absent',
    });
    expect(await activities.lookUpJob({ owner: 'acme', repo: 'ios', jobId: 1 })).toBeNull();
    expect(await activities.findJobOfRunner({ owner: 'acme', repo: 'ios', runId: 9, runner: NAME })).toBeNull();
    expect(await activities.cancelRun({ owner: 'acme', repo: 'ios', runId: 9 })).toBe('cancelled');
  });
});

describe('secrets', () => {
  const key = appKey();

  it.each([
    ['a token', { kind: 'token', token: TOKEN }],
    ['an unusual token', { kind: 'token', token: 'gitea-like-0123456789' }],
    ['an App', { kind: 'app', appId: 12, privateKey: key.privateKey, installationId: 34 }],
  ] as const)('of %s are in no message, stack, cause or log, even when GitHub says them', async (_, credential) => {
    await b.server.close();
    b = await bench(credential);
    const kept = textLog();
    activities = createGitHubActivities({ github: b.github, seal, log: kept.log });
    const token = 'ghs_installationtoken0123456789';
    const expires_at = new Date(b.clock.now() + 3_600_000).toISOString();
    b.server.on('POST /app/installations/34/access_tokens', { status: 201, body: { token, expires_at } });
    const failures: unknown[] = [];
    for (const status of [401, 403, 404, 409, 422, 429, 500]) {
      b.server.on(JIT, (asked) => ({
        status,
        body: { message: `echo ${asked.authorization}`, errors: [asked.headers], encoded_jit_config: BLOB },
      }));
      failures.push(await failureOf(register()));
      b.clock.advance(30 * 60_000);
    }
    const shown = failures.map((failure) => {
      const { message, stack, cause } = failure as Error;
      return `${message} ${stack} ${String(cause)} ${JSON.stringify(failure)}`;
    });
    const everything = shown.join() + kept.logged() + b.logged();
    const jwts = b.server.asked.map((asked) => asked.authorization.replace(/^\w+ /, ''));
    for (const secret of [token, BLOB, ...jwts, 'PRIVATE KEY', ...('token' in credential ? [credential.token] : [])]) {
      expect(everything).not.toContain(secret);
    }
  });
});

describe('what the config decides about jobs that cannot go on', () => {
  const RUN = { owner: 'acme', repo: 'ios', runId: 9 };
  const LOST = { ...RUN, jobId: 42, runAttempt: 1, name: 'ui-tests' };
  const CANCEL = 'POST /repos/acme/ios/actions/runs/9/cancel';
  const withPolicy = (policy: object): GitHubActivities =>
    createGitHubActivities({ github: b.github, seal, log: textLog().log, ...policy });

  it('cancels the run of a job that can never run, unless it is to be left', async () => {
    b.server.on(CANCEL, { status: 202, body: {} });
    expect(await withPolicy({ onUnrunnable: 'leave' }).cancelRun({ ...RUN, why: 'unrunnable' })).toBe('left');
    expect(b.server.asked).toHaveLength(0);
    expect(await withPolicy({}).cancelRun({ ...RUN, why: 'unrunnable' })).toBe('cancelled');
  });

  it('cancels a run for an operator, whatever is to be done with jobs that can never run', async () => {
    b.server.on(CANCEL, { status: 202, body: {} });
    expect(await withPolicy({ onUnrunnable: 'leave' }).cancelRun(RUN)).toBe('cancelled');
  });

  it('runs a lost job again only if it is told to', async () => {
    b.server.on('GET /repos/acme/ios/actions/runs/9', { body: { status: 'completed', run_attempt: 1 } });
    b.server.on('POST /repos/acme/ios/actions/jobs/42/rerun', { status: 201, body: {} });
    expect(await withPolicy({}).rerunLostJob(LOST)).toBe('off');
    expect(b.server.asked).toHaveLength(0);
    expect(await withPolicy({ onInfraLost: 'rerun-once' }).rerunLostJob(LOST)).toBe('rerun');
  });
});
