import { request } from 'node:http';
import { connect } from 'node:net';
import { EventEmitter, once } from 'node:events';
import { sign } from '@octokit/webhooks-methods';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../jobs/event.js';
import { TemporalUnavailable } from '../../temporal/job-starter.js';
import { BODY_LIMIT } from '../../receiver/receiver.js';
import { those } from '../jobs/fixtures.js';
import { PATH, SECRET, examplesOf, githubHeaders, payload, startReceiver } from './support.js';
import type { Started } from './support.js';

const JOB = payload();
const TEMPLATE = 'c0847bc9-5d2d-4dbc-ba6a-240f7ff08032';

let receiver: Started;

beforeEach(async () => {
  receiver = await startReceiver();
});

afterEach(() => receiver.app.close());

interface Answer {
  readonly result: string;
  readonly reason: string;
  readonly delivery: string | null;
}

const answerOf = async (response: Response): Promise<Answer> => (await response.json()) as Answer;

describe('a job for Berth', () => {
  it('is handed to Temporal before the answer, cut down to what is used', async () => {
    const response = await receiver.send(JOB);
    expect(response.status).toBe(202);
    expect(await answerOf(response)).toEqual({
      result: 'accepted',
      reason: 'job 4127731881: queued',
      delivery: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    });
    expect(receiver.accepted).toEqual([
      {
        verdict: 'ours',
        reason: null,
        template: TEMPLATE,
        tag: 'v1',
        labels: ['self-hosted', `anka-template:${TEMPLATE}`, 'anka-template-tag:v1'],
        event: expect.objectContaining({
          source: 'webhook',
          action: 'queued',
          jobId: 4127731881,
          runId: 99,
          runAttempt: 1,
          createdAt: Date.parse('2026-11-21T10:00:00Z'),
          runnerName: null,
          runnerId: null,
          deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        }) as JobEvent,
      },
    ]);
    expect(await receiver.counted('accepted')).toBe(1);
  });

  it.each(['/jobs/v1/receiver', '/webhooks/github', '/webhooks/github/'])('is taken at %s', async (path) => {
    const body = JSON.stringify(JOB);
    const response = await fetch(`${receiver.url}${path}`, {
      method: 'POST',
      headers: await githubHeaders(body),
      body,
    });
    expect(response.status).toBe(202);
  });

  it('is taken as a form', async () => {
    const body = new URLSearchParams({ payload: JSON.stringify(JOB) }).toString();
    const response = await receiver.send(body, { 'content-type': 'application/x-www-form-urlencoded' });
    expect(response.status).toBe(202);
    expect(receiver.accepted[0]?.event.jobId).toBe(4127731881);
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON'])('is taken as %s', async (type) => {
    expect((await receiver.send(JOB, { 'content-type': type })).status).toBe(202);
  });

  it.each(['queued', 'waiting', 'in_progress', 'completed'])('is handed on for the action %s', async (action) => {
    await receiver.send({ ...JOB, action });
    expect(receiver.accepted.map(({ event }) => event.action)).toEqual([action]);
  });

  it.each([
    ['no installation, no organisation', payload({}, { installation: undefined, organization: undefined }), {}],
    ['null for branch and workflow', payload({ head_branch: null, workflow_name: null }), { workflowName: null }],
    ['0 and "" for the runner', payload({ runner_id: 0, runner_name: '' }), { runnerId: null, runnerName: null }],
    ['no times', payload({ created_at: undefined, started_at: null }), { startedAt: null }],
    ['the year 1 for a time', payload({ completed_at: '0001-01-01T00:00:00Z' }), { completedAt: null }],
    [
      'a time of deployment',
      payload({}, { deployment: { updated_at: '1970-01-01T00:00:01Z' } }),
      { deploymentUpdatedAt: 1000 },
    ],
    ['null for deployment', payload({}, { deployment: null }), { deploymentUpdatedAt: null }],
    [
      'an owner that is a text',
      payload({}, { repository: { name: 'ios', owner: 'acme' } }),
      { owner: 'acme', repo: 'ios' },
    ],
    ['no attempt', payload({ run_attempt: undefined }), { runAttempt: 1 }],
    ['a link that is none', payload({ html_url: 'javascript:alert(1)' }), { htmlUrl: '' }],
    ['a name of 10,000 letters', payload({ name: 'x'.repeat(10_000) }), { name: 'x'.repeat(255) }],
  ])('with %s is taken', async (_what, body, event) => {
    expect((await receiver.send(body)).status).toBe(202);
    expect(receiver.accepted[0]?.event).toMatchObject(event);
  });

  it('without times counts from its arrival', async () => {
    await receiver.app.close();
    receiver = await startReceiver({ now: () => 77 });
    await receiver.send(payload({ created_at: undefined, started_at: undefined }));
    expect(receiver.accepted[0]?.event).toMatchObject({ createdAt: 77, receivedAt: 77 });
  });

  it('that is ours but wrong is handed on with the reason', async () => {
    await receiver.send(payload({ labels: ['self-hosted', 'anka-template-tag:v1'] }));
    const reason = 'it has the label anka-template-tag: but no anka-template:';
    expect(receiver.accepted[0]).toMatchObject({ verdict: 'wrong', reason, template: null, tag: null });
  });

  it('keeps only a delivery id that looks like one', async () => {
    const response = await receiver.send(JOB, { 'x-github-delivery': 'a b"c' });
    expect((await answerOf(response)).delivery).toBeNull();
    expect(receiver.accepted[0]?.event.deliveryId).toBeNull();
  });
});

