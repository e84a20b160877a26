import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { createAppAuth } from '@octokit/auth-app';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import * as formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { delivered, eventOf, jitRunner, serveOne, startReceiver, startSim } from './helpers.js';
import type { Sim } from './helpers.js';

type Node = Readonly<Record<string, unknown>>;

/** GitHub's own description of its REST answers. */
function loadDescription(): Node {
  const file = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json');
  return withNulls(JSON.parse(readFileSync(file, 'utf8'))) as Node;
}

/** OpenAPI's `nullable` said in JSON Schema; changes the description in place, because it is large. */
function withNulls(node: unknown): unknown {
  if (typeof node !== 'object' || node === null) return node;
  const record = node as Record<string, unknown>;
  for (const [key, value] of Object.entries(record)) record[key] = withNulls(value);
  if (record['nullable'] !== true) return record;
  delete record['nullable'];
  return { anyOf: [{ type: 'null' }, record] };
}

const description = loadDescription();
const ajv = new Ajv({ strict: false, allErrors: true, inlineRefs: false });
formats.default.default(ajv);
ajv.addSchema({ $id: 'https://description/', ...description });

const at = (node: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((each, key) => (each as Node | undefined)?.[key], node);

/** Checks an answer's body against the schema of its status; throws when GitHub has no such status there. */
function validatorOf(path: string, method: string, status: number): ValidateFunction | undefined {
  const place = ['paths', path, method.toLowerCase(), 'responses', String(status)];
  const response = at(description, ...place);
  if (response === undefined) throw new Error(`GitHub's ${method} ${path} never answers ${status}`);
  const ref = at(response, '$ref');
  const where = typeof ref === 'string' ? ref.slice(2).split('/') : place;
  const content = at(description, ...where, 'content') as Node | undefined;
  if (content === undefined) return undefined;
  const pointer = [...where, 'content', Object.keys(content)[0] ?? '', 'schema'].map((key) =>
    encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1')),
  );
  return ajv.compile({ $ref: `https://description/#/${pointer.join('/')}` });
}

const listValidator = (name: string): ValidateFunction =>
  ajv.compile({ type: 'array', minItems: 1, items: { $ref: `https://description/#/components/schemas/${name}` } });

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

const labels = ['self-hosted', 'macOS'];

/** A GitHub where everything has happened once. */
async function livelySim() {
  const receiver = await startReceiver();
  const common = { url: receiver.url, secret: 's' };
  const sim = await startSim({
    apps: [{ id: 7, clientId: 'Iv1.x', publicKey: keys.publicKey, installations: [{ id: 5, owner: 'acme' }] }],
    groups: [{ id: 3, name: 'Macs', owner: 'acme', repos: ['ios'] }],
    hooks: [
      { ...common, id: 1, kind: 'repository', owner: 'acme', repo: 'ios' },
      { ...common, id: 2, kind: 'organization', owner: 'acme' },
      { ...common, id: 3, kind: 'integration' },
    ],
  });
  const job = sim.queueJob({ repo: 'ios', labels });
  const runner = await jitRunner(sim, labels);
  await serveOne(runner, await runner.connect());
  const waiting = sim.queueJob({ repo: 'ios', labels, environmentGate: {} });
  const idle = await jitRunner(sim, labels);
  await idle.connect();
  await delivered(sim, 15);
  const ids = (hookId: number) => sim.snapshot().deliveries.find((each) => each.hookId === hookId)?.id ?? 0;
  const { token } = (await createAppAuth({ appId: 7, privateKey: keys.privateKey })({ type: 'app' })) as {
    token: string;
  };
  return { sim, job, waiting, idle, ids, jwt: token };
}

type Lively = Awaited<ReturnType<typeof livelySim>>;

interface Case {
  readonly name: string;
  readonly method: string;
  /** As GitHub's description names it. */
  readonly path: string;
  readonly fill?: (lively: Lively) => Readonly<Record<string, string | number>>;
  readonly status: number;
  readonly query?: string;
  readonly body?: unknown;
  readonly asApp?: boolean;
  /** Check as a list of this instead: the description's own copy asks for an account that is user and enterprise at once. */
  readonly listOf?: string;
}

const RUNS = '/repos/{owner}/{repo}/actions/runs';
const jit = { name: 'fresh', runner_group_id: 1, labels };

const scoped = (scope: string): Case[] => {
  const runners = `${scope}/actions/runners`;
  const fill = ({ idle }: Lively) => ({ runner_id: idle.id });
  const nobody = () => ({ runner_id: 999 });
  return [
    { name: 'jit', method: 'POST', path: `${runners}/generate-jitconfig`, status: 201, body: jit },
    { name: 'jit, bad', method: 'POST', path: `${runners}/generate-jitconfig`, status: 422, body: {} },
    {
      name: 'jit, no group',
      method: 'POST',
      path: `${runners}/generate-jitconfig`,
      status: 404,
      body: { ...jit, runner_group_id: 9 },
    },
    { name: 'registration token', method: 'POST', path: `${runners}/registration-token`, status: 201 },
    { name: 'remove token', method: 'POST', path: `${runners}/remove-token`, status: 201 },
    { name: 'runners', method: 'GET', path: runners, status: 200 },
    ...(scope === '/orgs/{org}'
      ? [
          { name: 'runner', method: 'GET', path: `${runners}/{runner_id}`, fill, status: 200 },
          { name: 'delete', method: 'DELETE', path: `${runners}/{runner_id}`, fill, status: 204 },
          { name: 'groups', method: 'GET', path: `${scope}/actions/runner-groups`, status: 200 },
        ]
      : [{ name: 'runner, none', method: 'GET', path: `${runners}/{runner_id}`, fill: nobody, status: 404 }]),
  ];
};

const deliveryCases = (path: string, hook: number, asApp = false): Case[] => {
  const fill = ({ ids }: Lively) => ({ hook_id: hook, delivery_id: ids(hook) });
  return [
    { name: 'deliveries', method: 'GET', path, fill, status: 200, asApp },
    { name: 'delivery', method: 'GET', path: `${path}/{delivery_id}`, fill, status: 200, asApp },
    { name: 'attempts', method: 'POST', path: `${path}/{delivery_id}/attempts`, fill, status: 202, asApp },
  ];
};

const ofJob = ({ job }: Lively) => ({ job_id: job.id, run_id: job.runId });
const ofWaiting = ({ waiting }: Lively) => ({ job_id: waiting.id, run_id: waiting.runId });
const installation = () => ({ installation_id: 5 });

const CASES: readonly Case[] = [
  ...scoped('/repos/{owner}/{repo}'),
  ...scoped('/orgs/{org}'),
  { name: 'job, over', method: 'GET', path: '/repos/{owner}/{repo}/actions/jobs/{job_id}', fill: ofJob, status: 200 },
  {
    name: 'job, waiting',
    method: 'GET',
    path: '/repos/{owner}/{repo}/actions/jobs/{job_id}',
    fill: ofWaiting,
    status: 200,
  },
  {
    name: 'rerun',
    method: 'POST',
    path: '/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun',
    fill: ofJob,
    status: 201,
  },
  {
    name: 'rerun, too early',
    method: 'POST',
    path: '/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun',
    fill: ofWaiting,
    status: 403,
  },
  { name: 'runs', method: 'GET', path: RUNS, status: 200 },
  { name: 'runs by status', method: 'GET', path: RUNS, status: 200, query: '?status=completed' },
  { name: 'run', method: 'GET', path: `${RUNS}/{run_id}`, fill: ofJob, status: 200 },
  {
    name: 'jobs of a run',
    method: 'GET',
    path: `${RUNS}/{run_id}/jobs`,
    fill: ofJob,
    status: 200,
    query: '?filter=all',
  },
  { name: 'cancel', method: 'POST', path: `${RUNS}/{run_id}/cancel`, fill: ofWaiting, status: 202 },
  { name: 'cancel, over', method: 'POST', path: `${RUNS}/{run_id}/cancel`, fill: ofJob, status: 409 },
  { name: 'force-cancel', method: 'POST', path: `${RUNS}/{run_id}/force-cancel`, fill: ofWaiting, status: 202 },
  { name: 'rerun failed', method: 'POST', path: `${RUNS}/{run_id}/rerun`, fill: ofJob, status: 201 },
  { name: 'repository', method: 'GET', path: '/repos/{owner}/{repo}', status: 200 },
  { name: 'repositories', method: 'GET', path: '/orgs/{org}/repos', status: 200 },
  { name: 'rate limit', method: 'GET', path: '/rate_limit', status: 200 },
  { name: 'hooks', method: 'GET', path: '/repos/{owner}/{repo}/hooks', status: 200 },
  { name: 'hooks', method: 'GET', path: '/orgs/{org}/hooks', status: 200 },
  ...deliveryCases('/repos/{owner}/{repo}/hooks/{hook_id}/deliveries', 1),
  ...deliveryCases('/orgs/{org}/hooks/{hook_id}/deliveries', 2),
  ...deliveryCases('/app/hook/deliveries', 3, true),
  {
    name: 'installations',
    method: 'GET',
    path: '/app/installations',
    status: 200,
    asApp: true,
    listOf: 'installation',
  },
  {
    name: 'installation',
    method: 'GET',
    path: '/app/installations/{installation_id}',
    fill: installation,
    status: 200,
    asApp: true,
  },
  {
    name: 'token',
    method: 'POST',
    path: '/app/installations/{installation_id}/access_tokens',
    fill: installation,
    status: 201,
    asApp: true,
  },
  { name: 'of the org', method: 'GET', path: '/orgs/{org}/installation', status: 200, asApp: true },
  { name: 'of the repo', method: 'GET', path: '/repos/{owner}/{repo}/installation', status: 200, asApp: true },
];

function send(sim: Sim, each: Case, lively: Lively) {
  const values: Record<string, string | number> = { owner: 'acme', repo: 'ios', org: 'acme', ...each.fill?.(lively) };
  const path = each.path.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
  return sim.rest(each.method, path + (each.query ?? ''), {
    ...(each.asApp === true ? { token: lively.jwt } : {}),
    ...(each.body === undefined ? {} : { body: each.body }),
  });
}

describe('REST bodies against GitHub’s OpenAPI description', () => {
  it.each(CASES)('$method $path: $name', async (each) => {
    const lively = await livelySim();
    const answer = await send(lively.sim, each, lively);
    expect(answer.status).toBe(each.status);
    if (each.status === 404 && each.path.endsWith('{runner_id}')) return;
    const validate =
      each.listOf === undefined ? validatorOf(each.path, each.method, each.status) : listValidator(each.listOf);
    if (validate === undefined) {
      expect(answer.body).toEqual({});
      return;
    }
    validate(answer.body);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('would notice a field that is missing or of the wrong type', () => {
    const validate = validatorOf('/orgs/{org}/actions/runners', 'GET', 200);
    expect(validate?.({ total_count: 1, runners: [{ id: 'x', name: 'r' }] })).toBe(false);
  });
});

describe('webhook bodies against GitHub’s OpenAPI description', () => {
  it('fit the schema of every action', async () => {
    const receiver = await startReceiver();
    const sim = await startSim({ hooks: [{ kind: 'organization', owner: 'acme', url: receiver.url }] });
    sim.queueJob({ repo: 'ios', labels, environmentGate: { approveAfterMs: 1 } });
    const runner = await jitRunner(sim, labels);
    await serveOne(runner, await runner.connect());
    await delivered(sim, 5);
    const actions = receiver.received.map(eventOf).map((body) => {
      const name = `webhook-workflow-job-${body.action.replace('_', '-')}`;
      const validate = ajv.compile({ $ref: `https://description/#/components/schemas/${name}` });
      validate(body);
      expect(validate.errors ?? []).toEqual([]);
      return body.action;
    });
    expect(actions).toEqual(['queued', 'waiting', 'queued', 'in_progress', 'completed']);
  });
});
