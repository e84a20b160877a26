/** What must hold after a job was struck, by the meaning of the blow; seen from outside, by the simulators' own times. */

import { expect } from 'vitest';
import { GUEST_WATCH } from '../../agent/guest-files.js';
import type { AnkaCall } from '../../simulators/anka/host.js';
import type { SimRunner } from '../../simulators/github/types.js';
import { letGo } from './cancellation-matrix.js';
import type { Step, Way } from './cancellation-matrix.js';
import { callsOn } from './hosts.js';
import { expectRanOnce, runs } from './sites.js';
import type { Site } from './sites.js';
import { watchSlowness } from './slowness.js';
import { openWorkflows, resultOf, statusOf, until, untilConclusion } from './support.js';

/** Issue 4: the VM is gone this soon after the end of the command that ran, and its registration, too (ms). */
const GONE_WITHIN_MS = 1_500;

/** As many VMs as may fail a job: how many it takes on a slow machine is not looked at here. */
export const ANY_ATTEMPTS = 5;

/** A runner that GitHub still takes to be at work cannot be removed: it is tried again after 5 s, then 30 s later. */
export const LEFT_WITHIN_MS = 60_000;

/** The VM and runner made first for the job have names that begin so. */
const firstOf = ({ job }: Site): string => `berth-${job.id}-1-`;

const isDeletion = ({ argv }: AnkaCall): boolean => argv.includes('delete');

/** Runs for as long as the VM does. */
const isWatch = ({ argv }: AnkaCall): boolean => argv.includes(GUEST_WATCH);

/**
 * The first VM was deleted in time: soon after the later of the blow and the end of what ran on the host at that moment.
 * A command that Berth ended, ended then. Nothing to delete is right, too, if nothing was made.
 */
export async function expectVmGone(site: Site, struckAt: number): Promise<void> {
  const { host } = site;
  const slowness = watchSlowness();
  const wasRunning = (call: AnkaCall): boolean =>
    call.start <= struckAt && (call.end ?? Infinity) > struckAt && !isDeletion(call) && !isWatch(call);
  const isFirst = ({ argv }: AnkaCall): boolean => argv.some((word) => word.includes(firstOf(site)));
  const calls = await until('the VM is deleted, and no other command runs', async () => {
    const all = await host.anka.commands();
    const isMade = all.some((call) => isFirst(call) && call.argv.includes('clone'));
    const isDeleted = all.some((call) => isFirst(call) && isDeletion(call) && call.exit === 0);
    return isMade === isDeleted && all.every((call) => !wasRunning(call) || call.end !== undefined) && all;
  });
  expect((await host.anka.vms()).filter(({ name }) => name.includes(firstOf(site)))).toEqual([]);
  const from = Math.max(struckAt, ...calls.filter(wasRunning).map(({ end = 0 }) => end));
  const deleted = calls.find((call) => isFirst(call) && isDeletion(call) && call.exit === 0)?.end ?? from;
  expect(deleted - from, 'ms until the VM was deleted').toBeLessThan(GONE_WITHIN_MS * (await slowness()));
}

const firstRunner = (site: Site): SimRunner | undefined => {
  const { runners, removedRunners } = site.stack.github.snapshot();
  return [...runners, ...removedRunners].find(({ name }) => name.startsWith(firstOf(site)));
};

/** In time after the blow, or after GitHub had made it. */
async function expectRegistrationGone(site: Site, struckAt: number): Promise<void> {
  const slowness = watchSlowness();
  const removed = await until('the runner is removed', async () => firstRunner(site)?.removed ?? undefined);
  const from = Math.max(struckAt, firstRunner(site)?.createdAt ?? 0);
  expect(removed.at - from, 'ms until the runner was removed').toBeLessThan(GONE_WITHIN_MS * (await slowness()));
}

/** Names of the VMs that were made for the job. */
async function vmsMadeFor({ host, job }: Site): Promise<ReadonlySet<string>> {
  const clones = await callsOn(host, 'clone');
  return new Set(clones.flatMap(({ argv }) => argv.filter((word) => word.startsWith(`berth-${job.id}-`))));
}