describe('the real payloads of GitHub', () => {
  it('are all answered 2xx, and none of them is ours', async () => {
    const examples = examplesOf('workflow_job');
    expect(examples.length).toBeGreaterThan(5);
    for (const example of examples) {
      const response = await receiver.send(example);
      expect([response.status, (await answerOf(response)).result]).toEqual([200, 'foreign']);
    }
    expect(receiver.accepted).toEqual([]);
  });

  it.each(['push', 'ping', 'workflow_run', 'check_run', 'installation'])(
    'of the event %s are let pass',
    async (event) => {
      const response = await receiver.send(examplesOf(event)[0] ?? { zen: 'x' }, { 'x-github-event': event });
      expect([response.status, (await answerOf(response)).result]).toEqual([200, 'ignored-event']);
      expect(receiver.accepted).toEqual([]);
    },
  );
});

describe('what does not concern Berth is answered 200, counted, and not handed on', () => {
  it.each([
    ['an action that is new', { ...JOB, action: 'paused' }, 'ignored-action'],
    ['a job with other labels', payload({ labels: ['ubuntu-latest'] }), 'foreign'],
    ['a job without labels', payload({ labels: [] }), 'foreign'],
    ['a foreign job on a foreign runner', payload({ labels: ['x'], runner_name: 'berth-of-mine' }), 'foreign'],
    ['another installation’s runner', payload({ labels: ['x'], runner_name: 'other-1-1-abcd' }), 'foreign'],
    ['a job that is null', { ...JOB, workflow_job: null }, 'malformed'],
    ['no job', { ...JOB, workflow_job: undefined }, 'malformed'],
    ['an id that is text', payload({ id: '1' }), 'malformed'],
    ['an id below one', payload({ id: 0 }), 'malformed'],
    ['an id too large for a number', payload({ id: 2 ** 60 }), 'malformed'],
    ['labels that are null', payload({ labels: null }), 'malformed'],
    ['a label that is a number', payload({ labels: [1] }), 'malformed'],
    ['no action', { ...JOB, action: undefined }, 'malformed'],
    ['no repository', { ...JOB, repository: undefined }, 'malformed'],
    [
      'a repository with a path for a name',
      payload({}, { repository: { name: '../x', owner: { login: 'a' } } }),
      'malformed',
    ],
    ['a repository named ..', payload({}, { repository: { name: '..', owner: { login: 'a' } } }), 'malformed'],
    ['an empty object', {}, 'malformed'],
    ['a shell command as template', payload({ labels: ['anka-template:$(id)'] }), 'refused'],
    ['backticks', payload({ labels: [`anka-template:${TEMPLATE}`, '`id`'] }), 'refused'],
    ['a quote', payload({ labels: [`anka-template:${TEMPLATE}`, "x'y"] }), 'refused'],
    ['a newline', payload({ labels: [`anka-template:${TEMPLATE}\nrm -rf /`] }), 'refused'],
    ['a null character', payload({ labels: [`anka-template:${TEMPLATE}`, 'a\u0000b'] }), 'refused'],
    ['a template that is an option', payload({ labels: ['anka-template:--help'] }), 'refused'],
    [
      '1,000 labels',
      payload({ labels: [`anka-template:${TEMPLATE}`, ...Array.from({ length: 999 }, (_, i) => `l${i}`)] }),
      'refused',
    ],
  ])('%s: %s', async (_what, body, result) => {
    const response = await receiver.send(body);
    expect([response.status, (await answerOf(response)).result]).toEqual([200, result]);
    expect(receiver.accepted).toEqual([]);
    expect(await receiver.counted(result)).toBe(1);
    expect(receiver.logs()).toContain(`"result":"${result}"`);
  });
});

