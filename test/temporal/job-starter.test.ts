/** On the real dev server, without a worker: what is in Temporal is read back from it. */

import type { Connection } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import pino from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../config/secret.js';
import type { JobAction, JobEvent } from '../../jobs/event.js';
import type { JobInput } from '../../jobs/job-input.js';
import { SEARCH_ATTRIBUTES } from '../../jobs/search-attributes.js';
import type { JobStart } from '../../jobs/job-start.js';
import { readJob } from '../../receiver/read-job.js';
import { serveReceiver } from '../../receiver/serve.js';
import { connectClient, lazyClient } from '../../temporal/connect.js';
import { startDevServer } from '../../temporal/dev-server.js';
import type { DevServer } from '../../temporal/dev-server.js';
import { findTemporalCli } from '../../temporal/find-cli.js';
import { TemporalUnavailable, createJobStarter, summaryOf } from '../../temporal/job-starter.js';
import { freePort } from '../../temporal/free-port.js';
import { PATH, SECRET, githubHeaders, payload } from '../receiver/support.js';

const namespace = 'berth-receiver-test';
const searchAttributes = SEARCH_ATTRIBUTES.map(({ name }) => name);
const log = pino({ level: 'silent' });

let cli: string;
let server: DevServer;
let client: Client;
let connection: Connection;

beforeAll(async () => {
  cli = (await findTemporalCli({ progress: (line) => process.stderr.write(`${line}\n`) })).file;
  server = await startDevServer({ cli, namespace, searchAttributes, log, headless: true });
  client = await connectClient({ address: server.address, namespace });
  connection = client.connection as Connection;
}, 900_000);

afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

let lastJob = 1000;

function startOf(action: JobAction, jobId: number, job: Record<string, unknown> = {}): JobStart {
  const body = payload({ id: jobId, ...job }, { action });
  const read = readJob(body, { id: 'd-1', receivedAt: 5 });
  if (read.kind !== 'job') throw new Error('the payload is not a job');
  return { event: read.event, verdict: 'ours', reason: null, template: 't1', tag: 'v1', labels: ['a', 'b'] };
}

const starter = (hasAttributes = true) =>
  createJobStarter({
    client,
    githubHost: 'github.com',
    pool: 'default',
    namePrefix: 'berth',
    searchAttributes: () => hasAttributes,
  });

const idOf = (jobId: number): string => `job/github.com/${jobId}`;

interface Seen {
  readonly input: JobInput;
  readonly events: readonly JobEvent[];
}

const decode = (payload: { readonly data?: Uint8Array | null } | undefined): unknown =>
  JSON.parse(Buffer.from(payload?.data ?? []).toString());

async function historyOf(jobId: number): Promise<Seen> {
  const { events } = await client.workflow.getHandle(idOf(jobId)).fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  const signals = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => signal ?? []);
  return {
    input: decode(started?.input?.payloads?.[0] ?? undefined) as JobInput,
    events: signals.map(({ input }) => decode(input?.payloads?.[0] ?? undefined) as JobEvent),
  };
}

describe('the pool of a job', () => {
  it('is that of the first rule that fits its event, else the one of all others', async () => {
    const rules = createJobStarter({
      client,
      githubHost: 'github.com',
      pool: 'default',
      poolRules: [{ pool: 'release', labels: ['Release'], repositories: [] }],
      namePrefix: 'berth',
      searchAttributes: () => true,
    });
    const [release, other] = [(lastJob += 1), (lastJob += 1)];
    await rules.accept(startOf('queued', release, { labels: ['release', 'anka-template:t1'] }));
    await rules.accept(startOf('queued', other));
    expect((await historyOf(release)).input.pool).toBe('release');
    expect((await historyOf(other)).input.pool).toBe('default');
  });
});

describe('the first event of a job', () => {
  it('starts its workflow, which an operator can find and read', async () => {
    const job = (lastJob += 1);
    const start = startOf('queued', job, { name: 'ui-tests', workflow_name: 'build' });
    await starter().accept(start);
    const { input, events } = await historyOf(job);
    expect(input).toEqual({
      githubHost: 'github.com',
      pool: 'default',
      namePrefix: 'berth',
      jobId: job,
      verdict: 'ours',
      reason: null,
      template: 't1',
      tag: 'v1',
      labels: ['a', 'b'],
      recheck: false,
      searchAttributes: true,
    });
    expect(events).toEqual([start.event]);
    const description = await client.workflow.getHandle(idOf(job)).describe();
    expect(description.type).toBe('githubJob');
    expect(description.taskQueue).toBe('orchestrator');
    expect(await description.staticSummary()).toBe(`${start.event.owner}/${start.event.repo} · build · ui-tests`);
    const found = Object.fromEntries(
      description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    );
    expect(found).toMatchObject({
      BerthRepo: `${start.event.owner}/${start.event.repo}`,
      BerthRunId: '99',
      BerthJobId: String(job),
      BerthTemplate: 't1',
    });
  });

  it('starts it without search attributes where the namespace has none', async () => {
    const job = (lastJob += 1);
    await starter(false).accept(startOf('queued', job));
    expect((await historyOf(job)).input.searchAttributes).toBe(false);
    const description = await client.workflow.getHandle(idOf(job)).describe();
    expect(description.typedSearchAttributes.getAll()).toEqual([]);
  });
});

