/** What a runner does between its start and its end: waits for GitHub to give it a job, and serves that job. */

import { condition, patched } from '@temporalio/workflow';
import { dispatcherWorkflowId, jobWorkflowId } from '../jobs/names.js';
import type { Failure } from '../placement/messages.js';
import type { Hold } from './hold.js';
import { jobEvent, runnerReported } from './messages.js';
import { githubSoon, hostSteps } from './policies.js';
import type { Life } from './runner-life.js';
import { atStep } from './runner-progress.js';
import { removeIfIdle } from './runner-registration.js';
import { tell } from './tell.js';

/** How long the guest's word that a job runs may stand alone before GitHub is asked which job that is. */
const WEBHOOK_GRACE_MS = 5_000;

/** A runner that may wait for long is looked for on GitHub this often: its registration may be gone. */
const GHOST_CHECK_MS = 5 * 60_000;
const GHOST_SIGHTINGS = 2;

/** GitHub's word that a runner is busy has been wrong: with nothing else to bear it out it is doubted, ever more rarely. */
const FIRST_DOUBT_MS = 60_000;
const LONGEST_DOUBT_MS = 10 * 60_000;

/** GitHub may have given it a job in the moment in which it removed it: a job that is on its way shows by then. */
const LAST_LOOK_MS = 3_000;

/** Waits until GitHub gave it a job and that job is over; returns early when nobody needs it, or it is not used. */
export async function serveOneJob(life: Life, hold: Hold): Promise<void> {
  const { orders } = life;
  if (life.registration === null) return;
  if (life.failure === null && !orders.mustGo()) {
    atStep(life, 'waiting for GitHub to give it a job');
    await orLost(life, hold, () => untilPickedUp(life));
  }
  let isAtWork: boolean = orders.isAtWork();
  if (!isAtWork) {
    await orLost(life, hold, async () => {
      isAtWork = await isAtWorkAfterAll(life, 'host answers');
    });
  }
  if (isAtWork) {
    life.failure = null;
    atStep(life, 'running a job');
    await orLost(life, hold, () => condition(() => orders.serves() !== null || orders.isDone(), WEBHOOK_GRACE_MS));
    if (orders.serves() === null) await findItsJob(life);
    await orLost(life, hold, async () => {
      isAtWork = await untilDone(life);
    });
  }
  if (!isAtWork && !orders.mustGo()) life.failure ??= whyUnused(life);
}

/** Waits for a job within its time. Returns early when the runner ended, is not wanted, or turns out to be a ghost. */
async function untilPickedUp(life: Life): Promise<void> {
  const { orders, input } = life;
  const isSettled = (): boolean => orders.isAtWork() || orders.mustGo() || orders.hasExited();
  const until = Date.now() + input.grant.slot.registrationTimeoutMs;
  let misses = 0;
  while (until - Date.now() > GHOST_CHECK_MS && patched('look-for-ghosts')) {
    if (await condition(isSettled, GHOST_CHECK_MS)) return;
    misses = (await isGoneFromGitHub(life)) ? misses + 1 : 0;
    if (misses < GHOST_SIGHTINGS) continue;
    life.failure = { type: 'RegistrationGone', message: `GitHub does not know ${input.name} any more` };
    return;
  }
  await condition(isSettled, Math.max(0, until - Date.now()));
}

/** A runner that loses the race for a job may go on polling for ever, without a registration (actions/runner#4617). */
async function isGoneFromGitHub({ input, registration }: Life): Promise<boolean> {
  if (registration === null) return false;
  const { scope, runnerId } = registration;
  const found = await githubSoon.lookUpRunner({ scope, runnerId, runner: input.name }).catch(() => null);
  return found?.state === 'absent';
}