describe('a job that is not taken', () => {
  it('is named in the log, for whoever asks why it waits', async () => {
    await receiver.send(payload({ id: 4711, labels: ['anka-template:$(id)'] }));
    const line = receiver.logs().match(/.*"result":"refused".*/)?.[0] ?? '{}';
    expect(JSON.parse(line)).toMatchObject({ job: 4711, repo: 'Octocoders/Hello-World', msg: 'webhook answered' });
  });
});

describe('a foreign job that a runner of ours took', () => {
  it('is handed on, with bounded labels', async () => {
    const labels = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(300, 'x'));
    await receiver.send({
      ...payload({ labels, runner_id: 7, runner_name: 'berth-12-1-0a1b' }),
      action: 'in_progress',
    });
    const [start] = receiver.accepted;
    expect(start).toMatchObject({
      verdict: 'foreign',
      template: null,
      event: { runnerName: 'berth-12-1-0a1b', runnerId: 7 },
    });
    expect(start?.labels).toHaveLength(100);
    expect(Math.max(...(start?.labels.map((label) => label.length) ?? []))).toBe(255);
  });
});

describe('where only some may have jobs run', () => {
  const intake = [those('tools/*'), those('acme/ios')];
  const of = (owner: string, name: string) => ({ repository: { name, owner: { login: owner } } });

  beforeEach(async () => {
    await receiver.app.close();
    receiver = await startReceiver({ intake });
  });

  it.each([
    ['tools', 'anything'],
    ['Acme', 'ios'],
  ])('%s/%s may', async (owner, repo) => {
    expect((await receiver.send(payload({}, of(owner, repo)))).status).toBe(202);
  });

  it('others may not: answered 200 with the reason, counted, and nothing is handed on', async () => {
    const response = await receiver.send(payload({}, of('acme', 'web')));
    expect(response.status).toBe(200);
    expect(await answerOf(response)).toMatchObject({
      result: 'not-allowed',
      reason: 'acme/web is neither in allowed_owners nor in allowed_repositories',
    });
    expect(receiver.accepted).toEqual([]);
    expect(await receiver.counted('not-allowed')).toBe(1);
  });

  it('of a job that a runner of ours took all the same it is heard, for that runner serves it', async () => {
    const job = payload({ runner_name: 'berth-7-1-0a1b' }, { ...of('acme', 'web'), action: 'in_progress' });
    expect((await receiver.send(job)).status).toBe(202);
    expect(receiver.accepted).toMatchObject([{ verdict: 'foreign' }]);
  });
});

describe('the signature', () => {
  const body = JSON.stringify(JOB);

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['of another secret', 'other'],
    ['of another body', 'body'],
    ['cut short', 'short'],
    ['in capitals', 'capitals'],
    ['of the old kind', 'sha1'],
  ])('%s is answered 401', async (_what, kind) => {
    const right = await sign(SECRET, body);
    const values: Record<string, string> = {
      other: await sign('another secret', body),
      body: await sign(SECRET, `${body} `),
      short: right.slice(0, -1),
      capitals: right.toUpperCase(),
      sha1: `sha1=${'0'.repeat(40)}`,
    };
    const headers = await githubHeaders(body);
    delete headers['x-hub-signature-256'];
    const value = kind === undefined ? undefined : (values[kind] ?? '');
    const response = await fetch(`${receiver.url}${PATH}`, {
      method: 'POST',
      headers: value === undefined ? headers : { ...headers, 'x-hub-signature-256': value },
      body,
    });
    expect([response.status, (await answerOf(response)).result]).toEqual([401, 'bad-signature']);
    expect(receiver.accepted).toEqual([]);
    expect(await receiver.counted('bad-signature')).toBe(1);
  });

  it('is over the bytes, not over what they mean', async () => {
    const odd = `\n  ${JSON.stringify(JOB).replace('queued', '\\u0071ueued')}  `;
    expect((await receiver.send(odd)).status).toBe(202);
  });

  it('is checked before the event, the content type and the JSON', async () => {
    const headers = {
      'x-hub-signature-256': await sign(SECRET, 'x'),
      'content-type': 'text/plain',
      'x-github-event': 'push',
    };
    expect((await receiver.send('{', headers)).status).toBe(401);
  });

  it('and the secret never reach the log or the answer', async () => {
    const response = await receiver.send(JOB, { 'x-hub-signature-256': await sign('another secret', body) });
    const right = await sign(SECRET, body);
    for (const text of [receiver.logs(), await response.text()]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(right.slice(7));
    }
  });
});

