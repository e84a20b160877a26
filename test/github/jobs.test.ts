import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { failureOf, useBench } from './support.js';

const JOB = 'GET /repos/acme/ios/actions/jobs/42';
const RUN = 'GET /repos/acme/ios/actions/runs/9';
const JOBS = 'GET /repos/acme/ios/actions/runs/9/jobs';
const CANCEL = 'POST /repos/acme/ios/actions/runs/9/cancel';
const REF = { owner: 'acme', repo: 'ios' };

const b = useBench();

const ago = (minutes: number): string => new Date(b.clock.now() - minutes * 60_000).toISOString();

const job = (fields: object = {}): Record<string, unknown> => ({
  id: 42,
  run_id: 9,
  run_attempt: 2,
  name: 'ui-tests (ios-18)',
  workflow_name: 'build',
  status: 'in_progress',
  conclusion: null,
  created_at: ago(1),
  started_at: ago(0),
  completed_at: null,
  labels: ['self-hosted', 'anka-template:x'],
  runner_id: 7,
  runner_name: 'berth-42-1-0a1b',
  html_url: 'https://github.com/acme/ios/actions/runs/9/job/42',
  steps: [],
  ...fields,
});

describe('looking up a job', () => {
  it('looks at its run, too, whatever its age, when that is asked for', async () => {
    b.server.on(JOB, { body: job({ status: 'queued' }) });
    b.server.on(RUN, { body: { status: 'completed', conclusion: 'startup_failure' } });
    expect(await b.github.lookUpJob({ ...REF, jobId: 42 })).toMatchObject({ action: 'queued' });
    const withRun = await b.github.lookUpJob({ ...REF, jobId: 42, withRun: true });
    expect(withRun).toMatchObject({ action: 'completed', conclusion: 'startup_failure' });
  });

  it('gives it as an event', async () => {
    const body = job();
    b.server.on(JOB, { body });
    expect(await b.github.lookUpJob({ ...REF, jobId: 42 })).toEqual({
      source: 'github-api',
      action: 'in_progress',
      jobId: 42,
      runId: 9,
      runAttempt: 2,
      name: 'ui-tests (ios-18)',
      workflowName: 'build',
      owner: 'acme',
      repo: 'ios',
      labels: ['self-hosted', 'anka-template:x'],
      createdAt: Date.parse(String(body['created_at'])),
      startedAt: Date.parse(String(body['started_at'])),
      completedAt: null,
      conclusion: null,
      runnerName: 'berth-42-1-0a1b',
      runnerId: 7,
      htmlUrl: 'https://github.com/acme/ios/actions/runs/9/job/42',
      deploymentUpdatedAt: null,
      deliveryId: null,
      receivedAt: b.clock.now(),
    });
  });

  it.each([
    ['queued', 'queued'],
    ['requested', 'queued'],
    ['pending', 'queued'],
    ['something new', 'queued'],
    ['waiting', 'waiting'],
    ['in_progress', 'in_progress'],
    ['completed', 'completed'],
  ] as const)('of status %s is %s', async (status, action) => {
    b.server.on(JOB, { body: job({ status }) });
    expect(await b.github.lookUpJob({ ...REF, jobId: 42 })).toMatchObject({ action });
    expect(b.server.asked).toHaveLength(1);
  });

  it.each([
    [{ runner_id: null, runner_name: null }],
    [{ runner_id: 0, runner_name: '' }],
    [{ runner_id: undefined, runner_name: undefined }],
  ])('without a runner as in %j has none', async (fields) => {
    b.server.on(JOB, { body: job(fields) });
    const event = await b.github.lookUpJob({ ...REF, jobId: 42 });
    expect(event).toMatchObject({ runnerId: null, runnerName: null });
  });

  it("reads GitHub's own example", async () => {
    const path = createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json');
    const events = JSON.parse(await readFile(path, 'utf8')) as {
      name: string;
      examples: { workflow_job?: object }[];
    }[];
    const examples = events.find(({ name }) => name === 'workflow_job')?.examples ?? [];
    expect(examples.length).toBeGreaterThan(3);
    for (const { workflow_job: body } of examples) {
      b.server.on(JOB, { body });
      b.server.on('GET /repos/acme/ios/actions/runs/940463255', { status: 404 });
      expect(await b.github.lookUpJob({ ...REF, jobId: 42 })).toMatchObject({ source: 'github-api' });
    }
  });

  it('that GitHub does not know is null', async () => {
    expect(await b.github.lookUpJob({ ...REF, jobId: 42 })).toBeNull();
  });

  it.each([
    [
      { status: 'completed', conclusion: 'startup_failure' },
      { action: 'completed', conclusion: 'startup_failure' },
    ],
    [
      { status: 'in_progress', conclusion: null },
      { action: 'queued', conclusion: null },
    ],
  ])('that was queued long ago looks at its run: %j', async (run, expected) => {
    b.server.on(JOB, { body: job({ status: 'queued', created_at: ago(11), runner_name: null }) });
    b.server.on(RUN, { body: run });
    expect(await b.github.lookUpJob({ ...REF, jobId: 42 })).toMatchObject(expected);
  });

  it.each([
    [{ status: 500 }, 'GitHubUnavailable', /GitHub failed to look up the job 42 of acme\/ios/],
    [{ fault: 'hang' }, 'GitHubUnavailable', /did not answer within 2\.5 s/],
    [{ fault: 'cut' }, 'GitHubUnavailable', /the connection failed/],
    [{ body: { id: 'x' } }, 'GitHubUnavailable', /something unexpected in id, run_id/],
    [{ status: 403, body: { message: 'no' } }, 'GitHubRefused', /"Actions: read"/],
  ] as const)('answered %j fails as %s', async (reply, type, message) => {
    b.server.on(JOB, reply);
    const failure = await failureOf(b.github.lookUpJob({ ...REF, jobId: 42 }));
    expect(failure).toMatchObject({ type });
    expect(failure.message).toMatch(message);
  });

  it('of a server that is not there fails as unavailable', async () => {
    await b.server.close();
    expect(await failureOf(b.github.lookUpJob({ ...REF, jobId: 42 }))).toMatchObject({
      type: 'GitHubUnavailable',
      message: expect.stringContaining('ECONNREFUSED') as unknown,
    });
  });
});

