import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import type pino from 'pino';
import type { Registry } from 'prom-client';
import type { Secret } from '../config/secret.js';
import { EVERYBODY } from '../jobs/intake.js';
import type { Intake } from '../jobs/intake.js';
import { addHealthRoutes } from './health.js';
import type { JobStarter } from '../temporal/job-starter.js';
import { createReceiverMetrics } from './metrics.js';
import { createWebhookHandler } from './webhook-handler.js';

/** anklet's address first, so that hooks keep working. */
const WEBHOOK_PATHS: readonly string[] = ['/jobs/v1/receiver', '/webhooks/github'];

/** GitHub's own limit on a delivery. */
export const BODY_LIMIT = 25 * 1024 * 1024;

/** GitHub waits 10 s for an answer; the rest of it is for the network. */
const ACCEPT_TIMEOUT_MS = 8_000;

export interface ReceiverOptions {
  readonly secret: Secret;
  readonly temporal: JobStarter;
  /** Rejects while Temporal cannot take events; for `/readyz`. */
  readonly probe: () => Promise<void>;
  readonly namePrefix: string;
  /** Whose jobs are taken; default: everybody's. */
  readonly intake?: Intake;
  readonly log: pino.Logger;
  readonly metrics: Registry;
  readonly paths?: readonly string[];
  /** How long a client may take for its headers and for the whole request. */
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly acceptTimeoutMs?: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** The app that takes webhooks, not yet listening. Answers 2xx to a job's event only when Temporal has it. */
export function createReceiver(options: ReceiverOptions): FastifyInstance {
  const requestTimeout = options.requestTimeoutMs ?? 15_000;
  const headersTimeout = options.headersTimeoutMs ?? 5_000;
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout,
    // Node looks for late clients this often; its own 30 s would be longer than the limits.
    http: { headersTimeout, connectionsCheckingInterval: Math.min(1_000, headersTimeout) },
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
  });
  // The signature is over the bytes, and nothing reads them before it is checked.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  const handler = createWebhookHandler({
    ...options,
    intake: options.intake ?? EVERYBODY,
    meter: createReceiverMetrics(options.metrics),
    bodyLimit: BODY_LIMIT,
    acceptTimeoutMs: options.acceptTimeoutMs ?? ACCEPT_TIMEOUT_MS,
    now: options.now ?? Date.now,
  });
  for (const path of options.paths ?? WEBHOOK_PATHS) {
    app.post(path, { onRequest: handler.unsigned }, handler.webhook);
  }
  addHealthRoutes(app, options.probe);
  app.setErrorHandler(handler.failed);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ result: 'not-found' }));
  return app;
}