describe('more events of a job', () => {
  it('all reach one run, whatever their number and order', async () => {
    const job = (lastJob += 1);
    const actions: readonly JobAction[] = ['completed', 'queued', 'in_progress', 'waiting', 'queued', 'queued'];
    await Promise.all(actions.map((action) => starter().accept(startOf(action, job))));
    const { events } = await historyOf(job);
    expect(events.map(({ action }) => action).sort()).toEqual([...actions].sort());
  });

  it.each(['queued', 'in_progress'] as const)(
    '%s after the end starts a run that asks GitHub first',
    async (action) => {
      const job = (lastJob += 1);
      await starter().accept(startOf('queued', job));
      await client.workflow.getHandle(idOf(job)).terminate();
      await starter().accept(startOf(action, job));
      const { input, events } = await historyOf(job);
      expect(input.recheck).toBe(true);
      expect(events.map((event) => event.action)).toEqual([action]);
    },
  );

  it('`waiting` after the end is taken for done', async () => {
    const job = (lastJob += 1);
    await starter().accept(startOf('queued', job));
    await client.workflow.getHandle(idOf(job)).terminate();
    await starter().accept(startOf('waiting', job));
    expect((await client.workflow.getHandle(idOf(job)).describe()).status.name).toBe('TERMINATED');
  });

  it('`completed` for a run that was terminated starts one that tells the runner', async () => {
    const job = (lastJob += 1);
    await starter().accept(startOf('in_progress', job));
    await client.workflow.getHandle(idOf(job)).terminate();
    await starter().accept(startOf('completed', job));
    const { input, events } = await historyOf(job);
    expect(input.recheck).toBe(true);
    expect(events.map((event) => event.action)).toEqual(['completed']);
  });

  it('`completed` for a run that came to its end is taken for done', async () => {
    const job = (lastJob += 1);
    await starter().accept(startOf('queued', job));
    await completeByHand(job);
    await starter().accept(startOf('completed', job));
    expect((await client.workflow.getHandle(idOf(job)).describe()).status.name).toBe('COMPLETED');
  });
});

describe('a job that was found by looking', () => {
  it('is started as by its webhook when nobody knows it', async () => {
    const job = (lastJob += 1);
    const start = startOf('queued', job);
    expect(await starter().isKnown(job)).toBe(false);
    expect(await starter().startIfUnknown(start)).toBe('started');
    expect(await starter().isKnown(job)).toBe(true);
    const { input, events } = await historyOf(job);
    expect(events).toEqual([start.event]);
    expect(input.recheck).toBe(false);
  });

  it('is left alone while its workflow is open, without a word to it', async () => {
    const job = (lastJob += 1);
    await starter().accept(startOf('queued', job));
    expect(await starter().startIfUnknown(startOf('queued', job))).toBe('known');
    expect((await historyOf(job)).events).toHaveLength(1);
  });

  it('is left alone when its workflow is closed, however it ended', async () => {
    const job = (lastJob += 1);
    await starter().accept(startOf('queued', job));
    await client.workflow.getHandle(idOf(job)).terminate();
    expect(await starter().startIfUnknown(startOf('queued', job))).toBe('known');
    expect((await client.workflow.getHandle(idOf(job)).describe()).status.name).toBe('TERMINATED');
  });

  it('several at once start it once', async () => {
    const job = (lastJob += 1);
    const all = await Promise.all([1, 2, 3, 4].map(() => starter().startIfUnknown(startOf('queued', job))));
    expect((await historyOf(job)).events.length).toBe(all.filter((result) => result === 'started').length);
  });
});

/** Temporal's `CommandType` of that name. */
const COMPLETE_WORKFLOW_EXECUTION = 4;

