/** What the process tests share: a stack in a namespace of its own, and the checks that hold after every test. */

import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { pino } from 'pino';
import { expect, inject } from 'vitest';
import { DEFAULT_POOL, dispatcherWorkflowId, hostWorkflowId, jobWorkflowId } from '../../jobs/names.js';
import { SEARCH_ATTRIBUTES } from '../../jobs/search-attributes.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { SimJob } from '../../simulators/github/types.js';
import { startStack } from '../../simulators/stack/stack.js';
import type { BerthProcess } from '../../simulators/stack/berth-process.js';
import type { Stack, StackOptions } from '../../simulators/stack/stack.js';
import type { StackCredential, TemporalAt } from '../../simulators/stack/stack-config.js';
import { connectClient } from '../../temporal/connect.js';
import { ensureNamespace, ensureSearchAttributes } from '../../temporal/setup.js';
import type { JobResult } from '../../workflows/github-job.js';
import type { FleetView, HostStatus, JobStatus } from '../../workflows/messages.js';

export const PAT: StackCredential = { kind: 'pat', token: DEFAULT_TOKEN };

/** A namespace on the shared dev server that nobody else uses. */
export async function newNamespace(): Promise<TemporalAt> {
  const at = { address: inject('temporalAddress'), namespace: `test-${randomUUID().slice(0, 8)}` };
  const client = await connectClient(at);
  const log = pino({ level: 'silent' });
  const connection = client.connection as Parameters<typeof ensureNamespace>[0];
  await ensureNamespace(connection, { namespace: at.namespace, log });
  const names = SEARCH_ATTRIBUTES.map(({ name }) => name);
  await ensureSearchAttributes(connection, { namespace: at.namespace, names, log });
  await client.connection.close();
  return at;
}

export async function testStack(
  options: Omit<StackOptions, 'dir' | 'temporal' | 'credential'> & Partial<StackOptions>,
): Promise<Stack> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-e2e-'));
  return startStack({ credential: PAT, ...options, dir, temporal: options.temporal ?? (await newNamespace()) });
}

/** How long is waited for what is sure to come: nothing is lost by patience with a machine that is slow or busy. */
const PATIENCE_MS = 60_000;

/** Questions are work for the processes that are tested: many tests ask at once. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 250;

/**
 * Asks until the answer is neither undefined nor false; for states that nothing announces. A question that fails is
 * asked again: a query has a time limit of its own, which a worker that is busy or was just started may miss.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.2, LONGEST_PAUSE_MS)) {
    let cause: unknown;
    const answer = await ask().catch((err: unknown) => void (cause = err));
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`, { cause });
    await delay(pause);
  }
}

const webHost = (stack: Stack): string => new URL(stack.githubUrl).host;

export const workflowIdOf = (stack: Stack, job: SimJob): string => jobWorkflowId(webHost(stack), job.id);

export function resultOf(stack: Stack, job: SimJob): Promise<JobResult> {
  return stack.client.workflow.getHandle(workflowIdOf(stack, job)).result() as Promise<JobResult>;
}

export function statusOf(stack: Stack, job: SimJob): Promise<JobStatus> {
  return stack.client.workflow.getHandle(workflowIdOf(stack, job)).query<JobStatus>('status');
}

/** What the dispatcher of the default pool knows. */
export function fleetOf(stack: Stack): Promise<FleetView> {
  return stack.client.workflow.getHandle(dispatcherWorkflowId(DEFAULT_POOL)).query<FleetView>('fleet');
}

/** What is known of a host whose agent has announced it. */
export function hostStatusOf(stack: Stack, host: string): Promise<HostStatus> {
  return stack.client.workflow.getHandle(hostWorkflowId(host)).query<HostStatus>('hostStatus');
}

/** Waits until the job's page shows this step. */
export async function untilStep(stack: Stack, job: SimJob, step: RegExp, timeoutMs = PATIENCE_MS): Promise<JobStatus> {
  let last: JobStatus | undefined;
  const look = async (): Promise<JobStatus | false> => {
    last = await statusOf(stack, job).catch(() => last);
    return last !== undefined && step.test(last.step) && last;
  };
  return until(`job ${job.id} at ${step}`, look, timeoutMs).catch((err: unknown) => {
    throw new Error(`${(err as Error).message}; its page: ${JSON.stringify(last?.timeline)}`);
  });
}

