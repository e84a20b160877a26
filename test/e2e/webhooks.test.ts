import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { createOwnTemporal } from './own-temporal.js';
import type { OwnTemporal } from './own-temporal.js';
import { expectNothingLeft, resultOf, testStack, until, untilConclusion, untilStep, workflowIdOf } from './support.js';

const labels = labelsFor(XCODE);
const anka = { templates: [XCODE] };

describe('webhooks that come as they like', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({ hosts: [{ name: 'mini-1', anka }] });
  });
  afterEach(async () => {
    stack.github.setNasty({});
    stack.github.loseIf(null);
    await expectNothingLeft(stack);
  });
  afterAll(() => stack.stop());

  const queue = () => stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 400 });

  it('each one several times: one job, one VM', async () => {
    stack.github.setNasty({ repeat: { probability: 1, times: 4 } });
    const before = stack.github.snapshot().removedRunners.length;
    const job = queue();
    await untilConclusion(stack, job, 'success');
    await expectNothingLeft(stack);
    expect(stack.github.snapshot().removedRunners.length - before).toBe(1);
  });

  it('in another order: every job runs once', async () => {
    stack.github.setNasty({ seed: 3, reorder: { probability: 0.5, holdMs: 700 } });
    const jobs = stack.github.queueMatrix({ owner: 'acme', repo: 'ios', labels, count: 4, durationMs: 200 });
    for (const job of jobs) {
      await untilConclusion(stack, job, 'success');
      expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success' });
    }
  });

  it('`in_progress` is lost: the job is not disturbed', async () => {
    stack.github.loseIf(({ action }) => action === 'in_progress');
    const job = queue();
    await untilConclusion(stack, job, 'success');
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', attempts: 1 });
  });

  it('`completed` is lost: GitHub is asked, and the job ends', async () => {
    stack.github.loseIf(({ action }) => action === 'completed');
    const job = queue();
    await untilConclusion(stack, job, 'success');
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success' });
  });

  it('`queued` comes again after the job is over: GitHub is asked, and no VM is made', async () => {
    const job = queue();
    await untilConclusion(stack, job, 'success');
    await resultOf(stack, job);
    await expectNothingLeft(stack);
    const before = stack.github.snapshot().removedRunners.length;
    await redeliverQueued(stack, job.id);
    const handle = stack.client.workflow.getHandle(workflowIdOf(stack, job));
    expect(await handle.result()).toMatchObject({ outcome: 'success', attempts: 0 });
    expect(stack.github.snapshot().removedRunners.length).toBe(before);
  });

  it('a signature that is wrong: 401, and nothing happens', async () => {
    const body = JSON.stringify({ action: 'queued' });
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'workflow_job',
      'x-github-delivery': 'd-1',
      'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
    };
    const answer = await fetch(stack.webhookUrl, { method: 'POST', body, headers });
    expect(answer.status).toBe(401);
  });
});

async function redeliverQueued(stack: Stack, jobId: number): Promise<void> {
  const { deliveries } = stack.github.snapshot();
  const queued = deliveries.find((delivery) => delivery.jobId === jobId && delivery.action === 'queued');
  if (queued === undefined) throw new Error(`no delivery of job ${jobId}`);
  const url = `${stack.githubUrl}/orgs/acme/hooks/${queued.hookId}/deliveries/${queued.id}/attempts`;
  const answer = await fetch(url, { method: 'POST', headers: { authorization: 'token ghp_simulated' } });
  expect(answer.status).toBe(202);
  await stack.github.waitFor((snapshot) =>
    snapshot.deliveries.some(
      ({ guid, redelivery, statusCode }) => guid === queued.guid && redelivery && statusCode !== null,
    ),
  );
}

describe('Temporal is down', () => {
  let temporal: OwnTemporal;
  let stack: Stack;
  beforeAll(async () => {
    temporal = await createOwnTemporal();
    stack = await testStack({ hosts: [{ name: 'mini-1', anka }], temporal: temporal.at });
  });
  afterAll(async () => {
    await stack.stop();
    await temporal.close();
  });

  it('503 so that GitHub shows the failure; accepted and served once it is back', async () => {
    await temporal.stop();
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels, durationMs: 300 });
    const failed = await stack.github.waitFor(
      ({ deliveries }) => deliveries.find(({ jobId, statusCode }) => jobId === job.id && statusCode !== null),
      60_000,
    );
    expect(failed.statusCode).toBe(503);
    await temporal.start();
    await redeliverUntilAccepted(stack, job.id);
    await untilStep(stack, job, /running|completed/, 60_000);
    await untilConclusion(stack, job, 'success');
    await expectNothingLeft(stack, 60_000);
  });
});

async function redeliverUntilAccepted(stack: Stack, jobId: number): Promise<void> {
  const accepted = (): boolean =>
    stack.github
      .snapshot()
      .deliveries.some((delivery) => delivery.jobId === jobId && (delivery.statusCode ?? 500) < 300);
  await until('the receiver has Temporal back', async () => {
    await redeliverQueued(stack, jobId);
    return accepted();
  });
}
