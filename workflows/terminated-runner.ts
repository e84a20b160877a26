/**
 * A `runner` workflow that an operator terminated says nothing and cleans up nothing. The job that started it hears of
 * its end at once, and does here what the workflow would have done. The host would notice by itself at a heartbeat, but
 * seconds later, and it cannot talk to GitHub.
 */

import { CancellationScope, sleep } from '@temporalio/workflow';
import { limitsOf } from '../jobs/phases.js';
import { dispatcherWorkflowId } from '../jobs/names.js';
import type { Failure, SlotGrant } from '../placement/messages.js';
import { runnerReported } from './messages.js';
import { pastLimitsAtLast } from './past-limits.js';
import { github, hostSteps } from './policies.js';
import { tell } from './tell.js';

export interface TerminatedRunner {
  readonly grant: SlotGrant;
  readonly pool: string;
  /** Null when somebody terminated it on purpose. */
  readonly failure: Failure | null;
}

/**
 * When to ask GitHub to remove it (pauses in ms). The second look finds a runner whose registration was under way: one
 * that ends later than that is removed by the activity itself, which hears within four seconds that its workflow is
 * closed. Further ones are for a runner that GitHub takes to be at work.
 */
const REMOVAL_PAUSES_MS = [0, 6_000, 10_000, 30_000, 120_000, 720_000];
const LOOKS_FOR_ABSENT = 2;

/** Destroys its VM, frees its slot, takes it off GitHub. Shielded from cancellation; ends within a quarter of an hour, and GitHub's limits. */
export function clearAway(terminated: TerminatedRunner): Promise<void> {
  return CancellationScope.nonCancellable(async () => {
    const { grant, pool, failure } = terminated;
    const vmGone = await destroyVm(grant);
    const ended = { runner: grant.runner, phase: 'ended', vmGone, failure } as const;
    await Promise.all([tell(dispatcherWorkflowId(pool), runnerReported, ended), removeRegistration(grant)]);
  });
}

/** @returns false when the host is out of reach: its own sweep finds a VM whose workflow is closed */
function destroyVm({ runner, host, slot }: SlotGrant): Promise<boolean> {
  return hostSteps(host, limitsOf(slot))
    .destroy.destroyVm({ runner })
    .then(
      () => true,
      () => false,
    );
}

/** By name: whether it was registered, and under which id, its workflow alone knew. */
async function removeRegistration({ runner, slot }: SlotGrant): Promise<void> {
  for (const [index, pause] of REMOVAL_PAUSES_MS.entries()) {
    // A timer of no time at all takes a second, too.
    if (pause > 0) await sleep(pause);
    const asked = { scope: slot.scope, runner, runnerId: null };
    const answer = await pastLimitsAtLast(() => github.removeRunner(asked)).catch(() => 'busy' as const);
    if (answer === 'removed' || (answer === 'absent' && index + 1 >= LOOKS_FOR_ABSENT)) return;
  }
}
