/** The hosts of a stack: found by name, and looked at from outside. */

import type { AnkaCall } from '../../simulators/anka/host.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import { until } from './support.js';

/** @throws Error when the stack has no host of this name */
export function hostNamed(stack: Stack, name: string | null): StackHost {
  const host = stack.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`no host is named ${String(name)}`);
  return host;
}

/** The calls of `anka` on the host so far that have all of these words, with those that have not ended. */
export const callsOn = async ({ anka }: StackHost, ...words: readonly string[]): Promise<readonly AnkaCall[]> =>
  (await anka.commands()).filter(({ argv }) => words.every((word) => argv.includes(word)));

/** How many VMs were cloned on the host so far, or begun to be. */
export const clonesOn = async (host: StackHost): Promise<number> => (await callsOn(host, 'clone')).length;

/** Names of the VMs that are there, those of others among them. */
export const vmsOf = async ({ anka }: StackHost): Promise<string[]> => (await anka.vms()).map(({ name }) => name);

export const untilNoVm = (host: StackHost, timeoutMs: number): Promise<unknown> =>
  until(`${host.name} has no VM`, async () => (await vmsOf(host)).length === 0, timeoutMs);
