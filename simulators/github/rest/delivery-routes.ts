/** REST of hooks' delivery logs: repositories, organisations, and the App's own hook. Enterprises have none. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { accountId, repoId } from '../bodies/account.js';
import { isoSeconds, originOf } from '../bodies/urls.js';
import type { DeliveryLog, LoggedDelivery } from '../delivery-log.js';
import type { Hook, Hooks } from '../hooks.js';
import type { Webhooks } from '../webhooks.js';
import type { World } from '../world.js';
import { scopeOf } from './guard.js';
import type { Guard, Level, ScopeParams } from './guard.js';
import { notFound } from './http-error.js';
import { cursorPageOf, pageOf } from './paging.js';

interface Deps {
  readonly world: World;
  readonly guard: Guard;
  readonly hooks: Hooks;
  readonly deliveries: DeliveryLog;
  readonly webhooks: Webhooks;
}

interface HookParams extends ScopeParams {
  readonly hook: string;
  readonly delivery: string;
}

type FindHook = (request: FastifyRequest, level: Level) => Hook;

function itemBody({ delivery, detail }: LoggedDelivery) {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: new Date(delivery.deliveredAt).toISOString(),
    redelivery: delivery.redelivery,
    duration: delivery.durationMs / 1_000,
    status: delivery.status,
    status_code: delivery.statusCode ?? 0,
    event: delivery.event,
    action: delivery.action,
    installation_id: detail.installationId,
    repository_id: repoId(detail.owner, detail.repo),
    throttled_at: null,
  };
}

function detailBody(logged: LoggedDelivery) {
  const { url, requestHeaders, json, responseHeaders, responseBody } = logged.detail;
  return {
    ...itemBody(logged),
    url,
    request: { headers: requestHeaders, payload: JSON.parse(json) as unknown },
    response: { headers: responseHeaders, payload: responseBody },
  };
}

export function addDeliveryRoutes(app: FastifyInstance, deps: Deps): void {
  const { guard, hooks, world } = deps;
  const scopedHook: FindHook = (request, level) => {
    const params = request.params as HookParams;
    const scope = scopeOf(params);
    guard.allow(request, scope, scope.kind === 'repo' ? 'repository_hooks' : 'organization_hooks', level);
    const hook = hooks.find(Number(params.hook));
    if (hook === undefined || hooks.targetId(hook) !== targetOf(params) || hook.kind === 'integration')
      throw notFound();
    return hook;
  };
  const appHook: FindHook = (request) => {
    const { id } = guard.app(request);
    const hook = hooks.all().find((each) => each.kind === 'integration' && hooks.targetId(each) === id);
    if (hook === undefined) throw notFound();
    return hook;
  };
  for (const scope of ['/repos/:owner/:repo', '/orgs/:org']) {
    addHookList(app, `${scope}/hooks`, { world, guard, hooks });
    addRoutes(app, `${scope}/hooks/:hook/deliveries`, scopedHook, deps);
  }
  addRoutes(app, '/app/hook/deliveries', appHook, deps);
}

const targetOf = ({ owner = '', repo, org }: ScopeParams): number =>
  repo === undefined ? accountId(org ?? '') : repoId(owner, repo);

function addRoutes(app: FastifyInstance, path: string, findHook: FindHook, { deliveries, webhooks }: Deps): void {
  const find = (request: FastifyRequest, level: Level): LoggedDelivery => {
    const hook = findHook(request, level);
    const logged = deliveries.find(hook.id, Number((request.params as HookParams).delivery));
    if (logged === undefined) throw notFound();
    return logged;
  };
  app.get<{ Querystring: { status?: string } }>(path, async (request, reply) => {
    const wanted = request.query.status;
    const all = deliveries.list(findHook(request, 'read').id).filter(({ delivery }) => {
      return wanted === undefined || (delivery.status === 'OK') === (wanted === 'success');
    });
    return cursorPageOf(request, reply, all, ({ delivery }) => delivery.id).map(itemBody);
  });
  app.get(`${path}/:delivery`, async (request) => detailBody(find(request, 'read')));
  app.post(`${path}/:delivery/attempts`, async (request, reply) => {
    webhooks.redeliver(find(request, 'write'));
    void reply.code(202);
    return {};
  });
}

function addHookList(
  app: FastifyInstance,
  path: string,
  { world, guard, hooks }: Pick<Deps, 'world' | 'guard' | 'hooks'>,
) {
  app.get<{ Params: ScopeParams }>(path, async (request, reply) => {
    const scope = scopeOf(request.params);
    guard.allow(request, scope, scope.kind === 'repo' ? 'repository_hooks' : 'organization_hooks', 'read');
    const kind = scope.kind === 'repo' ? 'repository' : 'organization';
    const here = hooks.all().filter((hook) => hook.kind === kind && hooks.targetId(hook) === targetOf(request.params));
    return pageOf(request, reply, here).map((hook) => hookBody(world, path, request.params, hook));
  });
}

function hookBody(world: World, path: string, params: ScopeParams, hook: Hook) {
  const filled = path.replace(/:(\w+)/g, (_, name: keyof ScopeParams) => params[name] ?? '');
  const url = `${originOf(world.url).api}${filled}/${hook.id}`;
  const at = isoSeconds(Date.UTC(2024, 0, 1));
  return {
    type: hook.kind === 'repository' ? 'Repository' : 'Organization',
    id: hook.id,
    name: 'web',
    active: true,
    events: ['workflow_job'],
    config: {
      url: hook.url,
      content_type: hook.contentType ?? 'json',
      insecure_ssl: '0',
      ...(hook.secret === undefined ? {} : { secret: '********' }),
    },
    url,
    test_url: `${url}/test`,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
    created_at: at,
    updated_at: at,
    last_response: { code: null, status: 'unused', message: null },
  };
}
