/** What Temporal and the dispatcher know of a host that has fallen silent. */

import { DEFAULT_POOL, dispatcherWorkflowId, runnerWorkflowId } from '../../jobs/names.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { FleetView } from '../../workflows/messages.js';
import { statusOf } from '../e2e/support.js';
import type { Ground, Scene } from './cell.js';
import { eventually } from './steps.js';

/** The host counts as lost. */
export const untilPulseMissed = ({ stack, host }: Scene): Promise<unknown> =>
  eventually(`${host.name} has lost its pulse`, async () => {
    const view = await stack.client.workflow
      .getHandle(dispatcherWorkflowId(DEFAULT_POOL))
      .query<FleetView>('fleet')
      .catch(() => undefined);
    return view?.hosts.some(({ name, state }) => name === host.name && state !== 'up');
  });

/**
 * The hold of a job's runner, looked at from now on.
 * @returns waits until the host was silent for longer than the hold may be, for the first or the so manyth time: after
 * the second time its runner is given up, unless a job is known to run on it
 */
export async function holdOf(ground: Ground, job: SimJob): Promise<(times?: number) => Promise<unknown>> {
  const { runner } = await statusOf(ground.stack, job);
  if (runner === null) throw new Error(`job ${job.id} has no runner`);
  return (times = 1) =>
    eventually(`the hold of ${runner} has timed out`, async () => (await holdTimeouts(ground, runner)) >= times);
}

async function holdTimeouts({ stack }: Ground, runner: string): Promise<number> {
  const { events } = await stack.client.workflow.getHandle(runnerWorkflowId(runner)).fetchHistory();
  const holds = new Set(
    (events ?? [])
      .filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'holdSlot')
      .map(({ eventId }) => String(eventId)),
  );
  return (events ?? []).filter((event) =>
    holds.has(String(event.activityTaskTimedOutEventAttributes?.scheduledEventId)),
  ).length;
}
