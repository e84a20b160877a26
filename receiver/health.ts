import type { FastifyInstance } from 'fastify';
import { within } from './within.js';

const PROBE_TIMEOUT_MS = 2_000;

/** An answer is good for this long: whoever may reach the webhook may ask here, too, and must not burden Temporal. */
const PROBE_AGE_MS = 1_000;

/** `/healthcheck` and `/livez`: the process serves. `/readyz`: Temporal can take events, too. */
export function addHealthRoutes(app: FastifyInstance, probe: () => Promise<void>): void {
  const isReady = createReadiness(probe);
  for (const path of ['/healthcheck', '/livez'])
    app.get(path, (_request, reply) => reply.type('text/plain').send('ok'));
  app.get('/readyz', async (_request, reply) => {
    const ready = await isReady();
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'ok' : 'Temporal cannot be reached');
  });
}

function createReadiness(probe: () => Promise<void>): () => Promise<boolean> {
  let last: { readonly at: number; readonly answer: Promise<boolean> } | undefined;
  const ask = async (): Promise<boolean> => {
    try {
      await within(PROBE_TIMEOUT_MS, probe(), () => new Error('no answer'));
      return true;
    } catch {
      return false;
    }
  };
  return () => {
    if (last === undefined || performance.now() - last.at > PROBE_AGE_MS)
      last = { at: performance.now(), answer: ask() };
    return last.answer;
  };
}
