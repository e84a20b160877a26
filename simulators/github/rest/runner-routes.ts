/** REST of self-hosted runners, for repositories, organisations and enterprises alike. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { groupBody, runnerBody } from '../bodies/runner.js';
import { originOf } from '../bodies/urls.js';
import type { Credentials } from '../credentials.js';
import type { Registrations } from '../registrations.js';
import type { Sessions } from '../sessions.js';
import type { SimRunner, SimScope } from '../types.js';
import type { World } from '../world.js';
import type { Guard, ScopeParams } from './guard.js';
import { HttpError, notFound, unprocessable } from './http-error.js';
import { pageOf } from './paging.js';

export interface RunnerRouteDeps {
  readonly world: World;
  readonly guard: Guard;
  readonly credentials: Credentials;
  readonly registrations: Registrations;
  readonly sessions: Sessions;
}

const SCOPES = ['/repos/:owner/:repo', '/orgs/:org', '/enterprises/:enterprise'];

/** REST "Create configuration for a just-in-time runner": limits of name and labels. */
const MAX_NAME = 64;
const MAX_LABELS = 100;

/** GitHub's own hosted runners live in this group; nothing can be registered to it. */
const HOSTED_GROUP = 2;

interface JitBody {
  readonly name: string;
  readonly runner_group_id: number;
  readonly labels: readonly string[];
  readonly work_folder: string;
}

function readJitBody(body: unknown): JitBody {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Partial<Record<keyof JitBody, unknown>>;
  const { name, runner_group_id: group, labels, work_folder: folder = '_work' } = given;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME) {
    throw unprocessable(`name must be a text of 1 to ${MAX_NAME} characters`);
  }
  if (typeof group !== 'number' || !Number.isInteger(group)) throw unprocessable('runner_group_id must be an integer');
  const isTexts = Array.isArray(labels) && labels.every((label) => typeof label === 'string' && label !== '');
  if (!isTexts || labels.length === 0 || labels.length > MAX_LABELS) {
    throw unprocessable(`labels must be 1 to ${MAX_LABELS} texts`);
  }
  if (typeof folder !== 'string') throw unprocessable('work_folder must be a text');
  return { name, runner_group_id: group, labels: labels as string[], work_folder: folder };
}

/** Registers the routes of all three scopes. */
export function addRunnerRoutes(app: FastifyInstance, deps: RunnerRouteDeps): void {
  for (const prefix of SCOPES) {
    addRegistrationRoutes(app, `${prefix}/actions/runners`, deps);
    addLookupRoutes(app, `${prefix}/actions/runners`, deps);
    if (prefix !== '/repos/:owner/:repo') addGroupRoute(app, `${prefix}/actions/runner-groups`, deps);
  }
}

function addRegistrationRoutes(app: FastifyInstance, path: string, deps: RunnerRouteDeps): void {
  const { guard, credentials, registrations } = deps;
  app.post<{ Params: ScopeParams }>(`${path}/generate-jitconfig`, async (request, reply) => {
    const scope = guard.runnerScope(request, request.params, 'write');
    const body = readJitBody(request.body);
    if (body.runner_group_id === HOSTED_GROUP) throw new HttpError(403, 'Runners cannot be added to a hosted group.');
    const { name, labels, runner_group_id: groupId, work_folder: workFolder } = body;
    const registered = registrations.register({ scope, name, labels, groupId, workFolder, ephemeral: true });
    if (registered === 'no-such-group') throw notFound();
    if (registered === 'name-taken') {
      throw new HttpError(409, `Already exists - A runner with the name ${name} already exists.`);
    }
    void reply.code(201);
    return { runner: runnerBody(registered.runner, false), encoded_jit_config: registered.encodedJitConfig };
  });
  for (const [name, use] of [
    ['registration-token', 'register'],
    ['remove-token', 'remove'],
  ] as const) {
    app.post<{ Params: ScopeParams }>(`${path}/${name}`, async (request, reply) => {
      const scope = guard.runnerScope(request, request.params, 'write');
      const { token, expiresAt } = credentials.runnerToken(use, scope);
      void reply.code(201);
      return { token, expires_at: new Date(expiresAt).toISOString() };
    });
  }
}

function addLookupRoutes(
  app: FastifyInstance,
  path: string,
  { world, guard, registrations, sessions }: RunnerRouteDeps,
) {
  /** GitHub shows `busy` late (actions/runner#4422). */
  const seemsBusy = (runner: SimRunner): boolean =>
    runner.jobId !== null && Date.now() - (runner.busySince ?? 0) >= world.reads.busyMs;

  const find = (request: FastifyRequest, level: 'read' | 'write'): SimRunner => {
    const params = request.params as ScopeParams & { readonly id: string };
    const scope = guard.runnerScope(request, params, level);
    const runner = registrations.inScope(scope).find(({ id }) => String(id) === params.id);
    if (runner === undefined) throw notFound();
    return runner;
  };

  const listed = (scope: SimScope, name: string | undefined): readonly SimRunner[] =>
    registrations
      .inScope(scope)
      .filter((runner) => name === undefined || runner.name === name)
      .filter((runner) => Date.now() - runner.createdAt >= world.reads.listMs);

  app.get<{ Params: ScopeParams; Querystring: { name?: string } }>(path, async (request, reply) => {
    const runners = listed(guard.runnerScope(request, request.params, 'read'), request.query.name);
    const page = pageOf(request, reply, runners).map((runner) => runnerBody(runner, seemsBusy(runner)));
    return { total_count: runners.length, runners: page };
  });
  app.get(`${path}/:id`, async (request) => {
    const runner = find(request, 'read');
    return runnerBody(runner, seemsBusy(runner));
  });
  app.delete(`${path}/:id`, async (request, reply) => {
    const runner = find(request, 'write');
    if (seemsBusy(runner))
      throw unprocessable(`Runner "${runner.name}" is currently running a job and cannot be deleted`);
    sessions.remove(runner.id, 'deleted');
    return reply.code(204).send();
  });
}

function addGroupRoute(app: FastifyInstance, path: string, { world, guard, registrations }: RunnerRouteDeps): void {
  app.get<{ Params: ScopeParams }>(path, async (request, reply) => {
    const scope = guard.runnerScope(request, request.params, 'read');
    const { api } = originOf(world.url);
    const url = scope.kind === 'org' ? `${api}/orgs/${scope.owner}` : `${api}/enterprises/${request.params.enterprise}`;
    const groups = registrations.groupsOf(scope);
    const page = pageOf(request, reply, groups).map((group) => groupBody(url, group));
    return { total_count: groups.length, runner_groups: page };
  });
}
