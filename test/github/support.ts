/** A small GitHub for these tests: answers what it is told to, and remembers what it was asked. */

import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { PassThrough } from 'node:stream';
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import type { Logger } from 'pino';
import { afterEach, beforeEach } from 'vitest';
import type { Clock } from '../../github/clock.js';
import type { Credential } from '../../github/credentials.js';
import { createGitHub } from '../../github/github.js';
import type { GitHub } from '../../github/github.js';

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly path: string;
  readonly authorization: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** `hang`: no answer; `cut`: the connection ends; `half`: it ends within the body. */
  readonly fault?: 'hang' | 'cut' | 'half';
}

type Script = Reply | ((asked: Asked) => Reply);

export interface FakeGitHub {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** What a call gets: one reply for ever, or a list, the last of which stays. `METHOD /path`, without query. */
  on(call: string, ...replies: readonly [Script, ...Script[]]): void;
  calls(call?: string): readonly Asked[];
  close(): Promise<void>;
}

export async function fakeGitHub(): Promise<FakeGitHub> {
  const asked: Asked[] = [];
  const replies = new Map<string, Script[]>();
  const app: FastifyInstance = Fastify({ forceCloseConnections: true });
  app.all('/*', async (request, response) => {
    const path = request.url.split('?')[0] ?? '';
    const one: Asked = {
      method: request.method,
      url: request.url,
      path,
      authorization: request.headers.authorization ?? '',
      headers: request.headers,
      body: request.body,
    };
    asked.push(one);
    const queue = replies.get(`${request.method} ${path}`) ?? [{ status: 404, body: { message: 'Not Found' } }];
    const next = queue.length > 1 ? queue.shift() : queue[0];
    const reply = typeof next === 'function' ? next(one) : (next ?? {});
    if (reply.fault === 'hang') return response.hijack();
    if (reply.fault === 'cut') {
      response.hijack();
      request.raw.socket.destroy();
      return response;
    }
    if (reply.fault === 'half') {
      response.hijack();
      response.raw.writeHead(reply.status ?? 200, { 'content-type': 'application/json', 'content-length': '500' });
      response.raw.write('{"runner":', () => request.raw.socket.destroy());
      return response;
    }
    return response
      .code(reply.status ?? 200)
      .headers(reply.headers ?? {})
      .send(reply.status === 204 ? undefined : (reply.body ?? {}));
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    asked,
    on: (call, ...scripts) => void replies.set(call, [...scripts]),
    calls: (call) => asked.filter((one) => call === undefined || `${one.method} ${one.path}` === call),
    close: () => app.close(),
  };
}

/** A clock that stands still until it is told to go on, and never makes anybody wait. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  readonly slept: readonly number[];
}

export function fakeClock(start = Date.now()): FakeClock {
  let now = start;
  const slept: number[] = [];
  return {
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
    },
    advance: (ms) => {
      now += ms;
    },
    slept,
  };
}

export interface Bench {
  readonly server: FakeGitHub;
  readonly github: GitHub;
  readonly clock: FakeClock;
  /** Everything that was logged, as text. */
  readonly logged: () => string;
}

export const TOKEN = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';

/** A client of a fresh fake GitHub, with one credential for everything. */
export async function bench(
  credential: Credential | undefined = { kind: 'token', token: TOKEN },
  timeoutMs = 2_500,
): Promise<Bench> {
  const server = await fakeGitHub();
  const clock = fakeClock();
  const { log, logged } = textLog();
  const github = createGitHub({
    apiUrl: server.url,
    credentialFor: () => credential,
    log,
    version: '1.2.3',
    clock,
    timeoutMs,
  });
  return { server, github, clock, logged };
}

/** A bench of its own for each test of a file or `describe`: what is returned is that of the test that runs. */
export function useBench(): Bench {
  let current: Bench | undefined;
  beforeEach(async () => {
    current = await bench();
  });
  afterEach(() => current?.server.close());
  const now = (): Bench => {
    if (current === undefined) throw new Error('there is a bench within a test only');
    return current;
  };
  return {
    get server() {
      return now().server;
    },
    get github() {
      return now().github;
    },
    get clock() {
      return now().clock;
    },
    logged: () => now().logged(),
  };
}

export function textLog(): { readonly log: Logger; readonly logged: () => string } {
  const sink = new PassThrough();
  let text = '';
  sink.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { log: pino({ level: 'trace' }, sink), logged: () => text };
}

export interface AppKey {
  readonly privateKey: string;
  /** The claims of a JSON web token, after its signature was verified. */
  readonly verified: (authorization: string) => Readonly<Record<string, unknown>>;
}

/** A key pair in the form in which GitHub hands it out (PKCS #1). */
export function appKey(): AppKey {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateKey = pair.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const publicKey = createPublicKey(pair.publicKey.export({ type: 'spki', format: 'pem' }));
  const verified = (authorization: string): Readonly<Record<string, unknown>> => {
    const [header = '', claims = '', signature = ''] = authorization.replace(/^bearer /i, '').split('.');
    const isGood = verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${claims}`),
      publicKey,
      Buffer.from(signature, 'base64url'),
    );
    if (!isGood) throw new Error('the signature is wrong');
    return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
  };
  return { privateKey, verified };
}

/** The rejection's error. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('it should have failed');
}
