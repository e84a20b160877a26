/**
 * DESIGN §5, 1 to 7, looked at from outside: the hosts' VMs and recorded commands, GitHub's jobs, runners and deliveries,
 * Temporal's list of workflows and their histories, the processes' logs.
 */

import { expect } from 'vitest';
import type { AnkaCall } from '../../simulators/anka/host.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { SimDelivery } from '../../simulators/github/types.js';
import { decoded, expectNoSecrets, leftovers, until } from '../e2e/support.js';
import type { Ground } from './cell.js';
import { isThere } from './processes.js';
import { killedAtWork, overlapsBeyond } from './vm-times.js';

/** Three sweeps of a host (invariant 5), on a loaded machine. */
const LEFT_WITHIN_MS = 200_000;

export async function expectInvariants(ground: Ground): Promise<void> {
  const { stack, dead, bereft } = ground;
  await expectNothingLeft(ground);
  await expectNoCallsLeft(ground);
  expect(await lostThoughAccepted(ground), '1: accepted, and not in Temporal').toEqual([]);
  for (const { name, anka } of stack.hosts) {
    const calls = await anka.commands();
    expect(overlapsBeyond(1, calls), `2: more VMs than slots on ${name}`).toEqual([]);
    expect(await anka.violations(), `2, 3: too many VMs, or two pulls at once on ${name}`).toEqual([]);
    const killed = killedAtWork(calls, stack.github.history(), (jobId) => bereft.has(jobId));
    expect(killed, '6: a VM was destroyed under its job').toEqual([]);
  }
  const ended = stack.processes().filter(({ pid }) => !isThere(pid));
  expect(
    ended.map(({ name }) => name),
    'processes that ended by themselves',
  ).toEqual([]);
  expect(await brokenWorkflows(ground), 'workflows that failed').toEqual([]);
  // 7
  await expectNoSecrets(stack, dead);
}

/** 5: no VM, runner, slot or workflow outlives its job by more than three sweeps. */
async function expectNothingLeft({ stack }: Ground): Promise<void> {
  let left: readonly string[] = ['not looked at yet'];
  const isNothingLeft = async (): Promise<boolean> => {
    left = await leftovers(stack).catch((err: unknown) => [`not known: ${String(err)}`]);
    return left.length === 0;
  };
  await until('nothing left', isNothingLeft, LEFT_WITHIN_MS).catch(() => undefined);
  expect(left, '5: left behind').toEqual([]);
}

/** 5, too: no process of `anka` goes on for what is over. Those that begin from now on are the sweeps' looks. */
async function expectNoCallsLeft({ stack }: Ground): Promise<void> {
  const now = Date.now();
  for (const { name, anka } of stack.hosts) {
    let left: readonly AnkaCall[] = [];
    const isNoneLeft = async (): Promise<boolean> => {
      left = (await anka.callsLeft()).filter(({ start }) => start < now);
      return left.length === 0;
    };
    await until('no call left', isNoneLeft, LEFT_WITHIN_MS).catch(() => undefined);
    expect(
      left.map(({ argv }) => argv.join(' ')),
      `5: processes of anka left behind on ${name}`,
    ).toEqual([]);
  }
}

/** A delivery answered 2xx is in a history, unless its job's workflow was closed already: then it is no news. */
async function lostThoughAccepted({ stack }: Ground): Promise<readonly string[]> {
  const accepted = stack.github
    .snapshot()
    .deliveries.filter(({ jobId, statusCode }) => jobId !== null && statusCode !== null && statusCode < 300);
  const jobs = new Set(accepted.map(({ jobId }) => jobId ?? 0));
  const lost: SimDelivery[] = [];
  for (const jobId of jobs) {
    const known = await historyOf({ stack }, jobId);
    const ofJob = accepted.filter((delivery) => delivery.jobId === jobId);
    lost.push(
      ...ofJob.filter(({ guid, deliveredAt, durationMs }) => {
        const wasOver = known.closedAt !== null && known.closedAt <= deliveredAt + durationMs;
        return !wasOver && !known.text.includes(guid);
      }),
    );
  }
  return lost.map(({ action, jobId, guid }) => `${action ?? 'event'} of job ${jobId} (${guid})`);
}

async function historyOf(
  { stack }: Pick<Ground, 'stack'>,
  jobId: number,
): Promise<{ readonly text: string; readonly closedAt: number | null }> {
  const texts: string[] = [];
  let closedAt: number | null = null;
  const workflowId = `job/${new URL(stack.githubUrl).host}/${jobId}`;
  for await (const run of stack.client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const history = await stack.client.workflow.getHandle(workflowId, run.runId).fetchHistory();
    texts.push(decoded(historyToJSON(history)));
    const closed = run.closeTime?.getTime() ?? null;
    if (closed !== null && (closedAt === null || closed < closedAt)) closedAt = closed;
  }
  return { text: texts.join('\n'), closedAt };
}

/** They end by themselves; one that failed has let go of what it held. A sweep that failed is followed by the next. */
async function brokenWorkflows({ stack }: Ground): Promise<readonly string[]> {
  const isBroken = "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated', 'Canceled')";
  const query = `${isBroken} AND WorkflowType IN ('githubJob', 'runner', 'dispatcher', 'hostWatch')`;
  const ids: string[] = [];
  for await (const { workflowId, status } of stack.client.workflow.list({ query })) {
    ids.push(`${workflowId}: ${status.name}`);
  }
  return ids;
}
