import { Buffer } from 'node:buffer';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type pino from 'pino';
import type { Secret } from '../config/secret.js';
import type { Intake } from '../jobs/intake.js';
import { decide } from './decide.js';
import type { AboutJob, WebhookResult } from './decide.js';
import type { JobStart } from '../jobs/job-start.js';
import { TemporalUnavailable } from '../temporal/job-starter.js';
import type { JobStarter } from '../temporal/job-starter.js';
import type { ReceiverMetrics } from './metrics.js';
import { checkSignature, isSignature } from './signature.js';
import { within } from './within.js';

export interface WebhookHandlerDeps {
  readonly secret: Secret;
  readonly temporal: JobStarter;
  readonly namePrefix: string;
  /** Whose jobs are taken. */
  readonly intake: Intake;
  readonly log: pino.Logger;
  readonly meter: ReceiverMetrics;
  readonly bodyLimit: number;
  readonly acceptTimeoutMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type Handle<Result = Promise<unknown>> = (request: FastifyRequest, reply: FastifyReply) => Result;

export interface WebhookHandler {
  /** Before the body is read: spares the memory for a stranger who doesn't even pretend to sign. */
  readonly unsigned: Handle<Promise<void>>;
  readonly webhook: Handle;
  /** What the server itself refuses: bodies that are too large, or cut off, or of a content type that is none. */
  readonly failed: (error: Error & { readonly statusCode?: number }, ...rest: Parameters<Handle>) => FastifyReply;
}

/** Happen all day long where Berth shares a hook with others. */
const UNREMARKABLE: ReadonlySet<WebhookResult> = new Set(['accepted', 'ignored-event', 'ignored-action', 'foreign']);

export function createWebhookHandler(deps: WebhookHandlerDeps): WebhookHandler {
  return {
    unsigned: async (request, reply) => {
      const signature = header(request, 'x-hub-signature-256');
      // Too large is told first, by the server.
      if (isSignature(signature) || Number(request.headers['content-length']) > deps.bodyLimit) return;
      await answer(deps, request, reply, 401, 'bad-signature', `the signature is ${signature ? 'wrong' : 'missing'}`);
    },
    webhook: (request, reply) => takeWebhook(deps, request, reply),
    failed: (error, request, reply) => {
      const status = error.statusCode ?? 500;
      if (status === 413) return answer(deps, request, reply, 413, 'too-large', 'the body is larger than 25 MB');
      if (status === 415) return answer(deps, request, reply, 415, 'unsupported-type', 'the content type is not valid');
      if (status < 500) return answer(deps, request, reply, status, 'not-a-webhook', 'the request is not valid HTTP');
      deps.log.error({ err: error }, 'request failed');
      return reply.code(500).send({ result: 'failed', reason: 'an error in Berth; its log has it' });
    },
  };
}

/** Signature, then what it is, then Temporal; each is reached only when the one before is right. */
async function takeWebhook(deps: WebhookHandlerDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const check = checkSignature(body, header(request, 'x-hub-signature-256'), deps.secret);
  if (check !== 'ok') return answer(deps, request, reply, 401, 'bad-signature', `the signature is ${check}`);
  const event = header(request, 'x-github-event');
  const contentType = header(request, 'content-type');
  const delivery = { id: deliveryId(request), receivedAt: deps.now() };
  const decision = decide({ ...delivery, event, contentType, body }, deps);
  if (decision.kind === 'start') return handOver(deps, request, reply, decision.start);
  return answer(deps, request, reply, decision.status, decision.result, decision.reason, decision.about);
}

async function handOver(
  deps: WebhookHandlerDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  start: JobStart,
): Promise<unknown> {
  const { temporal, log, meter, acceptTimeoutMs: limit } = deps;
  const { jobId: job, action, owner, repo, deliveryId: delivery } = start.event;
  const began = performance.now();
  try {
    await within(limit, temporal.accept(start), () => new TemporalUnavailable(`no answer within ${limit} ms`));
  } catch (err) {
    log.error({ err, job, delivery }, 'event not accepted by temporal');
    return answer(deps, request, reply, 503, 'unavailable', 'Temporal cannot take the event now; redeliver it later');
  }
  meter.observeAccept((performance.now() - began) / 1000);
  log.info({ job, action, repo: `${owner}/${repo}`, verdict: start.verdict, delivery }, 'event accepted');
  return answer(deps, request, reply, 202, 'accepted', `job ${job}: ${action}`);
}

function answer(
  { log, meter }: WebhookHandlerDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  result: WebhookResult,
  reason: string,
  about?: AboutJob,
): FastifyReply {
  const delivery = deliveryId(request);
  meter.count(result);
  const level = status >= 500 ? 'error' : UNREMARKABLE.has(result) ? 'debug' : 'warn';
  log[level]({ ...about, delivery, result, reason, status }, 'webhook answered');
  return reply.code(status).send({ result, reason, delivery });
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** GitHub's are GUIDs; whatever else comes is not carried into logs and histories. */
function deliveryId(request: FastifyRequest): string | null {
  const id = header(request, 'x-github-delivery') ?? '';
  return /^[A-Za-z0-9-]{1,64}$/.test(id) ? id : null;
}
