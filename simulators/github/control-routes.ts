/**
 * The powers of `Controls` over HTTP, below `/_sim`, for other processes. Bodies and answers are JSON.
 *
 * | call | does |
 * |---|---|
 * | `POST /jobs`, `POST /matrix` | `queueJob`, `queueMatrix` |
 * | `POST /jobs/{id}/approve`, `/release`, `/finish`, `/cancel {force?}`, `/rerun` | as named |
 * | `POST /runs/{id}/cancel {force?}`, `/rerun {which}`; `PUT /runs/{id}/state` | `cancelRun`, `rerunRun`, `setRunState` |
 * | `POST /foreign-runners`; `DELETE /runners/{id}` | `addForeignRunner`, `removeRunner` |
 * | `PUT /assignment`; `POST`, `DELETE /never-assign` | `setAssignment`, `neverAssign`, `allowAll` |
 * | `POST /hooks`, `DELETE /hooks/{id}`; `PUT /nasty`; `POST /events {event, owner, repo, body}` | deliveries |
 * | `PUT /reads`, `PUT /limits`; `POST`, `DELETE /faults`, `DELETE /faults/{id}`; `POST /revoke-tokens` | REST |
 * | `GET /snapshot`, `/history`, `/runner-history`, `/calls`; `DELETE /calls` | what happened |
 * | `POST /wait {jobIds?, status?, timeoutMs?}` | 200 `{done, jobs}` once all these jobs have the status (`completed`) |
 *
 * What `Controls` throws is answered 400 `{message}`.
 */

import type { FastifyInstance } from 'fastify';
import type { AssignmentOptions } from './assignment.js';
import type { Controls } from './controls.js';
import type { Fault } from './faults.js';
import type { ForeignRunnerOptions } from './foreign-runner.js';
import type { QueueMatrixOptions } from './jobs.js';
import type { HookOptions } from './options.js';
import type { JobStatus, RunState, Snapshot } from './types.js';

export const CONTROL_PREFIX = '/_sim';

interface WithId {
  readonly id: string;
}

interface ForceBody {
  readonly force?: boolean;
}

export function addControlRoutes(app: FastifyInstance, controls: Controls): void {
  app.setErrorHandler(async (error, _request, reply) => {
    return reply.code(400).send({ message: error instanceof Error ? error.message : String(error) });
  });
  addJobControls(app, controls);
  addRunnerControls(app, controls);
  addFaultControls(app, controls);
  addObservations(app, controls);
}

function queueOptions(body: unknown): QueueMatrixOptions {
  const options = (body ?? {}) as Partial<QueueMatrixOptions>;
  const { labels, count = 1 } = options;
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string')) {
    throw new Error('labels must be a list of texts');
  }
  if (!Number.isInteger(count) || count < 1) throw new Error('count must be a whole number from 1');
  return { ...options, labels, count };
}

function addJobControls(app: FastifyInstance, controls: Controls): void {
  app.post('/jobs', async (request) => controls.queueJob(queueOptions(request.body)));
  app.post('/matrix', async (request) => controls.queueMatrix(queueOptions(request.body)));
  app.post<{ Params: WithId }>('/jobs/:id/approve', async ({ params }) => controls.approveJob(Number(params.id)));
  app.post<{ Params: WithId }>('/jobs/:id/release', async ({ params }) => controls.releaseJob(Number(params.id)));
  app.post<{ Params: WithId }>('/jobs/:id/finish', async ({ params }) => {
    controls.finishJob(Number(params.id));
    return {};
  });
  app.post<{ Params: WithId }>('/jobs/:id/rerun', async ({ params }) => controls.rerunJob(Number(params.id)));
  app.post<{ Params: WithId; Body: ForceBody | null }>('/jobs/:id/cancel', async ({ params, body }) => {
    controls.cancelJob(Number(params.id), body?.force ?? false);
    return {};
  });
  app.post<{ Params: WithId; Body: ForceBody | null }>('/runs/:id/cancel', async ({ params, body }) => {
    controls.cancelRun(Number(params.id), body?.force ?? false);
    return {};
  });
  app.post<{ Params: WithId; Body: { which?: 'all' | 'failed' } | null }>('/runs/:id/rerun', async ({ params, body }) =>
    controls.rerunRun(Number(params.id), body?.which ?? 'all'),
  );
  app.put<{ Params: WithId; Body: RunState | null }>('/runs/:id/state', async ({ params, body }) => {
    controls.setRunState(Number(params.id), body);
    return {};
  });
}

