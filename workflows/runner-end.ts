/** The end of a runner's life: nothing of it is left, and everybody who counted on it knows. */

import { patched, setCurrentDetails, sleep } from '@temporalio/workflow';
import { VM_LOST } from '../jobs/exit-codes.js';
import type { Failure } from '../placement/messages.js';
import type { Hold } from './hold.js';
import { runnerLeft } from './messages.js';
import { pastLimitsAtLast } from './past-limits.js';
import { hostSteps } from './policies.js';
import type { Life } from './runner-life.js';
import { atStep } from './runner-progress.js';
import { removeFromGitHub } from './runner-registration.js';
import { tellDispatcher } from './runner-service.js';
import { tell } from './tell.js';

/** When to ask GitHub to remove a runner whose VM is gone: at once, then ever more rarely for a quarter of an hour. */
const REMOVAL_PAUSES_MS = [0, 5_000, 30_000, 120_000, 720_000];

/** DESIGN §4: job ended → VM, slot; registered without a job → registration, guest, VM, slot; else VM, slot. */
export async function leaveNothing(life: Life, hold: Hold): Promise<boolean> {
  const { input, orders } = life;
  atStep(life, 'cleaning up');
  if (!orders.isDone()) await tellDispatcher(life, 'ending');
  const vmDestroyed = await destroyVm(life);
  await hold.end();
  const lost = whyLost(life, vmDestroyed);
  await Promise.all([
    tellDispatcher(life, 'ended', vmDestroyed),
    tellJobItLeft(life, lost),
    removeRegistration(life, { vmDestroyed, isLost: lost !== null }),
  ]);
  setCurrentDetails(
    `**${input.name}** is gone${vmDestroyed ? '' : `; ${input.grant.host} destroys its VM when it is back`}`,
  );
  return vmDestroyed;
}

async function destroyVm({ input, limits }: Life): Promise<boolean> {
  try {
    await hostSteps(input.grant.host, limits).destroy.destroyVm({ runner: input.name });
    return true;
  } catch {
    // Out of reach: the host's own sweep finds a VM whose workflow is closed.
    return false;
  }
}

/**
 * A runner that finished its job is removed by GitHub itself; one that did not is removed here. GitHub refuses for as
 * long as it takes the runner to be at work, which it does for a while after the VM is gone.
 */
async function removeRegistration(
  life: Life,
  { vmDestroyed, isLost }: { readonly vmDestroyed: boolean; readonly isLost: boolean },
): Promise<void> {
  const { orders, input } = life;
  await life.registering?.catch(() => undefined);
  const { registration } = life;
  if (registration === null) return;
  // GitHub ended the job of a runner that it lost sight of, and keeps that runner for a day.
  if (orders.hasFinishedItsJob() && !(isLost && patched('remove-lost-runners'))) return;
  // The guest never got the token.
  if (registration.inGuest && !life.isStartable) return;
  const mayStillCome = registration.inGuest && !vmDestroyed;
  for (const pause of REMOVAL_PAUSES_MS) {
    // A timer of no time at all takes a second, too.
    if (pause > 0) await sleep(pause);
    const removed = await pastLimitsAtLast(() => removeFromGitHub(registration, input.name)).catch(
      () => 'busy' as const,
    );
    if (removed === 'removed' || (removed === 'absent' && !mayStillCome)) return;
  }
}

async function tellJobItLeft({ input, orders, isHostSilent }: Life, lost: Failure | null): Promise<void> {
  const served = orders.serves();
  // A job whose end came while the host was silent waits for this word.
  if (served === null || (orders.isJobOver() && !isHostSilent)) return;
  await tell(served.workflowId, runnerLeft, { runner: input.name, ...(lost !== null && { lost }) });
}

/** Why a job that ran there cannot have come to an end of its own; null when it may have. */
function whyLost(
  { orders, failure, isHostSilent, input: { name, grant } }: Life,
  vmDestroyed: boolean,
): Failure | null {
  if (!orders.isAtWork() || orders.mustStop()) return null;
  // Its hold was lost while it served.
  if (failure !== null) return failure;
  if (isHostSilent && !vmDestroyed) return { type: 'HostLost', message: `host ${grant.host} stopped answering` };
  const guest = orders.guest();
  if (guest === null || guest.exitCode === null || guest.jobCompleted || orders.isJobOver()) return null;
  if (guest.exitCode === VM_LOST) return { type: 'VmGone', message: `the VM ${name} on ${grant.host} ended` };
  if (guest.exitCode === 0) return null;
  const message = `the runner ${name} on ${grant.host} ended with exit code ${guest.exitCode}`;
  return { type: 'RunnerLost', message };
}
