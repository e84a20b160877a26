/** What an agent costs its Mac and GitHub: a minute in which nothing happens, then a hundred jobs. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Measure, SimulatorTime } from '../measure.js';
import { ankaCalls, untilIdle } from '../observe.js';
import type { Row } from '../row.js';
import { rssMegabytes } from '../rss.js';

const JOBS = 100;
const MINUTE_MS = 60_000;

/** After the start, until the agent has announced itself, looked around once, and settled. */
const SETTLE_MS = 10_000;

interface Costs {
  readonly anka: number;
  readonly github: number;
  readonly rss: number;
}

const agentOf = (stack: Stack): number => {
  const [host] = stack.hosts;
  if (host === undefined) throw new Error('this measure needs a host');
  return host.agent.pid;
};

async function idleMinute(stack: Stack): Promise<Costs> {
  await delay(SETTLE_MS);
  const before = { anka: (await ankaCalls(stack)).length, github: stack.github.calls().length };
  await delay(MINUTE_MS);
  return {
    anka: (await ankaCalls(stack)).length - before.anka,
    github: stack.github.calls().length - before.github,
    rss: await rssMegabytes(agentOf(stack)),
  };
}

async function hundredJobs(stack: Stack): Promise<Costs> {
  const before = { anka: (await ankaCalls(stack)).length, github: stack.github.calls().length };
  stack.github.queueMatrix({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 50, count: JOBS });
  await stack.github.waitFor(({ jobs }) => jobs.every(({ conclusion }) => conclusion === 'success'), 180_000);
  await untilIdle(stack);
  return {
    anka: ((await ankaCalls(stack)).length - before.anka) / JOBS,
    github: (stack.github.calls().length - before.github) / JOBS,
    rss: await rssMegabytes(agentOf(stack)),
  };
}

const row = (
  measure: string,
  anklet: string,
  unit: Row['unit'],
  goal: readonly [number, number | null],
  value: number,
): Row => ({
  measure,
  anklet,
  unit,
  judged: 'worst',
  goal: { direction: 'at most', must: goal[0], aim: goal[1] },
  samples: [value],
});

function gitHubTimes(stack: Stack): readonly SimulatorTime[] {
  const calls = stack.github.calls().map(({ method, path, durationMs }) => ({
    name: `${method} ${path.replaceAll(/\/\d+/g, '/:id')}`,
    durationMs,
  }));
  return [...new Set(calls.map(({ name }) => name))].sort().map((name) => ({
    what: `\`${name}\``,
    when: `${JOBS} jobs of 50 ms`,
    samplesMs: calls.filter((call) => call.name === name).map(({ durationMs }) => durationMs),
  }));
}

export const cost: Measure = {
  name: 'cost',
  run: (rig) =>
    rig.withStack({ hosts: [{ name: 'mini-1', anka: { templates: [XCODE] } }] }, async (stack) => {
      const idle = await idleMinute(stack);
      const busy = await hundredJobs(stack);
      return {
        rows: [
          row('`anka` processes a job', '20', 'count', [9, null], busy.anka),
          row('`anka` processes idle, a minute', '20', 'count', [2, null], idle.anka),
          row('GitHub calls a good job', '1 (PAT), 2 (App)', 'count', [1, null], busy.github),
          row('GitHub calls idle, a minute', '0', 'count', [0, null], idle.github),
          row('host agent memory (RSS), idle', '13.5 MB', 'MB', [110, 90], idle.rss),
          row('host agent memory (RSS), after 100 jobs', '19 MB', 'MB', [130, 110], busy.rss),
        ],
        simulators: gitHubTimes(stack),
      };
    }),
};
