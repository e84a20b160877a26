import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { expectNothingLeft, resultOf, testStack, untilConclusion } from './support.js';

const ABSENT = { ...XCODE, uuid: '1b2c3d4e-0000-4000-8000-00000000abcd', name: 'macos-26-pulled' };
const UNKNOWN = { ...XCODE, uuid: '99999999-0000-4000-8000-000000000000', name: 'nowhere' };
const anka = { templates: [XCODE], registry: [XCODE, ABSENT] };

const callsOf = (stack: Stack): readonly string[] =>
  stack.github.calls().map(({ method, path }) => `${method} ${path}`);

describe('a job on a fleet of two hosts, with a personal access token', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({
      hosts: [
        { name: 'mini-1', anka },
        { name: 'mini-2', anka },
      ],
    });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('runs in a VM of its own, for one call to GitHub and at most nine commands on the host', async () => {
    stack.github.clearCalls();
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 300 });
    const done = await untilConclusion(stack, job, 'success');
    expect(done.runnerName).toMatch(new RegExp(`^berth-${job.id}-1-[0-9a-f]{4}$`));
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', servedBy: done.runnerName, attempts: 1 });
    await expectNothingLeft(stack);
    expect(callsOf(stack)).toEqual(['POST /orgs/acme/actions/runners/generate-jitconfig']);
    const commands = (await Promise.all(stack.hosts.map(({ anka }) => anka.commands()))).flat();
    const forThisVm = commands.filter(({ argv }) => argv.some((word) => word.includes(`berth-${job.id}-`)));
    expect(forThisVm.length).toBeLessThanOrEqual(8);
  });

  it('runs though its conclusion is a failure, and is not tried again', async () => {
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), conclusion: 'failure' });
    await untilConclusion(stack, job, 'failure');
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'failure', attempts: 1 });
  });

  it('pulls a template that only the registry has, once, and then runs', async () => {
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(ABSENT) });
    const done = await untilConclusion(stack, job, 'success');
    const commands = (await Promise.all(stack.hosts.map(({ anka }) => anka.commands()))).flat();
    const pulls = commands.filter(({ argv }) => argv.includes('--shrink') && argv.includes(ABSENT.uuid));
    expect(pulls).toHaveLength(1);
    expect(done.conclusion).toBe('success');
  });

  it('is ended on GitHub, once and with the reason, when no registry has its template', async () => {
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(UNKNOWN) });
    await untilConclusion(stack, job, 'cancelled');
    const result = await resultOf(stack, job);
    expect(result).toMatchObject({ outcome: 'unrunnable' });
    expect(result.reason).toMatch(/BERTH-T001/);
    expect(stack.github.snapshot().cancelCalls.filter(({ runId }) => runId === job.runId)).toHaveLength(1);
  });

  it('leaves alone a job that is not its own', async () => {
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: ['ubuntu-latest'] });
    const answer = await stack.github.waitFor(({ deliveries }) =>
      deliveries.find(({ jobId, statusCode }) => jobId === job.id && statusCode !== null),
    );
    expect(answer.statusCode).toBe(200);
    expect(await resultOf(stack, job).catch(() => 'no workflow')).toBe('no workflow');
    stack.github.cancelJob(job.id);
  });
});

describe('a job on one host, with a GitHub App', () => {
  let stack: Stack;
  beforeAll(async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const app = { id: 4711, publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
    stack = await testStack({
      hosts: [{ name: 'mini-1', anka }],
      github: { apps: [{ ...app, installations: [{ id: 99, owner: 'acme' }] }] },
      credential: {
        kind: 'app',
        appId: app.id,
        installationId: 99,
        privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      },
    });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('shares one installation token between jobs', async () => {
    const jobs = stack.github.queueMatrix({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), count: 3 });
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    const tokens = callsOf(stack).filter((call) => call.endsWith('/access_tokens'));
    expect(tokens).toHaveLength(1);
  });
});