/** Waits for the job's end. False: there is no job, GitHub only said so. */
async function untilDone(life: Life): Promise<boolean> {
  const { orders } = life;
  for (let doubt = FIRST_DOUBT_MS; orders.isOnlySaidToBeBusy() && patched('doubt-busy-runners');) {
    if (await condition(() => !orders.isOnlySaidToBeBusy() || orders.isDone(), doubt)) break;
    orders.noteBusy(false);
    if (!(await isAtWorkAfterAll(life, 'host answers'))) return false;
    doubt = Math.min(doubt * 2, LONGEST_DOUBT_MS);
  }
  await condition(() => orders.isDone());
  return true;
}

function whyUnused({ orders, input, isTakenOff }: Life): Failure {
  const exitCode = orders.guest()?.exitCode ?? null;
  if (exitCode !== null && !isTakenOff) {
    return { type: 'RunnerExited', message: `the runner on ${input.grant.host} ended with exit code ${exitCode}` };
  }
  const seconds = Math.round(input.grant.slot.registrationTimeoutMs / 1000);
  return { type: 'NotPickedUp', message: `GitHub gave ${input.name} no job within ${seconds} s` };
}

/**
 * Before an idle runner is destroyed: takes it off GitHub (which refuses while it works) and then asks the guest,
 * because GitHub's word for "idle" has been wrong (research: user asks A5). True: it stays, a job runs there.
 */
export async function isAtWorkAfterAll(life: Life, asked: 'host answers' | 'host is silent'): Promise<boolean> {
  const { orders, registration } = life;
  if (orders.mustStop() || registration === null || orders.isDone()) return false;
  // Its host has no secret yet, so no job can run there; what GitHub may still make is removed at the end.
  if (!life.isStartable) return false;
  const removed = await removeIfIdle(life, registration);
  if (removed === null) return orders.isAtWork();
  if (removed === 'removed') life.isTakenOff = true;
  if (removed === 'busy') orders.noteBusy(true);
  else if (removed === 'removed' || !registration.inGuest) life.registration = null;
  // A silent host would only be waited for: its job waits, too.
  if (asked === 'host answers') {
    await askGuest(life);
    if (removed === 'removed') await lookOnceMore(life);
  }
  if (orders.isAtWork()) await tellDispatcher(life, 'serving');
  return orders.isAtWork();
}

async function askGuest({ input, orders, limits }: Life): Promise<void> {
  if (orders.isAtWork() || orders.hasExited()) return;
  const guest = await hostSteps(input.grant.host, limits)
    .ask.askGuest({ runner: input.name })
    .catch(() => null);
  if (guest !== null) orders.note(guest);
}

async function lookOnceMore(life: Life): Promise<void> {
  const { orders } = life;
  const isClear = (): boolean => orders.isAtWork() || orders.hasExited() || orders.mustStop();
  if (isClear() || !patched('look-twice-at-guest')) return;
  if (!(await condition(isClear, LAST_LOOK_MS))) await askGuest(life);
}

/** The webhook that names its job is late or lost: GitHub is asked, and the job's workflow told. */
async function findItsJob({ input, orders }: Life): Promise<void> {
  const started = orders.guest()?.jobStarted ?? null;
  if (started === null) return;
  const event = await githubSoon.findJobOfRunner({ ...started, runner: input.name }).catch(() => null);
  if (event !== null) await tell(jobWorkflowId(input.githubHost, event.jobId), jobEvent, event);
}

/** Thrown inside this workflow only: somebody wants this runner to go. */
export class ToldToGo extends Error {}

/** Waits, unless the hold is lost or an operator wants it to stop. */
async function orLost(life: Life, hold: Hold, wait: () => Promise<unknown>): Promise<void> {
  await Promise.race([wait(), condition(() => life.orders.mustStop()), hold.lost]);
  if (life.orders.mustStop()) throw new ToldToGo();
}

export async function tellDispatcher(
  { input, failure }: Life,
  phase: 'serving' | 'ending' | 'ended',
  vmGone = false,
): Promise<void> {
  await tell(dispatcherWorkflowId(input.pool), runnerReported, { runner: input.name, phase, vmGone, failure });
}
