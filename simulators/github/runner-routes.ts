/** Serves `runner-protocol.ts`. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Credentials } from './credentials.js';
import { sameName } from './names.js';
import type { Registrations } from './registrations.js';
import { HttpError } from './rest/http-error.js';
import { MAX_WAIT_MS, decodeJitConfig } from './runner-protocol.js';
import type {
  CancelledReply,
  CompletedReply,
  CompletedRequest,
  JobMessage,
  RegisterReply,
  RegisterRequest,
  RemoveRequest,
  SessionReply,
  SessionRequest,
} from './runner-protocol.js';
import type { Sessions } from './sessions.js';
import { sameScope } from './registrations.js';
import type { SimJob, SimRunner, SimScope } from './types.js';

interface Deps {
  readonly credentials: Credentials;
  readonly registrations: Registrations;
  readonly sessions: Sessions;
}

interface WaitQuery {
  readonly waitMs?: string;
}

const waitOf = (query: WaitQuery): number => Math.min(MAX_WAIT_MS, Math.max(0, Number(query.waitMs ?? 0) || 0));

/** Aborts when the caller hangs up before it has its answer. */
function hangUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** The scope that a `config.sh --url` names. */
function scopeOfUrl(url: string): SimScope | undefined {
  const parts = URL.canParse(url) ? new URL(url).pathname.split('/').filter((part) => part !== '') : [];
  const [first, second] = parts;
  if (first === undefined || parts.length > 2) return undefined;
  if (second === undefined) return { kind: 'org', owner: first };
  return first === 'enterprises'
    ? { kind: 'enterprise', enterprise: second }
    : { kind: 'repo', owner: first, repo: second };
}

function messageOf(job: SimJob, runner: string): JobMessage {
  const { id: jobId, runId, runAttempt, owner, repo, name, durationMs, wantedConclusion: conclusion } = job;
  const env = {
    GITHUB_REPOSITORY: `${owner}/${repo}`,
    GITHUB_RUN_ID: String(runId),
    GITHUB_RUN_ATTEMPT: String(runAttempt),
    GITHUB_JOB: name,
    GITHUB_WORKFLOW: job.workflowName ?? '',
    RUNNER_NAME: runner,
  };
  return { jobId, runId, runAttempt, owner, repo, name, durationMs, conclusion, env };
}

export function addRunnerProtocol(app: FastifyInstance, deps: Deps): void {
  addConfigRoutes(app, deps);
  addSessionRoutes(app, deps);
  addJobRoutes(app, deps);
}

/** The runner whose secret the call carries. */
function callerOf({ registrations }: Deps, request: FastifyRequest): SimRunner {
  const secret = /^bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const runner = registrations.bySecret(secret);
  if (runner !== undefined) return runner;
  throw registrations.isGone(secret)
    ? new HttpError(404, 'the registration of this runner is gone')
    : new HttpError(401, 'the secret belongs to no runner');
}

function addConfigRoutes(app: FastifyInstance, { credentials, registrations, sessions }: Deps): void {
  app.post('/register', async (request, reply) => {
    const { token, name, labels, url, ephemeral, replace, runnergroup } = readRegister(request.body);
    const scope = credentials.scopeOfRunnerToken('register', token);
    if (scope === undefined) throw new HttpError(401, 'the registration token is unknown or too old');
    const asked = scopeOfUrl(url);
    if (asked === undefined || !sameScope(asked, scope)) throw new HttpError(404, 'the url does not fit the token');
    const group = registrations.groupsOf(scope).find((each) => sameName(each.name, runnergroup));
    if (group === undefined) throw new HttpError(404, `there is no runner group ${runnergroup}`);
    const old = registrations.inScope(scope).find((runner) => sameName(runner.name, name));
    if (old !== undefined && !replace) throw new HttpError(409, `a runner named ${name} exists already`);
    if (old !== undefined) sessions.remove(old.id, 'removed-by-token');
    const made = registrations.register({ scope, name, labels, groupId: group.id, ephemeral, workFolder: '_work' });
    if (typeof made === 'string') throw new HttpError(409, `the runner was refused: ${made}`);
    void reply.code(201);
    const { encodedJitConfig } = made;
    return { ...decodeJitConfig(encodedJitConfig), encodedJitConfig } satisfies RegisterReply;
  });
  app.post<{ Body: Partial<RemoveRequest> | null }>('/remove', async (request, reply) => {
    const scope = credentials.scopeOfRunnerToken('remove', request.body?.token ?? '');
    if (scope === undefined) throw new HttpError(401, 'the remove token is unknown or too old');
    const runner = registrations.inScope(scope).find(({ name }) => name === request.body?.name);
    if (runner === undefined) throw new HttpError(404, 'there is no such runner');
    if (runner.jobId !== null) throw new HttpError(422, 'the runner is busy');
    sessions.remove(runner.id, 'removed-by-token');
    return reply.code(204).send();
  });
}

