/** The ways a job can go, each played to its end on the simulated fleet. */

import { expect } from 'vitest';
import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { hostNamed } from '../e2e/hosts.js';
import { resultOf, statusOf, until, untilConclusion, untilStep, workflowIdOf } from '../e2e/support.js';

export interface Scenario {
  readonly name: string;
  /** Plays it until its jobs are over. */
  readonly play: (stack: Stack) => Promise<readonly Played[]>;
}

interface Played {
  /** Tells the jobs of one scenario apart. */
  readonly suffix: string;
  readonly job: SimJob;
}

/** Which job was which scenario's. */
export interface Told {
  readonly name: string;
  readonly jobId: number;
}

const PULLED = { ...XCODE, uuid: '1b2c3d4e-0000-4000-8000-00000000abcd', name: 'macos-26-pulled' };
const NOWHERE = { ...XCODE, uuid: '99999999-0000-4000-8000-000000000000', name: 'nowhere' };

export const REGISTRATION_TIMEOUT_SECONDS = 3;

/** Each serves the one repository of its scenarios. */
export const HOSTS: readonly StackHostOptions[] = [
  hostFor('ios', 'ios', 2),
  hostFor('one', 'one', 1),
  { ...hostFor('adopted', 'adopted', 1), config: { host_labels: ['iphone'] } },
  hostFor('lost', 'lost', 1),
  hostFor('lost', 'lost-2', 1),
];

function hostFor(repo: string, name: string, slots: number): StackHostOptions {
  const anka = { templates: [XCODE], registry: [XCODE, PULLED], delays: { clone: 400, start: 1_500 } };
  return { name, repo, slots, registrationTimeoutSeconds: name === 'ios' ? REGISTRATION_TIMEOUT_SECONDS : 60, anka };
}

function queue(stack: Stack, repo: string, options: Partial<QueueJobOptions> = {}): SimJob {
  return stack.github.queueJob({ owner: 'acme', repo, labels: labelsFor(XCODE), durationMs: 600, ...options });
}

/** Waits for the job's workflow to be over, and its runners gone. */
async function over(stack: Stack, job: SimJob, outcome: string, attempts?: number): Promise<SimJob> {
  // Its workflow may not be there yet.
  const result = await until(`a result of job ${job.id}`, () => resultOf(stack, job).catch(() => undefined), 120_000);
  expect(result).toMatchObject(attempts === undefined ? { outcome } : { outcome, attempts });
  const isGone = async (): Promise<boolean> => {
    const vms = (await Promise.all(stack.hosts.map(({ anka }) => anka.vms()))).flat();
    return !vms.some(({ name }) => name.includes(`-${job.id}-`));
  };
  await until(`the VMs of job ${job.id} are gone`, isGone, 60_000);
  return job;
}

const alone = (job: SimJob): readonly Played[] => [{ suffix: '', job }];

const updateOf = (stack: Stack, job: SimJob, name: string): Promise<string> =>
  stack.client.workflow.getHandle(workflowIdOf(stack, job)).executeUpdate<string, []>(name);

