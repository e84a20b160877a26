/** What was left by hand is found, named and removed, and nothing else; and no sweep harms a job that runs. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost, StackOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { createDesk } from './desk.js';
import type { Desk } from './desk.js';
import { hostNamed, vmsOf } from './hosts.js';
import {
  expectNothingLeft,
  newNamespace,
  openWorkflows,
  resultOf,
  testStack,
  until,
  untilConclusion,
  untilStep,
  workflowIdOf,
} from './support.js';

const STRAY_VM = 'berth-900-1-0a1b';
const LEFT_RUNNER = 'berth-901-1-0a1b';
const OTHERS = ['berth2-902-1-0a1b', 'someones-runner'];

interface Finding {
  readonly part: string;
  readonly what: string;
  readonly done: string;
}

interface Fleet {
  readonly stack: Stack;
  readonly desk: Desk;
  readonly stop: () => Promise<void>;
}

async function startFleet(options: Omit<StackOptions, 'dir' | 'temporal' | 'credential'>): Promise<Fleet> {
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

const anka = { templates: [XCODE], delays: { clone: 30, start: 100 } };

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

const runnersOf = ({ github }: Stack): string[] => github.snapshot().runners.map(({ name }) => name);

/** On a fleet where a job runs: one thing of each kind is left, and things of others are there, too. */
async function leaveThings(stack: Stack): Promise<{ readonly live: SimJob; readonly lost: SimJob; foreign: string }> {
  const idle = hostNamed(stack, 'idle');
  const live = stack.github.queueJob({ owner: 'acme', repo: 'live', labels: labelsFor(XCODE), durationMs: 240_000 });
  await untilStep(stack, live, /running/, 60_000);
  const lost = await leaveJob(stack);
  for (const name of [LEFT_RUNNER, ...OTHERS]) await leaveRunner(stack, name);
  const foreign = await idle.anka.addForeignVm();
  await leaveVm(idle);
  return { live, lost, foreign: foreign.name };
}

const twoHosts = (vms: string): StackOptions['hosts'] =>
  ['live', 'idle'].map((repo) => ({ name: repo, repo, slots: 1, anka, config: { sweep: { vms } } }));

/** The scopes of the hosts' slots are repositories: what is left in the organisation is found by the config. */
const ORG = { plugins: [{ name: 'hooks', plugin: 'github_receiver', owner: 'acme', secret: 'unused', port: 0 }] };

/** What must stay, stays: the job's VM and runner, and what others have. */
async function expectOthersUntouched(stack: Stack, live: SimJob, foreign: string): Promise<void> {
  expect(runnersOf(stack)).toEqual(expect.arrayContaining(OTHERS));
  expect(await vmsOf(hostNamed(stack, 'idle'))).toContain(foreign);
  const { jobs, runners } = stack.github.snapshot();
  const job = jobs.find(({ id }) => id === live.id);
  expect(job?.status).toBe('in_progress');
  expect(await vmsOf(hostNamed(stack, 'live'))).toEqual([job?.runnerName]);
  expect(runners.map(({ name }) => name)).toContain(job?.runnerName);
}

