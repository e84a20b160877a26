/** Agents are killed -9 in the middle of `anka clone` and `anka start`, and started again: what is left in the end. */

import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Measure } from '../measure.js';
import { operationOf, ourVms, until, untilOver } from '../observe.js';

const HOSTS = 3;

/** The command that is cut short lasts this long. */
const SLOW_MS = 2_000;

/** Two sweeps of the agent, and some. */
const CLEAN_WITHIN_MS = 90_000;

const isAt =
  (operation: string, since: number) =>
  async ({ anka }: StackHost): Promise<boolean> =>
    (await anka.commands()).some(
      (call) => operationOf(call) === operation && call.start >= since && call.end === undefined,
    );

/** @returns how many VMs are left when all jobs are over and the agents have had their time */
async function leakedAfterKill(stack: Stack, operation: 'clone' | 'start'): Promise<number> {
  const since = Date.now();
  for (const { anka } of stack.hosts) await anka.setDelays({ [operation]: SLOW_MS });
  const queue = (): SimJob => stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE) });
  const jobs = Array.from({ length: HOSTS }, queue);
  const reached = isAt(operation, since);
  await Promise.all(
    stack.hosts.map(async (host) => {
      await until(`${host.name} at ${operation}`, () => reached(host));
      await host.agent.kill();
      await host.restart();
    }),
  );
  for (const job of jobs) await untilOver(stack, job, 'success', 120_000);
  const isClean = async (): Promise<boolean> => (await ourVms(stack)).length === 0;
  await until('no VM is left', isClean, CLEAN_WITHIN_MS).catch(() => undefined);
  return (await ourVms(stack)).length;
}

export const crashes: Measure = {
  name: 'crashes',
  run: async (rig) => {
    const anka = { templates: [XCODE] };
    const hosts = Array.from({ length: HOSTS }, (_, index) => ({ name: `mini-${index + 1}`, slots: 1, anka }));
    const leaked = await rig.withStack({ hosts }, async (stack) => ({
      clone: await leakedAfterKill(stack, 'clone'),
      start: await leakedAfterKill(stack, 'start'),
    }));
    return {
      rows: (['clone', 'start'] as const).map((operation) => ({
        measure: `agent killed -9 during ${operation}, ${HOSTS} times: VMs leaked`,
        anklet: `${HOSTS} of ${HOSTS}`,
        unit: 'count',
        judged: 'worst',
        goal: { direction: 'at most', must: 0, aim: null },
        samples: [leaked[operation]],
      })),
    };
  },
};