function addRunnerControls(app: FastifyInstance, controls: Controls): void {
  app.post<{ Body: ForeignRunnerOptions }>('/foreign-runners', async ({ body }) => controls.addForeignRunner(body));
  app.delete<{ Params: WithId }>('/runners/:id', async ({ params }) => {
    controls.removeRunner(Number(params.id));
    return {};
  });
  app.put<{ Body: AssignmentOptions }>('/assignment', async ({ body }) => {
    controls.setAssignment(body);
    return {};
  });
  app.post<{ Body: { name?: string; next?: number } }>('/never-assign', async ({ body }) => {
    controls.neverAssign(body);
    return {};
  });
  app.delete('/never-assign', async () => {
    controls.allowAll();
    return {};
  });
}

interface EventBody {
  readonly event: string;
  readonly owner: string;
  readonly repo: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

function addFaultControls(app: FastifyInstance, controls: Controls): void {
  app.post<{ Body: HookOptions }>('/hooks', async ({ body }) => ({ id: controls.addHook(body).id }));
  app.delete<{ Params: WithId }>('/hooks/:id', async ({ params }) => {
    controls.removeHook(Number(params.id));
    return {};
  });
  app.post<{ Body: EventBody }>('/events', async ({ body }) => {
    controls.sendEvent(body.event, body.owner, body.repo, body.body ?? {});
    return {};
  });
  app.post<{ Body: Fault }>('/faults', async ({ body }) => ({ id: controls.addFault(body) }));
  app.delete<{ Params: WithId }>('/faults/:id', async ({ params }) => {
    controls.removeFault(Number(params.id));
    return {};
  });
  const settings: Readonly<Record<string, (body: unknown) => void>> = {
    '/nasty': (body) => controls.setNasty(body ?? {}),
    '/reads': (body) => controls.setReads(body ?? {}),
    '/limits': (body) => controls.setLimits(body ?? {}),
  };
  for (const [path, set] of Object.entries(settings)) {
    app.put(path, async ({ body }) => {
      set(body);
      return {};
    });
  }
  app.delete('/faults', async () => {
    controls.clearFaults();
    return {};
  });
  app.post('/revoke-tokens', async () => {
    controls.revokeTokens();
    return {};
  });
}

interface WaitBody {
  readonly jobIds?: readonly number[];
  readonly status?: JobStatus;
  readonly timeoutMs?: number;
}

const WAIT_MS = 30_000;

function addObservations(app: FastifyInstance, controls: Controls): void {
  app.get('/snapshot', async () => controls.snapshot());
  app.get('/history', async () => controls.history());
  app.get('/runner-history', async () => controls.runnerHistory());
  app.get('/calls', async () => controls.calls());
  app.delete('/calls', async () => {
    controls.clearCalls();
    return {};
  });
  app.post<{ Body: WaitBody | null }>('/wait', async ({ body }) => {
    const { jobIds, status = 'completed', timeoutMs = WAIT_MS } = body ?? {};
    const wanted = ({ jobs }: Snapshot) => jobs.filter(({ id }) => jobIds?.includes(id) ?? true);
    const all = (now: Snapshot): boolean => {
      const jobs = wanted(now);
      return jobs.length >= (jobIds?.length ?? 1) && jobs.every((job) => job.status === status);
    };
    const done = await controls.waitFor(all, timeoutMs).catch(() => false);
    return { done, jobs: wanted(controls.snapshot()) };
  });
}
