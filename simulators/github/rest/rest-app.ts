/** What every REST call goes through: credentials, limits, faults, conditional answers, headers, the record. */

import { createHash, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { credentialName } from '../credentials.js';
import type { Credentials } from '../credentials.js';
import type { Fault, Faults } from '../faults.js';
import type { Limits } from '../limits.js';
import type { World } from '../world.js';
import type { CallContext, Calls } from './calls.js';
import { HttpError, notFound } from './http-error.js';

export interface RestDeps {
  readonly world: World;
  readonly credentials: Credentials;
  readonly limits: Limits;
  readonly faults: Faults;
  readonly calls: Calls;
}

const SECONDARY_RETRY_S = 60;

const API_VERSION = '2022-11-28';

function throwFault(fault: Fault): void {
  if (fault.kind === 'status') {
    const headers = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
    throw new HttpError(fault.status ?? 503, 'The simulated GitHub was told to fail here.', { headers });
  }
  if (fault.kind === 'secondary-limit') throw secondaryLimit(fault.retryAfterSeconds ?? SECONDARY_RETRY_S);
}

const secondaryLimit = (seconds: number): HttpError =>
  new HttpError(403, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.', {
    headers: { 'retry-after': String(seconds) },
  });

/** Adds all hooks to this Fastify scope; routes are added to the same scope by the caller. */
export function prepareRest(app: FastifyInstance, deps: RestDeps): void {
  const { world, credentials, limits, faults, calls } = deps;

  const beginCall = (request: FastifyRequest, context: CallContext): void => {
    const verdict = credentials.authenticate(request.headers.authorization);
    if (!verdict.ok) throw new HttpError(verdict.status, verdict.message);
    context.credential = verdict.credential;
    const name = credentialName(verdict.credential);
    const route = `${request.method} ${request.routeOptions.url ?? context.path}`;
    const refused = limits.begin(name, request.method, route, context.free);
    if (refused?.kind === 'secondary') throw secondaryLimit(refused.retryAfterSeconds);
    if (refused?.kind === 'primary') throw new HttpError(403, `API rate limit exceeded for ${name}.`);
    context.counted = true;
  };

  app.addHook('onRequest', async (request) => {
    const context = calls.open(request);
    beginCall(request, context);
    context.faults = faults.hitting(request.method, context.path);
    for (const fault of context.faults) {
      if (fault.kind === 'latency') await new Promise<void>((resolve) => void world.after(fault.ms, resolve));
      if (fault.kind === 'held') await calls.holding(request, faults.removed(fault));
      if (fault.kind === 'call-lost') {
        dropConnection(request);
        throw new HttpError(503, 'The connection was dropped.');
      }
      throwFault(fault);
    }
  });

  const finish = (request: FastifyRequest, status: number | null): void => {
    const context = calls.of(request);
    if (context.recorded) return;
    context.recorded = true;
    const credential = credentialName(context.credential);
    if (context.counted) limits.end(credential);
    const { startedAt: at, path, query } = context;
    calls.record({ at, durationMs: Date.now() - at, method: request.method, path, query, status, credential });
  };

  /** What is written to the connection afterwards goes nowhere. */
  const dropConnection = (request: FastifyRequest): void => {
    finish(request, null);
    request.raw.socket.destroy();
  };

  app.addHook('onSend', async (request, reply, payload) => {
    const context = calls.of(request);
    if (context.faults.some(({ kind }) => kind === 'answer-lost')) dropConnection(request);
    const isSame = reply.statusCode === 200 && request.method === 'GET' && matchesEtag(request, reply, payload);
    if (isSame) {
      if (!context.free) limits.giveBack(credentialName(context.credential));
      void reply.code(304);
    }
    setHeaders(reply, limits, context);
    return isSame ? null : payload;
  });
  app.addHook('onResponse', async (request, reply) => finish(request, reply.statusCode));

  app.setErrorHandler(async (error, _request, reply) => {
    if (error instanceof HttpError) return reply.code(error.status).headers(error.headers).send(error.body);
    const { statusCode } = error as { readonly statusCode?: number };
    const known = new HttpError(statusCode ?? 500, statusCode === 400 ? 'Problems parsing JSON' : 'Server Error');
    return reply.code(known.status).send(known.body);
  });
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send(notFound().body));
}

/** Sets the answer's ETag and says whether the caller has that already. */
function matchesEtag(request: FastifyRequest, reply: FastifyReply, payload: unknown): boolean {
  const etag = `W/"${createHash('sha256').update(String(payload)).digest('hex')}"`;
  void reply.header('etag', etag).header('cache-control', 'private, max-age=60, s-maxage=60');
  const known = request.headers['if-none-match'];
  return known !== undefined && known.split(',').some((each) => each.trim().replace(/^W\//, '') === etag.slice(2));
}

function setHeaders(reply: FastifyReply, limits: Limits, context: CallContext): void {
  const { limit, remaining, reset } = limits.bucket(credentialName(context.credential));
  void reply.headers({
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-used': String(limit - remaining),
    'x-ratelimit-reset': String(reset),
    'x-ratelimit-resource': 'core',
    'x-github-request-id': randomBytes(8).toString('hex').toUpperCase(),
    'x-github-api-version-selected': API_VERSION,
    'x-github-media-type': 'github.v3; format=json',
  });
}
