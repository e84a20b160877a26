/** What the simulators wrote down: when commands ran, when jobs took their steps. Only reads. */

import { setTimeout as delay } from 'node:timers/promises';
import type { AnkaCall } from '../simulators/anka/host.js';
import type { JobTransition, SimJob } from '../simulators/github/types.js';
import type { Stack } from '../simulators/stack/stack.js';

/** Asks until the answer is neither undefined nor false. What is asked for is read from logs: asking late adds nothing. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1_000} s`);
    await delay(50);
  }
}

/** `clone`, `start`, …: the first word of a call that is no option. */
export const operationOf = ({ argv }: AnkaCall): string => argv.find((word) => !word.startsWith('-')) ?? '';

/** All calls of `anka` on all hosts, oldest first. */
export async function ankaCalls(stack: Stack): Promise<readonly AnkaCall[]> {
  const calls = await Promise.all(stack.hosts.map(({ anka }) => anka.commands()));
  return calls.flat().sort((a, b) => a.start - b.start);
}

/** Whether the call is about that VM: `clone … VM`, `run … VM …`, `cp … VM:path`. */
const isAbout = ({ argv }: AnkaCall, vm: string): boolean =>
  argv.some((word) => word === vm || word.startsWith(`${vm}:`));

export const callsAbout = (calls: readonly AnkaCall[], vm: string): readonly AnkaCall[] =>
  calls.filter((call) => isAbout(call, vm));

/** The first call of this operation for a VM that was made for that job. */
export function callFor(calls: readonly AnkaCall[], job: SimJob, operation: string): AnkaCall | undefined {
  const isMadeFor = ({ argv }: AnkaCall): boolean => argv.some((word) => word.startsWith(`berth-${job.id}-`));
  return calls.find((call) => operationOf(call) === operation && isMadeFor(call));
}

/** When GitHub noted this step of the job. @throws Error when it never did */
export function stepAt(stack: Stack, job: SimJob, step: JobTransition['step']): number {
  const found = stack.github.history().find((transition) => transition.jobId === job.id && transition.step === step);
  if (found === undefined) throw new Error(`job ${job.id} was never ${step}`);
  return found.at;
}

/** When GitHub sent the job's webhook of this action. @throws Error when it never did */
export function sentAt(stack: Stack, job: SimJob, action: string): number {
  const { deliveries } = stack.github.snapshot();
  const found = deliveries.find((delivery) => delivery.jobId === job.id && delivery.action === action);
  if (found === undefined) throw new Error(`no webhook ${action} of job ${job.id}`);
  return found.deliveredAt;
}

/** Waits until the job has that conclusion on GitHub, and answers with what it is then. */
export function untilOver(stack: Stack, job: SimJob, conclusion: string, timeoutMs = 60_000): Promise<SimJob> {
  return stack.github.waitFor(
    ({ jobs }) => jobs.find(({ id, conclusion: is }) => id === job.id && is === conclusion),
    timeoutMs,
  );
}

/** Names of Berth's VMs that are there, on all hosts. */
export async function ourVms(stack: Stack): Promise<readonly string[]> {
  const vms = await Promise.all(stack.hosts.map(({ anka }) => anka.vms()));
  return vms
    .flat()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('berth-'));
}

/** Until no VM is there and every workflow of a job or runner is closed. */
export function untilIdle(stack: Stack, timeoutMs = 60_000): Promise<true> {
  const isIdle = async (): Promise<boolean> =>
    (await ourVms(stack)).length === 0 && (await openWorkflows(stack, ['githubJob', 'runner'])) === 0;
  return until('VMs gone and workflows closed', async () => (await isIdle()) && true, timeoutMs);
}

/** How many workflows of these types are open, by Temporal's visibility, which is a moment behind. */
async function openWorkflows(stack: Stack, types: readonly string[]): Promise<number> {
  const names = types.map((type) => `'${type}'`).join(', ');
  const query = `ExecutionStatus = 'Running' AND WorkflowType IN (${names})`;
  return (await stack.client.workflow.count(query)).count;
}