describe('berth sweep', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    const off = { deliveries: 'off', queued: 'off', runners: 'off', jobs: 'off', vms: 'off' };
    fleet = await startFleet({ hosts: twoHosts('24h'), orchestratorConfig: { sweep: off, ...ORG } });
  });
  afterAll(() => fleet.stop());

  const sweep = async (...args: readonly string[]): Promise<readonly Finding[]> => {
    const { code, out } = await fleet.desk.berth(['sweep', '--json', ...args]);
    expect([code, out]).toEqual([0, expect.stringMatching(/^\[/)]);
    const parts = JSON.parse(out) as readonly { readonly part: string; readonly findings: readonly Finding[] }[];
    return parts.flatMap(({ part, findings }) => findings.map(({ what, done }) => ({ part, what, done })));
  };

  it('names exactly what was left, changes nothing in a dry run, then removes exactly that', async () => {
    const { stack } = fleet;
    const { live, lost, foreign } = await leaveThings(stack);
    const left = (vm: string, job: string, runner: string): Finding[] => [
      { part: 'vms', what: `VM ${STRAY_VM} on idle`, done: vm },
      { part: 'jobs', what: `job ${lost.id} of acme/nowhere`, done: job },
      { part: 'runners', what: `runner ${LEFT_RUNNER} of acme`, done: runner },
    ];
    const before = { runners: runnersOf(stack).sort(), open: (await openWorkflows(stack)).sort() };

    expect(await sweep('--dry-run')).toEqual(left('would', 'would', 'would'));
    expect({ runners: runnersOf(stack).sort(), open: (await openWorkflows(stack)).sort() }).toEqual(before);
    expect(await vmsOf(hostNamed(stack, 'idle'))).toContain(STRAY_VM);

    expect(await sweep()).toEqual(left('destroyed', 'ended', 'removed'));
    expect(await vmsOf(hostNamed(stack, 'idle'))).toEqual([foreign]);
    expect(runnersOf(stack)).not.toContain(LEFT_RUNNER);
    expect(await resultOf(stack, lost)).toMatchObject({ outcome: 'cancelled' });
    await expectOthersUntouched(stack, live, foreign);

    const { out } = await fleet.desk.berth(['sweep', 'vms']);
    expect(out).toMatch(/^vms: \d+ looked at, 0 found$/m);
  }, 170_000);

  it('says so when no orchestrator answers, and leaves nothing of itself', async () => {
    const { stack } = fleet;
    await stack.orchestrator.stop();
    expect((await fleet.desk.berth(['sweep', 'vms'])).code).toBe(69);
    const query = "WorkflowType = 'reconcile' AND ExecutionStatus = 'Running'";
    await until('no sweep is open', async () => {
      for await (const open of stack.client.workflow.list({ query })) return open === undefined;
      return true;
    });
  }, 60_000);
});

describe('sweeps by themselves', () => {
  const EVERY_S = 35;
  let fleet: Fleet;
  beforeAll(async () => {
    const sweep = { deliveries: 'off', queued: 'off', runners: `${EVERY_S}s`, jobs: `${EVERY_S}s`, vms: '5s' };
    fleet = await startFleet({ hosts: twoHosts(`${EVERY_S}s`), orchestratorConfig: { sweep, ...ORG } });
  });
  afterAll(() => fleet.stop());

  it('remove what was left within three intervals, and nothing else', async () => {
    const { stack } = fleet;
    const { live, lost, foreign } = await leaveThings(stack);
    const gone = async (): Promise<boolean> =>
      !runnersOf(stack).includes(LEFT_RUNNER) &&
      !(await vmsOf(hostNamed(stack, 'idle'))).includes(STRAY_VM) &&
      !(await openWorkflows(stack)).includes(workflowIdOf(stack, lost));
    // A tenth of an interval is jitter, and what they do takes a moment.
    await until('nothing is left', gone, 3 * EVERY_S * 1_100 + 10_000);
    expect(await vmsOf(hostNamed(stack, 'idle'))).toEqual([foreign]);
    await expectOthersUntouched(stack, live, foreign);
  }, 170_000);
});

describe('sweeps every second', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    const all = { deliveries: '1s', queued: '1s', runners: '1s', jobs: '1s', vms: '1s' };
    const host = { slots: 2, anka, config: { sweep: { vms: '1s' } } };
    fleet = await startFleet({
      hosts: ['mini-1', 'mini-2'].map((name) => ({ name, ...host })),
      orchestratorConfig: { sweep: all, ...ORG },
    });
  });
  afterAll(() => fleet.stop());

  it('harm no job, whatever GitHub says of its runner and whichever webhook is lost', async () => {
    const { stack } = fleet;
    // Busy runners look idle for a while, and could be deleted.
    stack.github.setReads({ busyMs: 6_000, listMs: 2_000 });
    stack.github.setNasty({ seed: 7, lose: { probability: 0.3, logged: false } });
    const jobs = Array.from({ length: 10 }, (_, index) =>
      stack.github.queueJob({ owner: 'acme', repo: `r${index % 3}`, labels: labelsFor(XCODE), durationMs: 9_000 }),
    );
    let isOver = false;
    const byHand = (async () => {
      while (!isOver) await fleet.desk.berth(['sweep', 'vms', 'jobs', 'runners']);
    })();
    for (const job of jobs) await untilConclusion(stack, job, 'success', 150_000);
    isOver = true;
    await byHand;
    const begun = stack.github.history().filter(({ step }) => step === 'in_progress');
    expect(begun.map(({ jobId }) => jobId).sort()).toEqual(jobs.map(({ id }) => id).sort());
    await expectNothingLeft(stack, 90_000);
  }, 300_000);
});
