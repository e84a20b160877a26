/**
 * `runner/<runner name>`: supply. One VM with one runner, from the grant of a slot until nothing of it is left.
 *
 *   holdSlot beside everything else
 *   ensureTemplate → cloneVm → startVm → registerRunner → startRunner
 *   wait for GitHub to give it a job; serve that job          (runner-service.ts)
 *   always: leave nothing behind                              (runner-end.ts)
 */

import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { PublicKey } from '../activities/contracts.js';
import { limitsOf } from '../jobs/phases.js';
import { failureFrom } from './failure.js';
import { takeHold } from './hold.js';
import type { Hold } from './hold.js';
import { runnerProgressed } from './messages.js';
import { hostSteps } from './policies.js';
import { listen } from './runner-orders.js';
import { leaveNothing } from './runner-end.js';
import { atStep, followHost, tellLimitedAgain } from './runner-progress.js';
import type { Life, RunnerInput, RunnerResult } from './runner-life.js';
import { registerAndStart } from './runner-registration.js';
import { ToldToGo, isAtWorkAfterAll, serveOneJob, tellDispatcher } from './runner-service.js';
import { hostIsBack, noteSilence } from './runner-silence.js';
import { tell } from './tell.js';

export async function runner(input: RunnerInput): Promise<RunnerResult> {
  const orders = listen(input.job);
  const life: Life = {
    input,
    limits: limitsOf(input.grant.slot),
    scope: CancellationScope.current(),
    orders,
    registration: null,
    registering: null,
    isTakenOff: false,
    isStartable: false,
    isHostSilent: false,
    failure: null,
    step: null,
    telling: null,
    limited: null,
  };
  followHost(life);
  orders.whenServing((job) => {
    // Its page shows the host of the runner it was to have; this is another one.
    const { name, grant } = input;
    const here = { runner: name, host: grant.host, step: 'running a job' } as const;
    if (job.jobId !== input.job.jobId) void tell(job.workflowId, runnerProgressed, here);
    // The job tells the dispatcher of its own pool; this runner's must hear that it is not to be had any more.
    if (job.pool !== undefined && job.pool !== input.pool) void tellDispatcher(life, 'serving');
  });
  orders.whenMeantFor(() => {
    if (orders.isAtWork()) void tellDispatcher(life, 'serving');
    tellLimitedAgain(life);
  });
  orders.whenGuestSpoke(() => hostIsBack(life));
  const slot = { runner: input.name, host: input.grant.host, slot: input.grant.slot.name, limits: life.limits };
  const hold = takeHold(slot, {
    isAtWork: orders.isAtWork,
    isAtWorkAfterAll: () => isAtWorkAfterAll(life, 'host is silent'),
    noteSilence: () => noteSilence(life),
  });
  try {
    const sealTo = await whileWanted(life, hold, () => makeVm(life));
    await whileWanted(life, hold, () => registerAndStart(life, sealTo));
  } catch (err) {
    noteEnd(life, err);
  }
  try {
    await serveOneJob(life, hold);
  } catch (err) {
    noteEnd(life, err);
  }
  const vmDestroyed = await CancellationScope.nonCancellable(() => leaveNothing(life, hold));
  return { served: orders.serves()?.jobId ?? null, failure: life.failure, vmDestroyed };
}

async function makeVm(life: Life): Promise<PublicKey> {
  const { name, grant, template, tag } = life.input;
  const on = hostSteps(grant.host, life.limits);
  const vm = { runner: name, slot: grant.slot.name, template, tag };
  // The clone looks again, on the host; here a hop is saved when the dispatcher knows that nothing needs to be pulled.
  if (!grant.local) {
    atStep(life, 'checking the template');
    await on.pull.ensureTemplate(vm);
  }
  atStep(life, 'cloning the VM');
  await on.clone.cloneVm(vm);
  atStep(life, 'starting the VM');
  const { publicKey } = await on.start.startVm({ runner: name });
  return publicKey;
}

function noteEnd(life: Life, err: unknown): void {
  if (isCancellation(err)) life.orders.noteStop();
  else if (!(err instanceof ToldToGo)) life.failure = failureFrom(err);
}

/** Runs steps for as long as somebody wants this runner and its host is there; what runs then is cut short. */
async function whileWanted<T>(life: Life, hold: Hold, steps: () => Promise<T>): Promise<T> {
  const scope = new CancellationScope();
  const unwanted = scope
    .run(() => condition(() => life.orders.mustGo()))
    .then(() => {
      throw new ToldToGo();
    });
  unwanted.catch(() => undefined);
  try {
    return await Promise.race([scope.run(steps), unwanted, hold.lost]);
  } finally {
    scope.cancel();
  }
}