describe('what is no webhook', () => {
  it.each([
    ['no event header', JSON.stringify(JOB), { 'x-github-event': '' }, 400],
    ['no JSON', '{"action":', {}, 400],
    ['a list', '[]', {}, 400],
    ['a number', '1', {}, 400],
    ['null', 'null', {}, 400],
    ['spaces only', ' ', {}, 400],
    ['a form without payload', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 400],
    ['a form with a broken payload', 'payload=%7B', { 'content-type': 'application/x-www-form-urlencoded' }, 400],
    ['text', JSON.stringify(JOB), { 'content-type': 'text/plain' }, 415],
    ['XML', '<a/>', { 'content-type': 'application/xml' }, 415],
    ['a content type that is none', JSON.stringify(JOB), { 'content-type': ';;;' }, 415],
  ])('%s is refused', async (_what, body, headers, status) => {
    const response = await receiver.send(body, headers);
    expect(response.status).toBe(status);
    expect(receiver.accepted).toEqual([]);
  });

  it('bytes that are not UTF-8 are refused', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
    const { createHmac } = await import('node:crypto');
    const signature = `sha256=${createHmac('sha256', SECRET).update(bytes).digest('hex')}`;
    const headers = { ...(await githubHeaders('x')), 'x-hub-signature-256': signature };
    const response = await fetch(`${receiver.url}${PATH}`, { method: 'POST', headers, body: bytes });
    expect([response.status, (await answerOf(response)).reason]).toEqual([400, 'the body is not UTF-8']);
  });

  it('a deeply nested body is answered, not fatal', async () => {
    const deep = '['.repeat(1_000_000);
    expect((await receiver.send(deep)).status).toBe(400);
    const closed = `{"action":"queued","workflow_job":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect((await receiver.send(closed)).status).toBe(200);
    expect((await receiver.send(JOB)).status).toBe(202);
  });

  it.each(['GET', 'PUT', 'DELETE'])('%s on the address of the hook is not found', async (method) => {
    expect((await fetch(`${receiver.url}${PATH}`, { method })).status).toBe(404);
  });

  it('an empty body without a content type has no right signature', async () => {
    expect((await fetch(`${receiver.url}${PATH}`, { method: 'POST' })).status).toBe(401);
  });

  it('other paths, metrics too, are not found', async () => {
    for (const path of ['/', '/metrics', '/jobs', '/jobs/v1/receiver/x']) {
      expect((await fetch(`${receiver.url}${path}`)).status).toBe(404);
    }
  });
});

describe('size', () => {
  it('of a body without a signature is not read', async () => {
    const outgoing = request(`${receiver.url}${PATH}`, { method: 'POST', headers: { 'content-length': '1000000' } });
    outgoing.on('error', () => undefined);
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(401);
    outgoing.destroy();
  });

  it('of just under 25 MB is read', async () => {
    const padded = JSON.stringify({ ...JOB, padding: 'x'.repeat(BODY_LIMIT - 40_000) });
    expect((await receiver.send(padded)).status).toBe(202);
  });

  it('over 25 MB is answered 413 by its announced length, before the body is sent', async () => {
    const headers = { ...(await githubHeaders('x')), 'content-length': String(BODY_LIMIT + 1) };
    const outgoing = request(`${receiver.url}${PATH}`, { method: 'POST', headers });
    outgoing.on('error', () => undefined);
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    outgoing.destroy();
    expect(await receiver.counted('too-large')).toBe(1);
  });

  it('over 25 MB is answered 413 when its length is not announced', async () => {
    const outgoing = request(`${receiver.url}${PATH}`, { method: 'POST', headers: await githubHeaders('x') });
    outgoing.on('error', () => undefined);
    const answered = once(outgoing, 'response');
    const chunk = Buffer.alloc(1024 * 1024, 0x20);
    for (let sent = 0; sent < 26; sent += 1) outgoing.write(chunk);
    const [response] = (await answered) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    outgoing.destroy();
  });
});

describe('slow and broken clients', () => {
  const head = 'POST /jobs/v1/receiver HTTP/1.1\r\nHost: x\r\n';

  const closes = async (text: string): Promise<string> => {
    const socket = connect(receiver.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return Buffer.concat(chunks).toString();
  };

  it('that never end their headers are cut off', async () => {
    await receiver.app.close();
    receiver = await startReceiver({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    expect(await closes(head)).toMatch(/^HTTP\/1\.1 408|^$/);
  });

  it('that never end their body are cut off', async () => {
    await receiver.app.close();
    receiver = await startReceiver({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    expect(await closes(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`)).toMatch(/408|^$/);
    expect(receiver.accepted).toEqual([]);
  });

  it('that go away in the middle change nothing', async () => {
    const socket = connect(receiver.port, '127.0.0.1');
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
    await once(socket, 'connect');
    socket.destroy();
    expect((await receiver.send(JOB)).status).toBe(202);
    expect(receiver.accepted).toHaveLength(1);
  });

  it('that do not speak HTTP are answered 400', async () => {
    expect(await closes('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
  });
});

