/** A fleet on which things were left by hand, as by processes that died, beside a job that runs and what others have. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost, StackOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { createDesk } from './desk.js';
import type { Desk } from './desk.js';
import { hostNamed, vmsOf } from './hosts.js';
import { newNamespace, testStack, untilConclusion, untilStep } from './support.js';

export const STRAY_VM = 'berth-900-1-0a1b';
export const LEFT_RUNNER = 'berth-901-1-0a1b';
const OTHERS = ['berth2-902-1-0a1b', 'someones-runner'];

export interface Fleet {
  readonly stack: Stack;
  readonly desk: Desk;
  readonly stop: () => Promise<void>;
}

export async function startFleet(options: Omit<StackOptions, 'dir' | 'temporal' | 'credential'>): Promise<Fleet> {
  const temporal = await newNamespace();
  const stack = await testStack({ ...options, temporal });
  const desk = await createDesk(stack, temporal);
  return {
    stack,
    desk,
    stop: async () => {
      await stack.stop();
      await desk.close();
    },
  };
}

export const anka = { templates: [XCODE], delays: { clone: 30, start: 100 } };

/** A VM with our prefix that nobody's workflow stands for: it runs, without a runner in it. */
async function leaveVm({ anka: host }: StackHost): Promise<void> {
  const run = (...args: string[]) => promisify(execFile)('anka', args, { env: { ...process.env, ...host.env() } });
  await run('clone', XCODE.uuid, STRAY_VM, '-t', XCODE.tag ?? '');
  await run('start', STRAY_VM);
}

/** Registered, as by an orchestrator that died: it never comes online. */
async function leaveRunner({ githubUrl }: Stack, name: string): Promise<void> {
  const answer = await fetch(`${githubUrl}/api/v3/orgs/acme/actions/runners/generate-jitconfig`, {
    method: 'POST',
    headers: { authorization: `token ${DEFAULT_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, runner_group_id: 1, labels: ['a-label-of-no-job'] }),
  });
  expect(answer.status).toBe(201);
}

/** A job whose workflow waits although the job is over: the webhook that says so is lost, and in no log. */
async function leaveJob(stack: Stack): Promise<SimJob> {
  const job = stack.github.queueJob({ owner: 'acme', repo: 'nowhere', labels: labelsFor(XCODE), durationMs: 1_000 });
  await untilStep(stack, job, /waiting for a slot/);
  stack.github.setNasty({ lose: { actions: ['completed'], logged: false } });
  stack.github.cancelJob(job.id);
  await untilConclusion(stack, job, 'cancelled');
  stack.github.setNasty({});
  return job;
}

export const runnersOf = ({ github }: Stack): string[] => github.snapshot().runners.map(({ name }) => name);

/** On a fleet where a job runs: one thing of each kind is left, and things of others are there, too. */
export async function leaveThings(
  stack: Stack,
): Promise<{ readonly live: SimJob; readonly lost: SimJob; foreign: string }> {
  const idle = hostNamed(stack, 'idle');
  const live = stack.github.queueJob({ owner: 'acme', repo: 'live', labels: labelsFor(XCODE), durationMs: null });
  await untilStep(stack, live, /running/, 60_000);
  const lost = await leaveJob(stack);
  for (const name of [LEFT_RUNNER, ...OTHERS]) await leaveRunner(stack, name);
  const foreign = await idle.anka.addForeignVm();
  await leaveVm(idle);
  return { live, lost, foreign: foreign.name };
}

export const twoHosts = (vms: string): StackOptions['hosts'] =>
  ['live', 'idle'].map((repo) => ({ name: repo, repo, slots: 1, anka, config: { sweep: { vms } } }));

/** The scopes of the hosts' slots are repositories: what is left in the organisation is found by the config. */
export const ORG = {
  plugins: [{ name: 'hooks', plugin: 'github_receiver', owner: 'acme', secret: 'unused', port: 0 }],
};

/** What must stay, stays: the job's VM and runner, and what others have. */
export async function expectOthersUntouched(stack: Stack, live: SimJob, foreign: string): Promise<void> {
  expect(runnersOf(stack)).toEqual(expect.arrayContaining(OTHERS));
  expect(await vmsOf(hostNamed(stack, 'idle'))).toContain(foreign);
  const { jobs, runners } = stack.github.snapshot();
  const job = jobs.find(({ id }) => id === live.id);
  expect(job?.status).toBe('in_progress');
  expect(await vmsOf(hostNamed(stack, 'live'))).toEqual([job?.runnerName]);
  expect(runners.map(({ name }) => name)).toContain(job?.runnerName);
}
