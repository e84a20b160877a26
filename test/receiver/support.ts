import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { sign } from '@octokit/webhooks-methods';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { Registry } from 'prom-client';
import { Secret } from '../../config/secret.js';
import type { JobStart } from '../../jobs/job-start.js';
import { createReceiver } from '../../receiver/receiver.js';
import type { ReceiverOptions } from '../../receiver/receiver.js';

export const SECRET = "it's a secret to everybody";
export const PATH = '/jobs/v1/receiver';

type Json = Record<string, unknown>;

const definitions = createRequire(import.meta.url)('@octokit/webhooks-examples') as {
  readonly name: string;
  readonly examples: readonly Json[];
}[];

/** The payloads of an event as GitHub has really sent them. */
export const examplesOf = (event: string): readonly Json[] =>
  definitions.filter(({ name }) => name === event).flatMap(({ examples }) => examples);

/** A real `queued` payload with other fields of the job put in. */
export function payload(job: Json = {}, rest: Json = {}): Json {
  const example = examplesOf('workflow_job').find(({ action }) => action === 'queued');
  if (example === undefined) throw new Error('the examples have no queued job');
  const own = {
    id: 4127731881,
    run_id: 99,
    labels: ['self-hosted', 'anka-template:c0847bc9-5d2d-4dbc-ba6a-240f7ff08032', 'anka-template-tag:v1'],
    created_at: '2026-11-21T10:00:00Z',
    runner_id: null,
    runner_name: null,
    ...job,
  };
  return { ...example, workflow_job: { ...(example['workflow_job'] as Json), ...own }, ...rest };
}

export interface Started {
  readonly url: string;
  readonly port: number;
  readonly app: FastifyInstance;
  readonly accepted: JobStart[];
  readonly logs: () => string;
  /** How many deliveries had this result. */
  counted(result: string): Promise<number>;
  /** Signs the body and sends it, as GitHub does. */
  send(body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** A receiver that really listens; what it hands on is kept. */
export async function startReceiver(options: Partial<ReceiverOptions> = {}): Promise<Started> {
  const accepted: JobStart[] = [];
  const lines: string[] = [];
  const metrics = new Registry();
  const app = createReceiver({
    secret: new Secret(SECRET),
    temporal: {
      accept: (start) => {
        accepted.push(start);
        return Promise.resolve();
      },
    },
    probe: () => Promise.resolve(),
    namePrefix: 'berth',
    log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
    metrics,
    ...options,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    app,
    accepted,
    logs: () => lines.join(''),
    async counted(result) {
      const metric = await metrics.getSingleMetric('berth_webhooks_total')?.get();
      return metric?.values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
    },
    async send(body, headers = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return fetch(`${url}${PATH}`, { method: 'POST', headers: await githubHeaders(text, headers), body: text });
    },
  };
}

export async function githubHeaders(body: string, more: Record<string, string> = {}): Promise<Record<string, string>> {
  return {
    'content-type': 'application/json',
    'x-github-event': 'workflow_job',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-hub-signature-256': await sign(SECRET, body === '' ? ' ' : body),
    ...more,
  };
}
