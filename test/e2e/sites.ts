/**
 * What the tests share that strike a stack at a chosen moment: one job on hosts of its own, which serve one repository
 * only, so that many such jobs can run at once, and the waits that find the moment.
 */

import { afterAll, beforeAll, expect } from 'vitest';
import { runnerWorkflowId } from '../../jobs/names.js';
import type { AnkaHostOptions } from '../../simulators/anka/host.js';
import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { GitHubSimulatorOptions } from '../../simulators/github/options.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost, StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { callsOn, hostNamed } from './hosts.js';
import {
  expectNothingLeft,
  resultOf,
  statusOf,
  testStack,
  timesBegun,
  until,
  untilConclusion,
  untilStep,
  workflowIdOf,
} from './support.js';

/** Slow enough that there is time to strike while a command runs. */
export const SLOW = { clone: 1_000, start: 1_500 };

/** One job on hosts of its own. */
export interface Site {
  readonly stack: Stack;
  readonly host: StackHost;
  readonly job: SimJob;
}

export type Moment = (site: Site) => Promise<unknown>;
export type Blow = (site: Site) => Promise<unknown>;

/** A command of this kind, begun since the job was queued, runs on the host. */
export const during =
  (word: string): Moment =>
  ({ host, job }) =>
    until(`\`${word}\` is under way`, async () =>
      (await callsOn(host, word)).some(({ start, end }) => end === undefined && start >= job.createdAt),
    );

export const at =
  (step: RegExp): Moment =>
  ({ stack, job }) =>
    untilStep(stack, job, step);

export const waitsForGitHub = at(/waiting for GitHub to give it a job/);
export const runs = at(/running/);
export const isRegistering = at(/registering the runner/);

/** A host that serves one repository only; the repository has its name. */
export const ownHost = (repo: string, name = repo, anka: Omit<AnkaHostOptions, 'dir'> = {}): StackHostOptions => ({
  name,
  repo,
  slots: 1,
  anka: { templates: [XCODE], delays: SLOW, ...anka },
});

export function siteAt(stack: Stack, repo: string, options: Partial<QueueJobOptions> = {}): Site {
  const host = hostNamed(stack, repo);
  const job = stack.github.queueJob({ owner: 'acme', repo, labels: labelsFor(XCODE), durationMs: 1_000, ...options });
  return { stack, host, job };
}

/** The job succeeded and began once only. @returns how many VMs it took */
async function ranOnce({ stack, job }: Site): Promise<number> {
  await untilConclusion(stack, job, 'success', 100_000);
  // A workflow that was terminated is followed by another one, which its next event starts.
  const result = await until('a result', () => resultOf(stack, job).catch(() => undefined));
  expect(result.outcome).toBe('success');
  expect(timesBegun(stack, job), 'how often it began').toBe(1);
  return result.attempts;
}

/** The job succeeded, began once only, and took no more VMs than this. */
export async function expectRanOnce(site: Site, attempts: number): Promise<void> {
  expect(await ranOnce(site)).toBeLessThanOrEqual(attempts);
}

/** As above, on one VM a job; but whose VM served which of them was GitHub's choice. */
export async function expectEachRanOnce(sites: readonly Site[]): Promise<void> {
  const attempts = await Promise.all(sites.map(ranOnce));
  expect(attempts.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(sites.length);
}

/** Runs a stack for one `describe`; when its tests are over nothing may be left. */
export function stackFor(
  hosts: readonly StackHostOptions[],
  leftWithinMs = 30_000,
  github: Omit<GitHubSimulatorOptions, 'hooks'> = {},
): () => Stack {
  let stack: Stack | undefined;
  beforeAll(async () => {
    stack = await testStack({ hosts, github });
  });
  afterAll(async () => {
    if (stack === undefined) return;
    await expectNothingLeft(stack, leftWithinMs).finally(() => stack?.stop());
  });
  return () => {
    if (stack === undefined) throw new Error('the stack did not start');
    return stack;
  };
}

/** Quick, because here no moment has to be met. */
export const QUICK = { delays: { start: 300 } };

export const handleOf = ({ stack, job }: Site) => stack.client.workflow.getHandle(workflowIdOf(stack, job));

export const terminateJob: Blow = (site) => handleOf(site).terminate('a test');

export const terminateRunner: Blow = async (site) => {
  const { runner } = await statusOf(site.stack, site.job);
  await site.stack.client.workflow.getHandle(runnerWorkflowId(runner ?? 'none')).terminate('a test');
};