/** In place of a worker: takes workflow tasks until this job's comes, and ends its workflow. */
async function completeByHand(job: number): Promise<void> {
  const identity = 'by hand';
  for (;;) {
    const { taskToken, workflowExecution } = await connection.withDeadline(Date.now() + 20_000, () =>
      connection.workflowService.pollWorkflowTaskQueue({ namespace, taskQueue: { name: 'orchestrator' }, identity }),
    );
    if (workflowExecution?.workflowId !== idOf(job)) continue;
    const commands = [{ commandType: COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: {} }];
    await connection.workflowService.respondWorkflowTaskCompleted({
      namespace,
      taskToken,
      identity,
      commands,
    });
    return;
  }
}

describe('the summary of a job', () => {
  const event = startOf('queued', 1).event;

  it.each([
    [{ workflowName: null }, 'acme/ios · ui'],
    [{ workflowName: 'a\nb\u0000c' }, 'acme/ios · a b c · ui'],
    [{ name: '' }, 'acme/ios · build'],
  ])('with %o is one line', (change, expected) => {
    expect(summaryOf({ ...event, owner: 'acme', repo: 'ios', workflowName: 'build', name: 'ui', ...change })).toBe(
      expected,
    );
  });

  it('is cut between characters', () => {
    const summary = summaryOf({ ...event, name: 'é'.repeat(255) });
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(200);
    expect(summary).toMatch(/é…$/);
  });
});

describe('without Temporal', () => {
  it('an event is refused within the limit, with what is wrong', async () => {
    const lazy = await lazyClient({ address: `127.0.0.1:${await freePort()}`, namespace });
    const away = createJobStarter({
      client: lazy,
      githubHost: 'github.com',
      pool: 'default',
      namePrefix: 'berth',
      searchAttributes: () => false,
      timeoutMs: 300,
    });
    const failure = await away.accept(startOf('queued', 1)).catch((err: unknown) => err);
    expect(failure).toBeInstanceOf(TemporalUnavailable);
    expect(String(failure)).toMatch(/Temporal did not take the event: (UNAVAILABLE|DEADLINE_EXCEEDED)/);
    await lazy.connection.close();
  });

  it('an event is refused when the namespace is missing', async () => {
    const other = await connectClient({ address: server.address, namespace: 'nowhere' });
    const options = { githubHost: 'x', pool: 'p', namePrefix: 'b', searchAttributes: () => false };
    const failure = createJobStarter({ client: other, ...options }).accept(startOf('queued', 1));
    await expect(failure).rejects.toThrow(/did not take the event: .*nowhere/);
    await other.connection.close();
  });

  it('the receiver listens, answers 503, and takes the same delivery once Temporal is there', async () => {
    const port = await freePort();
    const receiver = await serveReceiver({
      config: {
        temporal: { address: `127.0.0.1:${port}`, namespace, apiKey: null, tls: false, codec: null },
        github: { apiUrl: 'https://api.github.com', webUrl: 'https://github.com', webHost: 'github.com' },
        pool: 'default',
        namePrefix: 'berth',
      },
      receiver: { port: 0, secret: new Secret(SECRET) },
      log,
      metrics: new Registry(),
      listenOn: '127.0.0.1',
    });
    const url = `http://127.0.0.1:${receiver.port}`;
    const body = JSON.stringify(payload({ id: (lastJob += 1) }));
    const deliver = async () => fetch(`${url}${PATH}`, { method: 'POST', headers: await githubHeaders(body), body });
    const statusOf = async (path: string) => (await fetch(`${url}${path}`)).status;
    let late: DevServer | undefined;
    try {
      const began = performance.now();
      expect((await deliver()).status).toBe(503);
      expect(performance.now() - began).toBeLessThan(9_000);
      expect([await statusOf('/readyz'), await statusOf('/healthcheck')]).toEqual([503, 200]);
      late = await startDevServer({ cli, namespace, searchAttributes: [], log, headless: true, port });
      await expect.poll(() => statusOf('/readyz'), { timeout: 20_000 }).toBe(200);
      expect((await deliver()).status).toBe(202);
    } finally {
      await receiver.stop();
      await late?.stop();
    }
  }, 60_000);

  it('a port that is taken is told', async () => {
    const taken = Number(server.address.split(':')[1]);
    const config = {
      temporal: { address: server.address, namespace, apiKey: null, tls: false as const, codec: null },
      github: { apiUrl: '', webUrl: '', webHost: 'github.com' },
      pool: 'default',
      namePrefix: 'berth',
    };
    const receiver = { port: taken, secret: new Secret('s') };
    const serving = serveReceiver({ config, receiver, log, metrics: new Registry(), listenOn: '127.0.0.1' });
    await expect(serving).rejects.toThrow(`port ${taken} cannot be listened on (EADDRINUSE)`);
  });
});