describe('finding the job of a runner', () => {
  it('goes through the pages of the latest attempt', async () => {
    const others = Array.from({ length: 100 }, (_, n) => job({ id: 100 + n, runner_name: `other-${n}` }));
    b.server.on(JOBS, { body: { jobs: others } }, { body: { jobs: [job()] } });
    const event = await b.github.findJobOfRunner({ ...REF, runId: 9, runner: 'berth-42-1-0a1b' });
    expect(event).toMatchObject({ jobId: 42, source: 'github-api' });
    expect(b.server.calls(JOBS).map((one) => one.url.split('?')[1])).toEqual([
      'filter=latest&per_page=100&page=1',
      'filter=latest&per_page=100&page=2',
    ]);
  });

  it.each([[{ body: { jobs: [] } }], [{ status: 404 }]])('answered %j is null', async (reply) => {
    b.server.on(JOBS, reply);
    expect(await b.github.findJobOfRunner({ ...REF, runId: 9, runner: 'berth-42-1-0a1b' })).toBeNull();
  });
});

describe('cancelling a run', () => {
  it.each([
    [202, 'cancelled'],
    [409, 'already-over'],
    [403, 'refused'],
    [404, 'refused'],
  ] as const)('answered %i is %s, and asks nothing else', async (status, result) => {
    b.server.on(CANCEL, { status, body: { message: 'words' } });
    expect(await b.github.cancelRun({ ...REF, runId: 9 })).toBe(result);
    expect(b.server.asked).toHaveLength(1);
    expect(b.logged().includes('github refused to cancel a run')).toBe(result === 'refused');
  });

  it('refused because of limits is a limit, not a refusal', async () => {
    b.server.on(CANCEL, { status: 403, headers: { 'retry-after': '9' } });
    expect(await failureOf(b.github.cancelRun({ ...REF, runId: 9 }))).toMatchObject({ type: 'GitHubRateLimited' });
  });
});