/** No workflow of the job's is open, GitHub has no runner of its, and no VM of its is there. */
export async function expectNothingOf(site: Site): Promise<void> {
  const { stack, host, job } = site;
  const isOfJob = (name: string): boolean => name.includes(`berth-${job.id}-`);
  await until(
    `nothing of job ${job.id} is left`,
    async () => {
      const workflows = (await openWorkflows(stack)).filter((id) => isOfJob(id) || id.endsWith(`/${job.id}`));
      const vms = (await host.anka.vms()).filter(({ name }) => isOfJob(name));
      const runners = stack.github.snapshot().runners.filter(({ name }) => isOfJob(name));
      return workflows.length + vms.length + runners.length === 0;
    },
    LEFT_WITHIN_MS,
  );
}

/** The step at which GitHub has, or is about to have, a runner that it can take back at once. */
const isRegistered = ({ isJitSlow, isIdle }: Step): boolean => isJitSlow === true || isIdle === true;

/** Berth lets go of the job: its page says so, and no VM is made for it any more. */
async function expectLetGo(site: Site, step: Step, way: Way, struckAt: number): Promise<void> {
  const { stack, job } = site;
  expect(await resultOf(stack, job)).toMatchObject({ outcome: way.outcome });
  expect((await statusOf(stack, job)).step).toMatch(/^(completed: cancelled|cancelled by (an operator|Temporal))/);
  await expectVmGone(site, struckAt);
  if (isRegistered(step)) await expectRegistrationGone(site, struckAt);
  const isQueued = stack.github.snapshot().jobs.find(({ id }) => id === job.id)?.status === 'queued';
  expect(isQueued).toBe(way.outcome === 'cancelled-by-operator' && step.at !== runs);
  if (isQueued) stack.github.cancelJob(job.id);
  await expectNothingOf(site);
  expect((await vmsMadeFor(site)).size).toBeLessThanOrEqual(1);
}

/** The VM is destroyed; a job that had begun is GitHub's to fail, any other gets a new runner. */
async function expectNewRunner(site: Site, step: Step, struckAt: number): Promise<void> {
  const { stack, job } = site;
  await expectVmGone(site, struckAt);
  // What GitHub makes after the blow, or takes to be at work, is removed when it is found.
  if (step.isIdle === true) await expectRegistrationGone(site, struckAt);
  // One that runs on a runner that is gone never hears that it may end.
  letGo(site);
  if (step.at === runs) {
    await untilConclusion(stack, job, 'failure');
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'failure' });
  } else await expectRanOnce(site, ANY_ATTEMPTS);
  await expectNothingOf(site);
}

/** The job runs on the runner that was made for it, and that goes at its end; where none was, none is made. */
async function expectServed(site: Site, step: Step): Promise<void> {
  const { stack, job } = site;
  if (step.isSlotTaken === true) return;
  letGo(site);
  await expectRanOnce(site, 1);
  const { completedAt, runnerName } = await untilConclusion(stack, job, 'success');
  expect(runnerName).toContain(firstOf(site));
  await expectVmGone(site, completedAt ?? 0);
  await expectNothingOf(site);
  expect((await vmsMadeFor(site)).size).toBe(1);
}

/** Checks what the blow must come to. */
export function expectMeaning(site: Site, step: Step, way: Way, struckAt: number): Promise<void> {
  switch (way.means) {
    case 'let go':
      return expectLetGo(site, step, way, struckAt);
    case 'new runner':
      return expectNewRunner(site, step, struckAt);
    case 'all the same':
      return expectServed(site, step);
  }
}

/** A job that was struck while it waited: its slot comes free at last, and it gets nothing. */
export async function expectNeverMade(site: Site): Promise<void> {
  const { stack, job } = site;
  expect((await vmsMadeFor(site)).size).toBe(0);
  if (stack.github.snapshot().jobs.find(({ id }) => id === job.id)?.status === 'queued') stack.github.cancelJob(job.id);
  await expectNothingOf(site);
}
