/** The stack that the cells of a row share; after a cell that failed the next one gets a fresh one. */

import type { StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE } from '../../simulators/stack/templates.js';
import { createOwnTemporal } from '../e2e/own-temporal.js';
import { watchSlowness } from '../e2e/slowness.js';
import { testStack } from '../e2e/support.js';
import type { Ground, RowNeeds } from './cell.js';
import { REPO } from './steps.js';

export interface Grounds {
  /** The row's stack; a fresh one at first and after `spoil`. */
  readonly take: () => Promise<Ground>;
  /** What a cell did may be felt by the next one. */
  readonly spoil: () => void;
  readonly close: () => Promise<void>;
}

/** The sweeps are on, as in production; minutes are seconds. */
export const SWEPT = {
  redelivers: true,
  orchestratorConfig: { sweep: { deliveries: '5s', queued: '8s', runners: '10s', jobs: '10s', vms: '10s' } },
} as const;

/** A stack that runs. */
export interface Standing {
  readonly ground: Ground;
  readonly stop: () => Promise<void>;
}

export function createGrounds(row: RowNeeds): Grounds {
  let standing: Standing | undefined;
  let isSpoilt = false;

  async function close(): Promise<void> {
    const last = standing;
    standing = undefined;
    await last?.stop();
  }

  return {
    take: async () => {
      if (isSpoilt) await close();
      isSpoilt = false;
      standing ??= await start(row);
      return standing.ground;
    },
    spoil: () => {
      isSpoilt = true;
    },
    close,
  };
}

async function start(row: RowNeeds): Promise<Standing> {
  const slowness = await watchSlowness()();
  const slower = (seconds: number): number => Math.ceil(seconds * slowness);
  const { timeouts = {}, registrationTimeoutSeconds = 60 } = row;
  const config = { timeouts: Object.fromEntries(Object.entries(timeouts).map(([name, s]) => [name, slower(s)])) };
  const needs = { ...row, registrationTimeoutSeconds: slower(registrationTimeoutSeconds) };
  return createFleet(needs, ['mini-1'], { slots: 1, repo: REPO, config });
}

/** Hosts that are all alike; the first one is the ground's own. */
export async function createFleet(
  row: RowNeeds,
  names: readonly string[],
  each: Omit<StackHostOptions, 'name'>,
): Promise<Standing> {
  const temporal = row.ownTemporal === true ? await createOwnTemporal() : null;
  const stack = await testStack({
    hosts: names.map((name) => ({ ...each, name, anka: { templates: [XCODE], ...each.anka } })),
    ...SWEPT,
    registrationTimeoutSeconds: row.registrationTimeoutSeconds ?? 60,
    ...(temporal === null ? {} : { temporal: temporal.at }),
  });
  const [host] = stack.hosts;
  if (host === undefined) throw new Error('the stack has no host');
  return {
    ground: { stack, host, temporal, dead: [], bereft: new Set() },
    stop: async () => {
      await stack.stop();
      await temporal?.close();
    },
  };
}