export function untilConclusion(stack: Stack, job: SimJob, conclusion: string, timeoutMs = 90_000): Promise<SimJob> {
  return stack.github.waitFor(
    ({ jobs }) => jobs.find(({ id, conclusion: is }) => id === job.id && is === conclusion),
    timeoutMs,
  );
}

/** How often GitHub saw the job begin: never more than once, whatever happens. */
export const timesBegun = ({ github }: Stack, { id }: SimJob): number =>
  github.history().filter(({ jobId, step }) => jobId === id && step === 'in_progress').length;

/** Ids of the jobs' and runners' workflows that are open. */
export async function openWorkflows(stack: Stack): Promise<string[]> {
  const query = "ExecutionStatus = 'Running' AND WorkflowType IN ('githubJob', 'runner')";
  const ids: string[] = [];
  for await (const { workflowId } of stack.client.workflow.list({ query })) ids.push(workflowId);
  return ids;
}

/** What of Berth's is left outside: workflows, VMs, registered runners. Empty when all is as it should be. */
export async function leftovers(stack: Stack): Promise<string[]> {
  const workflows = await openWorkflows(stack);
  const vms = await Promise.all(stack.hosts.map(({ anka }) => anka.vms()));
  const ours = vms
    .flat()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('berth-'));
  const runners = stack.github
    .snapshot()
    .runners.map(({ name }) => name)
    .filter((name) => name.startsWith('berth-'));
  return [...workflows, ...ours.map((name) => `VM ${name}`), ...runners.map((name) => `runner ${name}`)];
}

/** Invariants of DESIGN §5 that must hold when the jobs are over, seen from outside. */
export async function expectNothingLeft(stack: Stack, timeoutMs = PATIENCE_MS): Promise<void> {
  let left = ['what nobody could tell'];
  await until('nothing left', async () => (left = await leftovers(stack)).length === 0, timeoutMs).catch(
    () => undefined,
  );
  expect(left).toEqual([]);
  for (const { anka } of stack.hosts) expect(await anka.violations()).toEqual([]);
  await expectNoSecrets(stack);
}

/** No token, registration token, webhook secret, JIT config or private key in histories, logs, or the argv of any command on a host. `dead`: processes that ended before. */
export async function expectNoSecrets(stack: Stack, dead: readonly BerthProcess[] = []): Promise<void> {
  const secrets = [
    DEFAULT_TOKEN,
    stack.webhookSecret,
    '"encoded_jit_config"',
    'BEGIN RSA PRIVATE KEY',
    'BEGIN PRIVATE KEY',
    'ghs_',
    ...stack.github.runnerTokens(),
  ];
  const jitMarks = [
    Buffer.from('{".runner":').toString('base64').slice(0, 12),
    Buffer.from('{".credentials"').toString('base64').slice(0, 16),
  ];
  const processes = [...stack.processes(), ...dead];
  const places: [string, string][] = processes.map(({ name, output }) => [`log of ${name}`, output.join('\n')]);
  for (const { name, anka } of stack.hosts) {
    const commands = await anka.commands();
    places.push([`argv on ${name}`, commands.map(({ argv }) => argv.join(' ')).join('\n')]);
  }
  for await (const { workflowId, runId } of stack.client.workflow.list()) {
    const history = await stack.client.workflow.getHandle(workflowId, runId).fetchHistory();
    places.push([`history of ${workflowId}`, decoded(historyToJSON(history))]);
  }
  for (const [place, text] of places) {
    for (const secret of [...secrets, ...jitMarks])
      expect(text.includes(secret), `${secret.slice(0, 6)}… in ${place}`).toBe(false);
  }
}

/** Payloads are base64 in a history: they are read, too. */
export function decoded(history: string): string {
  const payloads = [...history.matchAll(/"data": ?"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString('utf8'),
  );
  return [history, ...payloads].join('\n');
}

/** For a failed test: what every process said last. */
export function lastWords(stack: Stack): string {
  return stack
    .processes()
    .map(({ name, output }) => `── ${name}\n${output.slice(-15).join('\n')}`)
    .join('\n');
}
