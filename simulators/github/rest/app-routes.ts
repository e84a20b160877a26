/** REST of GitHub Apps and their installations, and of rate limits. */

import type { FastifyInstance } from 'fastify';
import { repositoryBody, userBody } from '../bodies/account.js';
import { isoSeconds, originOf } from '../bodies/urls.js';
import { repoFacts } from '../bodies/webhook.js';
import { ALL_PERMISSIONS, credentialName } from '../credentials.js';
import type { Credentials } from '../credentials.js';
import type { Limits } from '../limits.js';
import { sameName } from '../names.js';
import type { AppOptions, InstallationOptions } from '../options.js';
import { findOwner, hasRepo } from '../world.js';
import type { World } from '../world.js';
import type { Calls } from './calls.js';
import type { Guard, ScopeParams } from './guard.js';
import { notFound } from './http-error.js';
import { pageOf } from './paging.js';

interface Deps {
  readonly world: World;
  readonly guard: Guard;
  readonly credentials: Credentials;
  readonly calls: Calls;
  readonly limits: Limits;
}

const INSTALLED_AT = Date.UTC(2024, 0, 1);

const slugOf = (app: AppOptions): string => app.slug ?? `app-${app.id}`;

function installationBody(world: World, app: AppOptions, installation: InstallationOptions) {
  const { api, web } = originOf(world.url);
  const type = findOwner(world.settings, installation.owner)?.type ?? 'Organization';
  const account = userBody({ api, web }, installation.owner, type);
  const path = type === 'User' ? '' : `/organizations/${installation.owner}`;
  return {
    id: installation.id,
    account,
    repository_selection: 'all',
    access_tokens_url: `${api}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${api}/installation/repositories`,
    html_url: `${web}${path}/settings/installations/${installation.id}`,
    app_id: app.id,
    ...(app.clientId === undefined ? {} : { client_id: app.clientId }),
    app_slug: slugOf(app),
    target_id: account.id,
    target_type: type,
    permissions: installation.permissions ?? ALL_PERMISSIONS,
    events: ['workflow_job'],
    created_at: isoSeconds(INSTALLED_AT),
    updated_at: isoSeconds(INSTALLED_AT),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: null,
    suspended_at: null,
  };
}

export function addAppRoutes(app: FastifyInstance, deps: Deps): void {
  const { world, guard, credentials } = deps;
  const byId = (owner: AppOptions, id: string): InstallationOptions => {
    const found = owner.installations.find((installation) => String(installation.id) === id);
    if (found === undefined) throw notFound();
    return found;
  };
  const byOwner = (caller: AppOptions, login: string): InstallationOptions => {
    const found = caller.installations.find(({ owner }) => sameName(owner, login));
    if (found === undefined) throw notFound();
    return found;
  };

  app.get('/app/installations', async (request, reply) => {
    const caller = guard.app(request);
    const page = pageOf(request, reply, caller.installations);
    return page.map((installation) => installationBody(world, caller, installation));
  });
  app.get<{ Params: { id: string } }>('/app/installations/:id', async (request) => {
    const caller = guard.app(request);
    return installationBody(world, caller, byId(caller, request.params.id));
  });
  app.post<{ Params: { id: string } }>('/app/installations/:id/access_tokens', async (request, reply) => {
    const caller = guard.app(request);
    const installation = byId(caller, request.params.id);
    const { token, expiresAt } = credentials.installationToken(caller, installation);
    void reply.code(201);
    const permissions = installation.permissions ?? ALL_PERMISSIONS;
    return { token, expires_at: isoSeconds(expiresAt), permissions, repository_selection: 'all' };
  });
  for (const path of ['/orgs/:org/installation', '/users/:org/installation', '/repos/:owner/:repo/installation']) {
    app.get<{ Params: ScopeParams }>(path, async (request) => {
      const caller = guard.app(request);
      const { org, owner = '', repo } = request.params;
      if (repo !== undefined && !hasRepo(world.settings, owner, repo)) throw notFound();
      return installationBody(world, caller, byOwner(caller, org ?? owner));
    });
  }
  addRepoRoute(app, deps);
  addRepoList(app, deps);
  addRateLimitRoute(app, deps);
}

function addRepoRoute(app: FastifyInstance, { world, guard }: Deps): void {
  app.get<{ Params: { owner: string; repo: string } }>('/repos/:owner/:repo', async (request) => {
    const { owner, repo } = request.params;
    guard.allow(request, { kind: 'repo', owner, repo }, 'actions', 'read');
    const body = repositoryBody(originOf(world.url), repoFacts(world, owner, repo));
    return { ...body, network_count: 0, subscribers_count: 0 };
  });
}

/** The repositories that there are; where any may be, those that had a run. The one with the newest run first. */
function addRepoList(app: FastifyInstance, { world, guard }: Deps): void {
  app.get<{ Params: { org: string } }>('/orgs/:org/repos', async (request, reply) => {
    const { org } = request.params;
    guard.allow(request, { kind: 'org', owner: org }, 'metadata', 'read');
    const owner = findOwner(world.settings, org);
    if (owner === undefined || owner.type === 'User') throw notFound();
    const used = [...world.runs.values()].filter((run) => sameName(run.owner, org)).reverse();
    const names = [...new Set([...used.map(({ repo }) => repo), ...(owner.repos ?? []), ...(owner.publicRepos ?? [])])];
    const { api, web } = originOf(world.url);
    return pageOf(request, reply, names).map((repo) =>
      repositoryBody({ api, web }, repoFacts(world, owner.login, repo)),
    );
  });
}

/** Other resources than `core`, with GitHub's sizes; the simulator counts `core` alone. */
const OTHER_RESOURCES = { search: 30, graphql: 5_000, actions_runner_registration: 10_000 };

function addRateLimitRoute(app: FastifyInstance, { calls, limits }: Deps): void {
  app.get('/rate_limit', async (request) => {
    const { limit, remaining, reset } = limits.bucket(credentialName(calls.of(request).credential));
    const core = { limit, used: limit - remaining, remaining, reset };
    const others = Object.entries(OTHER_RESOURCES).map(([name, size]) => {
      return [name, { limit: size, used: 0, remaining: size, reset }] as const;
    });
    return { resources: { core, ...Object.fromEntries(others) }, rate: core };
  });
}