/** These change how GitHub behaves for all. */
export const ONE_BY_ONE: readonly Scenario[] = [
  {
    name: 'good',
    play: async (stack) => alone(await over(stack, queue(stack, 'ios'), 'success', 1)),
  },
  {
    name: 'pulled',
    play: async (stack) => alone(await over(stack, queue(stack, 'ios', { labels: labelsFor(PULLED) }), 'success', 1)),
  },
  {
    name: 'cancelled-waiting',
    play: async (stack) => {
      const first = queue(stack, 'one', { durationMs: 1_500 });
      await untilStep(stack, first, /running/);
      const job = queue(stack, 'one');
      await untilStep(stack, job, /waiting for a slot/);
      stack.github.cancelJob(job.id);
      await over(stack, first, 'success');
      return alone(await over(stack, job, 'cancelled', 0));
    },
  },
  {
    name: 'cancelled-starting',
    play: async (stack) => {
      const job = queue(stack, 'ios');
      await untilStep(stack, job, /cloning|starting|registering/);
      await updateOf(stack, job, 'cancelJob');
      await over(stack, job, 'cancelled-by-operator');
      stack.github.cancelJob(job.id);
      return alone(job);
    },
  },
  {
    name: 'cancelled-running',
    play: async (stack) => {
      const job = queue(stack, 'ios', { durationMs: 60_000 });
      await untilStep(stack, job, /running/);
      stack.github.cancelJob(job.id);
      return alone(await over(stack, job, 'cancelled'));
    },
  },
  {
    name: 'swapped',
    play: async (stack) => {
      stack.github.setAssignment({ policy: 'swap' });
      const jobs = stack.github.queueMatrix({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), count: 2 });
      for (const job of jobs) await over(stack, job, 'success');
      stack.github.setAssignment({ policy: 'oldest-first' });
      return jobs.map((job, index) => ({ suffix: `-${'ab'[index]}`, job }));
    },
  },
  {
    name: 'no-pick-up',
    play: async (stack) => {
      const job = queue(stack, 'ios');
      const runnerOf = async (): Promise<string | undefined> =>
        (await statusOf(stack, job).catch(() => undefined))?.runner ?? undefined;
      stack.github.neverAssign({ name: await until(`job ${job.id} has a runner`, runnerOf) });
      return alone(await over(stack, job, 'success', 2));
    },
  },
  {
    name: 'step-failed',
    play: async (stack) => {
      await hostNamed(stack, 'ios').anka.setFaults([{ command: 'start', kind: 'error', times: 1 }]);
      return alone(await over(stack, queue(stack, 'ios'), 'success', 2));
    },
  },
  {
    name: 'foreign-runner',
    play: async (stack) => {
      const scope = { kind: 'org', owner: 'acme' } as const;
      const labels = labelsFor(XCODE);
      const foreign = stack.github.addForeignRunner({ scope, name: 'somebody-else', labels });
      const job = await over(stack, queue(stack, 'ios'), 'success');
      stack.github.removeRunner(foreign.id);
      return alone(job);
    },
  },
  {
    name: 'taken',
    play: async (stack) => {
      const job = queue(stack, 'ios');
      await untilStep(stack, job, /cloning|starting|registering/);
      const labels = ['self-hosted', 'macOS'];
      const thief = queue(stack, 'ios', { labels, createdAt: Date.now() - 30_000 });
      await untilConclusion(stack, thief, 'success');
      await over(stack, job, 'success', 2);
      return [
        { suffix: '', job },
        { suffix: '-by', job: thief },
      ];
    },
  },
  {
    name: 'unrunnable',
    play: async (stack) => alone(await over(stack, queue(stack, 'ios', { labels: labelsFor(NOWHERE) }), 'unrunnable')),
  },
];

/** These wait for time limits, and disturb nobody else. */
export const LOSSES: readonly Scenario[] = [
  {
    name: 'adopted',
    play: async (stack) => {
      const host = hostNamed(stack, 'adopted');
      const job = queue(stack, 'adopted', { labels: [...labelsFor(XCODE), 'iphone'], durationMs: 16_000 });
      await untilStep(stack, job, /running/);
      await host.agent.kill();
      await host.restart();
      return alone(await over(stack, job, 'success', 1));
    },
  },
  {
    name: 'host-lost',
    play: async (stack) => {
      const job = queue(stack, 'lost', { held: true });
      await untilStep(stack, job, /waiting for GitHub/);
      const { host: name } = await statusOf(stack, job);
      await hostNamed(stack, name).agent.kill();
      const isElsewhere = async (): Promise<boolean> => {
        const { host, step } = await statusOf(stack, job);
        return host !== null && host !== name && /waiting for GitHub/.test(step);
      };
      await until('the job is elsewhere', isElsewhere, 90_000);
      stack.github.releaseJob(job.id);
      await untilConclusion(stack, job, 'success');
      await hostNamed(stack, name).restart();
      return alone(await over(stack, job, 'success', 2));
    },
  },
];
