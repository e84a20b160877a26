import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { createGitHubSimulator } from '../../simulators/github/simulator.js';
import type { GitHubSimulator } from '../../simulators/github/simulator.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { GitHubSimulatorOptions } from '../../simulators/github/options.js';
import { decodeJitConfig } from '../../simulators/github/runner-protocol.js';
import type { JobMessage, RunnerCredentials } from '../../simulators/github/runner-protocol.js';

const endings: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Undone after the test, in reverse order. */
export const later = (end: () => Promise<void> | void): void => void endings.push(end);

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Bodies of many shapes; each test says what it expects of them. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Sim extends GitHubSimulator {
  readonly url: string;
  /** A REST call with the default PAT unless `token` says otherwise (null: no credential). */
  rest(method: string, path: string, options?: RestOptions): Promise<Answer>;
}

interface RestOptions {
  readonly body?: unknown;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function call(url: string, method: string, options: RestOptions = {}): Promise<Answer> {
  const { body, token = DEFAULT_TOKEN, headers = {} } = options;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as never };
}

export async function startSim(options: GitHubSimulatorOptions = {}): Promise<Sim> {
  const simulator = createGitHubSimulator(options);
  const { url } = await simulator.start();
  later(() => simulator.stop());
  return { ...simulator, url, rest: (method, path, rest) => call(url + path, method, rest) };
}

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** What it answers; 202 unless changed. */
  answer: (received: Received) => number | 'hang';
}

/** A webhook receiver that keeps what it gets. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(one);
      const status = receiver.answer(one);
      if (status !== 'hang') response.writeHead(status).end('noted');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  later(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = { url: `http://127.0.0.1:${port}/hook`, received, answer: () => 202 };
  return receiver;
}

export interface EventBody {
  readonly action: string;
  readonly workflow_job: Record<string, unknown> & { readonly id: number };
  readonly deployment?: { readonly updated_at: string };
  readonly installation?: { readonly id: number };
}

export const eventOf = ({ body }: Received): EventBody => JSON.parse(body) as EventBody;

/** Resolves once every delivery is answered or lost and there are at least `count`. */
export async function delivered(sim: GitHubSimulator, count: number): Promise<void> {
  await sim.waitFor(({ deliveries, pendingDeliveries }) => pendingDeliveries === 0 && deliveries.length >= count);
}

export interface TestRunner {
  readonly id: number;
  readonly name: string;
  readonly credentials: RunnerCredentials;
  request(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Goes online; gives the session's id. */
  connect(): Promise<string>;
  poll(session: string, waitMs?: number): Promise<Answer & { readonly job: JobMessage }>;
}

export function runnerOf(credentials: RunnerCredentials): TestRunner {
  const request: TestRunner['request'] = (method, path, body) =>
    call(`${credentials.serverUrl}/_runner${path}`, method, { token: credentials.secret, body });
  return {
    id: credentials.runnerId,
    name: credentials.name,
    credentials,
    request,
    connect: async () => {
      const { body } = await request('POST', '/session', { runnerId: credentials.runnerId, os: 'macOS' });
      return String(body['sessionId']);
    },
    poll: async (session, waitMs = 2_000) => {
      const answer = await request('GET', `/session/${session}/job?waitMs=${waitMs}`);
      return { ...answer, job: answer.body as unknown as JobMessage };
    },
  };
}

let names = 0;

/** Registers a JIT runner for the organisation `acme`. */
export async function jitRunner(
  sim: Sim,
  labels: readonly string[],
  name = `runner-${(names += 1)}`,
): Promise<TestRunner> {
  const body = { name, runner_group_id: 1, labels };
  const answer = await sim.rest('POST', '/orgs/acme/actions/runners/generate-jitconfig', { body });
  if (answer.status !== 201) throw new Error(`no JIT config: ${answer.status} ${JSON.stringify(answer.body)}`);
  return runnerOf(decodeJitConfig(String(answer.body['encoded_jit_config'])));
}

/** Takes one job as a runner does, and starts it. Gives the job. */
export async function beginOne(runner: TestRunner, session: string): Promise<JobMessage> {
  const { job, status } = await runner.poll(session);
  if (status !== 200) throw new Error(`no job for ${runner.name}: ${status}`);
  await runner.request('POST', `/jobs/${job.jobId}/started`);
  return job;
}

/** Takes one job as a runner does and ends it as the job wants. Gives the job. */
export async function serveOne(runner: TestRunner, session: string): Promise<JobMessage> {
  const job = await beginOne(runner, session);
  await runner.request('POST', `/jobs/${job.jobId}/completed`, { conclusion: job.conclusion });
  return job;
}