describe('while Temporal is away', () => {
  it('a job is answered 503 with its reason, and accepted when it is sent again later', async () => {
    let isUp = false;
    await receiver.app.close();
    receiver = await startReceiver({
      temporal: { accept: () => (isUp ? Promise.resolve() : Promise.reject(new TemporalUnavailable('UNAVAILABLE'))) },
    });
    const down = await receiver.send(JOB);
    expect([down.status, (await answerOf(down)).result]).toEqual([503, 'unavailable']);
    expect(await receiver.counted('unavailable')).toBe(1);
    isUp = true;
    expect((await receiver.send(JOB)).status).toBe(202);
  });

  it('a job is answered 503 within the limit when Temporal says nothing at all', async () => {
    await receiver.app.close();
    receiver = await startReceiver({ temporal: { accept: () => new Promise(() => undefined) }, acceptTimeoutMs: 50 });
    expect((await receiver.send(JOB)).status).toBe(503);
  });

  it('a job is answered 503 when handing it over fails in any other way', async () => {
    await receiver.app.close();
    receiver = await startReceiver({ temporal: { accept: () => Promise.reject(new TypeError('a mistake')) } });
    expect((await receiver.send(JOB)).status).toBe(503);
    expect(receiver.logs()).toContain('a mistake');
  });

  it('what does not concern Berth is still answered 200', async () => {
    await receiver.app.close();
    receiver = await startReceiver({ temporal: { accept: () => Promise.reject(new TemporalUnavailable('x')) } });
    expect((await receiver.send(payload({ labels: ['x'] }))).status).toBe(200);
  });
});

describe('health', () => {
  it.each(['/healthcheck', '/livez', '/readyz'])('%s is ok', async (path) => {
    const response = await fetch(`${receiver.url}${path}`);
    expect([response.status, await response.text()]).toEqual([200, 'ok']);
  });

  it('/readyz alone is 503 while Temporal cannot be reached, and asks it once for many', async () => {
    await receiver.app.close();
    let asked = 0;
    const probe = (): Promise<void> => {
      asked += 1;
      return Promise.reject(new Error('down'));
    };
    receiver = await startReceiver({ probe });
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${receiver.url}/readyz`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(asked).toBe(1);
    expect((await fetch(`${receiver.url}/livez`)).status).toBe(200);
  });
});

describe('stopping', () => {
  it('answers what it has begun first', async () => {
    await receiver.app.close();
    const temporal = new EventEmitter();
    receiver = await startReceiver({
      temporal: {
        async accept() {
          const told = once(temporal, 'has it');
          temporal.emit('begun');
          await told;
        },
      },
    });
    const begun = once(temporal, 'begun');
    const answer = receiver.send(JOB);
    await begun;
    const closed = receiver.app.close();
    temporal.emit('has it');
    expect((await answer).status).toBe(202);
    await closed;
  });
});

describe('whatever the signed body', () => {
  it('the answer is 2xx or 4xx, and nothing is handed on that is not checked', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const job = fc.record(
      {
        id: fc.oneof(fc.nat(), fc.jsonValue()),
        run_id: fc.oneof(fc.nat(), fc.jsonValue()),
        labels: fc.oneof(
          fc.array(
            fc.oneof(
              text,
              text.map((value) => `anka-template:${value}`),
            ),
          ),
          fc.jsonValue(),
        ),
        runner_name: fc.oneof(text, fc.constant(null)),
        name: fc.oneof(text, fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.tuple(job, fc.jsonValue()).map(([own, other]) => ({ ...payload(own), deployment: other })),
      },
      { weight: 1, arbitrary: fc.jsonValue().map((value) => ({ ...JOB, workflow_job: value })) },
      { weight: 1, arbitrary: fc.json() },
    );
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const before = receiver.accepted.length;
        const response = await receiver.send(value === '' ? ' ' : value);
        expect([200, 202, 400]).toContain(response.status);
        for (const { event, template } of receiver.accepted.slice(before)) {
          expect(Number.isSafeInteger(event.jobId) && event.jobId > 0).toBe(true);
          expect(template ?? 'a').toMatch(/^[A-Za-z0-9_][A-Za-z0-9._+:@-]*$/);
        }
      }),
      { seed: 20261121, numRuns: 400 },
    );
  });
});
