/**
 * A new version of Berth is started over running jobs, as an operator does who upgrades a package: the orchestrator of
 * the old version ends, well or badly, and one with other workflows takes its place.
 */

import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageVersion } from '../../cli/package-version.js';
import { NOTICES } from '../../jobs/failures.js';
import { runnerWorkflowId } from '../../jobs/names.js';
import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHostOptions, StackOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { BEFORE_CLEAN_UP, BEFORE_CLONE, carelessChange, guardedChange } from '../replay/changes.js';
import type { History } from '../replay/histories.js';
import { installQuietRuntime } from '../replay/quiet-runtime.js';
import { failuresOf, replay } from '../replay/replay.js';
import { readable } from '../replay/scrub.js';
import { bundleWith } from '../replay/workflow-bundle.js';
import { installation } from './installation.js';
import type { Installation } from './installation.js';
import { watchSlowness } from './slowness.js';
import { expectNothingLeft, lastWords, resultOf, statusOf, testStack, untilConclusion, untilStep } from './support.js';

const NEXT_VERSION = '99.0.0';

/** Which workflow's runner serves which job is looked at below: GitHub may choose otherwise, but shall not here. */
const GITHUB: StackOptions['github'] = { assignment: { policy: 'oldest-first' } };

/** Each serves the one repository of its name, with one VM. */
const HOSTS: readonly StackHostOptions[] = [
  { name: 'runs', repo: 'runs', slots: 1, anka: { templates: [XCODE], delays: { clone: 200, start: 500 } } },
  { name: 'clones', repo: 'clones', slots: 1, anka: { templates: [XCODE], delays: { clone: 5_000 } } },
];

const queue = (stack: Stack, repo: string, options: Partial<QueueJobOptions> = {}): SimJob =>
  stack.github.queueJob({ owner: 'acme', repo, labels: labelsFor(XCODE), durationMs: 500, ...options });

interface Jobs {
  readonly running: SimJob;
  /** For the slot of the one that runs. */
  readonly waiting: SimJob;
  readonly cloning: SimJob;
  /** The runner of the one whose VM is cloned, at that time. */
  readonly cloningRunner: string;
}

/** The one that runs goes on until it is told to end. */
async function jobsAtSeveralSteps(stack: Stack): Promise<Jobs> {
  const running = queue(stack, 'runs', { durationMs: null });
  await untilStep(stack, running, /running/);
  const waiting = queue(stack, 'runs');
  await untilStep(stack, waiting, /waiting for a slot/);
  const cloning = queue(stack, 'clones');
  await untilStep(stack, cloning, /cloning the VM/);
  return { running, waiting, cloning, cloningRunner: await runnerOf(stack, cloning) };
}

async function runnerOf(stack: Stack, job: SimJob): Promise<string> {
  const { runner } = await statusOf(stack, job);
  if (runner === null) throw new Error(`job ${job.id} has no runner`);
  return runner;
}

async function expectAllRan(stack: Stack, jobs: readonly SimJob[]): Promise<void> {
  for (const job of jobs) {
    await untilConclusion(stack, job, 'success', 100_000).catch((err: unknown) => {
      throw new Error(`${(err as Error).message}\n${lastWords(stack)}`);
    });
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', attempts: 1 });
  }
}

/** The history of a runner in clear: patches show as `"id":"…"`, versions as build ids. */
async function storyOf(stack: Stack, runner: string): Promise<string> {
  const history = await stack.client.workflow.getHandle(runnerWorkflowId(runner)).fetchHistory();
  return readable(JSON.parse(historyToJSON(history)) as History);
}

async function* allHistories(stack: Stack) {
  for await (const { workflowId, runId } of stack.client.workflow.list()) {
    const history = await stack.client.workflow.getHandle(workflowId, runId).fetchHistory();
    yield { name: `${workflowId} ${runId}`, workflowId, history };
  }
}

const patched = (id: string): string => `"id":"${id}"`;

beforeAll(() => installQuietRuntime());