function readRegister(body: unknown): Required<RegisterRequest> {
  const given = (body ?? {}) as Readonly<Record<string, unknown>>;
  const { token, name, labels, url, ephemeral = false, replace = false, runnergroup = 'Default' } = given;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  if (!isText(token) || !isText(name) || !isText(url) || !isText(runnergroup) || !Array.isArray(labels)) {
    throw new HttpError(422, 'token, name, url and runnergroup must be texts, and labels a list of texts');
  }
  const texts = labels.filter(isText);
  return { token, name, url, runnergroup, labels: texts, ephemeral: ephemeral === true, replace: replace === true };
}

function addSessionRoutes(app: FastifyInstance, deps: Deps): void {
  const { sessions } = deps;
  app.post<{ Body: Partial<SessionRequest> | null }>('/session', async (request, reply) => {
    const runner = callerOf(deps, request);
    const { runnerId, os, version } = request.body ?? {};
    if (runnerId !== undefined && runnerId !== runner.id) throw new HttpError(401, 'the secret is another runner’s');
    const facts = { ...(os === undefined ? {} : { os }), ...(version === undefined ? {} : { version }) };
    const session = sessions.open(runner, facts);
    if (session === undefined) throw new HttpError(409, 'a session exists for this runner');
    void reply.code(201);
    return { sessionId: session.id, runnerName: runner.name } satisfies SessionReply;
  });
  app.get<{ Params: { id: string }; Querystring: WaitQuery }>('/session/:id/job', async (request, reply) => {
    const runner = callerOf(deps, request);
    const session = sessions.find(request.params.id);
    if (session?.runnerId !== runner.id) throw new HttpError(404, 'there is no such session');
    const release = sessions.hold(runner.id);
    try {
      const job = await sessions.nextJob(session, waitOf(request.query), hangUp(reply));
      if (job === 'gone') throw new HttpError(404, 'the registration of this runner is gone');
      return job === undefined ? await reply.code(204).send() : messageOf(job, runner.name);
    } finally {
      release();
    }
  });
  app.delete<{ Params: { id: string } }>('/session/:id', async (request, reply) => {
    const runner = callerOf(deps, request);
    if (sessions.find(request.params.id)?.runnerId !== runner.id) throw new HttpError(404, 'there is no such session');
    sessions.close(request.params.id);
    return reply.code(204).send();
  });
}

const CONCLUSIONS: readonly CompletedRequest['conclusion'][] = ['success', 'failure', 'cancelled'];

function addJobRoutes(app: FastifyInstance, deps: Deps): void {
  const { sessions } = deps;
  app.post<{ Params: { id: string } }>('/jobs/:id/started', async (request) => {
    const runner = callerOf(deps, request);
    sessions.hold(runner.id)();
    if (!sessions.start(runner, Number(request.params.id)))
      throw new HttpError(409, 'the job was cancelled or taken away');
    return {};
  });
  app.get<{ Params: { id: string }; Querystring: WaitQuery }>('/jobs/:id/cancelled', async (request, reply) => {
    const runner = callerOf(deps, request);
    const release = sessions.hold(runner.id);
    try {
      const wait = waitOf(request.query);
      const told = await sessions.toldTo(runner.id, Number(request.params.id), wait, hangUp(reply));
      return { cancelled: told === 'stop', finished: told === 'finish' } satisfies CancelledReply;
    } finally {
      release();
    }
  });
  app.post<{ Params: { id: string }; Body: Partial<CompletedRequest> | null }>(
    '/jobs/:id/completed',
    async (request) => {
      const runner = callerOf(deps, request);
      const conclusion = CONCLUSIONS.find((each) => each === request.body?.conclusion);
      if (conclusion === undefined) throw new HttpError(422, `conclusion must be one of ${CONCLUSIONS.join(', ')}`);
      const finished = sessions.finish(runner, Number(request.params.id), conclusion);
      if (finished === undefined) throw new HttpError(409, 'this runner has no such job');
      return finished satisfies CompletedReply;
    },
  );
}
