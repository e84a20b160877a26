/** The smallest server of `simulators/github/runner-protocol.ts`: one runner, jobs from a list, every call noted. */

import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeJitConfig } from '../../simulators/github/runner-protocol.js';
import type { JobMessage } from '../../simulators/github/runner-protocol.js';

export interface Call {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

export interface RunnerServer {
  readonly url: string;
  readonly calls: Call[];
  /** Jobs still to give; the first one is given until it is started. */
  readonly jobs: JobMessage[];
  /** Answers instead of the usual ones, by `METHOD /path` with ids left out. */
  readonly refusals: Map<string, number>;
  jitConfig(ephemeral?: boolean): string;
  cancel(): void;
  finish(): void;
  linesOf(part: string): readonly string[];
  close(): Promise<void>;
}

export const SECRET = 'runner-secret-1';

export const JOB: JobMessage = {
  jobId: 7,
  runId: 70,
  runAttempt: 2,
  owner: 'acme',
  repo: 'ios',
  name: 'ui-tests',
  durationMs: 30,
  conclusion: 'success',
  env: { GITHUB_REPOSITORY: 'acme/ios', GITHUB_RUN_ID: '70', GITHUB_RUN_ATTEMPT: '2', GITHUB_JOB: 'ui-tests' },
};

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

export async function startRunnerServer(): Promise<RunnerServer> {
  const calls: Call[] = [];
  const jobs: JobMessage[] = [];
  const refusals = new Map<string, number>();
  let cancelled = false;
  let finished = false;
  const jitConfig = (ephemeral = true): string =>
    encodeJitConfig(
      {
        AgentId: '5',
        AgentName: 'berth-1',
        PoolId: '1',
        PoolName: 'Default',
        ServerUrl: address(),
        GitHubUrl: 'https://github.com/acme/ios',
        WorkFolder: '_work',
        Ephemeral: ephemeral ? 'true' : 'false',
      },
      { Scheme: 'OAuth', Data: { ClientId: 'c', AuthorizationUrl: address(), Secret: SECRET } },
      {},
    );
  const answers: Record<string, () => [number, unknown]> = {
    'POST /register': () => [201, { encodedJitConfig: jitConfig() }],
    'POST /remove': () => [204, undefined],
    'POST /session': () => [201, { sessionId: 's1', runnerName: 'berth-1' }],
    'GET /session/*/job': () => (jobs[0] === undefined ? [204, undefined] : [200, jobs[0]]),
    'POST /jobs/*/started': () => (jobs.shift() === undefined ? [409, { message: 'no such job' }] : [200, {}]),
    'GET /jobs/*/cancelled': () => [200, { cancelled, finished }],
    'POST /jobs/*/completed': () => [200, { deregistered: true }],
    'DELETE /session/*': () => [204, undefined],
  };
  const server = createServer((request, response) => {
    void (async () => {
      const path = (request.url ?? '').replace(/^\/_runner/, '').replace(/\?.*/, '');
      const line = `${request.method ?? ''} ${path.replace(/\/(s1|\d+)(?=\/|$)/, '/*')}`;
      calls.push({ line, authorization: request.headers.authorization, body: await bodyOf(request) });
      const refusal = refusals.get(line);
      const [status, reply] =
        refusal === undefined ? (answers[line]?.() ?? [404, {}]) : [refusal, { message: 'refused' }];
      const idle = status === 204 || line.endsWith('/cancelled');
      if (idle) await new Promise((resolve) => setTimeout(resolve, 10));
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(reply === undefined ? undefined : JSON.stringify(reply));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: address(),
    calls,
    jobs,
    refusals,
    jitConfig,
    cancel: () => (cancelled = true),
    finish: () => (finished = true),
    linesOf: (part) => calls.map((call) => call.line).filter((line) => line.includes(part)),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