describe('a version with a change that leaves old runs alone', () => {
  let stack: Stack;
  let next: Installation;
  let code: string;
  beforeAll(async () => {
    code = await bundleWith(guardedChange);
    next = await installation(NEXT_VERSION, code);
  });
  afterAll(() => next.remove());

  it.each([
    { name: 'stopped', end: () => stack.orchestrator.stop() },
    { name: 'killed', end: () => stack.orchestrator.kill() },
  ])('takes over from one that was $name: what had begun goes the old way, all else the new one', async ({ end }) => {
    stack = await testStack({ hosts: HOSTS, github: GITHUB });
    try {
      const { running, waiting, cloning, cloningRunner } = await jobsAtSeveralSteps(stack);
      await end();
      await stack.restartOrchestrator(next.folder);
      stack.github.finishJob(running.id);
      const late = queue(stack, 'clones');
      await expectAllRan(stack, [running, waiting, cloning, late]);
      expect((await statusOf(stack, cloning)).runner).toBe(cloningRunner);

      for (const job of [running, cloning]) {
        const story = await storyOf(stack, await runnerOf(stack, job));
        expect(story).not.toContain(patched(BEFORE_CLONE));
        expect(story).toContain(patched(BEFORE_CLEAN_UP));
        for (const version of [packageVersion(), NEXT_VERSION]) expect(story).toContain(`"buildId":"${version}"`);
      }
      for (const job of [waiting, late]) {
        expect(await storyOf(stack, await runnerOf(stack, job))).toContain(patched(BEFORE_CLONE));
      }
      expect(stack.orchestrator.output.join('\n')).not.toContain(NOTICES.WorkflowStuck.code);
      expect(failuresOf(await replay(code, allHistories(stack)))).toEqual([]);
      await expectNothingLeft(stack);
    } finally {
      await stack.stop();
    }
  });
});

describe('a version with a change that does not fit what runs', () => {
  let stack: Stack;
  let careless: Installation;
  beforeAll(async () => {
    careless = await installation(NEXT_VERSION, await bundleWith(carelessChange));
    stack = await testStack({ hosts: HOSTS, github: GITHUB });
  });
  afterAll(async () => {
    await stack.stop();
    await careless.remove();
  });

  it('says so with a code, keeps the jobs, and they go on under the version before', async () => {
    const { running, waiting, cloning, cloningRunner } = await jobsAtSeveralSteps(stack);
    const runningRunner = await runnerOf(stack, running);
    await stack.orchestrator.stop();
    await stack.restartOrchestrator(careless.folder);
    // Its runner gets stuck when it has something to do.
    stack.github.finishJob(running.id);
    for (const runner of [runningRunner, cloningRunner]) {
      const line = await stack.orchestrator.waitForLine(
        (text) => text.includes(NOTICES.WorkflowStuck.code) && text.includes(runner),
        60_000,
      );
      expect(JSON.parse(line)).toMatchObject({
        level: 'ERROR',
        workflowId: runnerWorkflowId(runner),
        workflowType: 'runner',
        version: NEXT_VERSION,
        msg: expect.stringContaining('docs/how-to/upgrade.md') as string,
      });
    }
    // The books of the dispatcher can be asked for again: it needs nobody.
    await stack.orchestrator.waitForLine((text) => text.includes('started anew') && text.includes('dispatcher/'));

    await stack.orchestrator.stop();
    await stack.restartOrchestrator();
    await expectAllRan(stack, [running, cloning, waiting]);
    await expectNothingLeft(stack, 60_000);
  });
});

describe('an orchestrator that is told to stop', () => {
  let stack: Stack;
  beforeAll(async () => {
    const anka = { templates: [XCODE], delays: { start: 300 } };
    stack = await testStack({ hosts: [{ name: 'mini-1', slots: 1, anka }] });
  });
  afterAll(async () => {
    await expectNothingLeft(stack).finally(() => stack.stop());
  });

  const registrations = (): number => stack.github.calls().filter(({ path }) => path.includes('generate-jit')).length;

  /** A job whose registration GitHub is slow with. */
  async function jobInRegistration(slowMs: number): Promise<SimJob> {
    stack.github.addFault({ kind: 'latency', ms: slowMs, path: 'generate-jitconfig', times: 1 });
    const job = queue(stack, 'ios');
    await untilStep(stack, job, /registering the runner/);
    return job;
  }

  it('finishes its call to GitHub first, and the next one goes on from there', async () => {
    const before = registrations();
    const job = await jobInRegistration(2_000);
    process.kill(stack.orchestrator.pid, 'SIGTERM');
    expect(await stack.orchestrator.exited).toBe(0);
    expect(registrations()).toBe(before + 1);
    await stack.restartOrchestrator();
    await expectAllRan(stack, [job]);
    expect(registrations()).toBe(before + 1);
  });

  it('ends at once at the second signal, and the job runs all the same', async () => {
    const job = await jobInRegistration(8_000);
    process.kill(stack.orchestrator.pid, 'SIGTERM');
    await stack.orchestrator.waitForLine((line) => line.includes('"msg":"stopping"'));
    const slowness = watchSlowness();
    const since = Date.now();
    process.kill(stack.orchestrator.pid, 'SIGTERM');
    expect(await stack.orchestrator.exited).toBe(1);
    expect(Date.now() - since).toBeLessThan(2_000 * (await slowness()));
    await stack.restartOrchestrator();
    await untilConclusion(stack, job, 'success', 90_000);
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success' });
  });
});
