/** Temporal's dev server and a stack of real processes for one measure at a time. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { SEARCH_ATTRIBUTES } from '../jobs/search-attributes.js';
import { DEFAULT_TOKEN } from '../simulators/github/options.js';
import { startStack } from '../simulators/stack/stack.js';
import type { Stack } from '../simulators/stack/stack.js';
import { startDevServer } from '../temporal/dev-server.js';
import type { Rig, StackNeeds } from './measure.js';

const NAMESPACE = 'berth';

/** @param cli the Temporal CLI's file */
export function createRig(cli: string): Rig {
  return { cli, withStack: (needs, work) => withFolder((dir) => withTemporal(cli, dir, needs, work)) };
}

async function withFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The server keeps its state in a file, as `berth dev` lets it: "durable" is to mean something. */
async function withTemporal<T>(
  cli: string,
  dir: string,
  needs: StackNeeds,
  work: (stack: Stack) => Promise<T>,
): Promise<T> {
  const server = await startDevServer({
    cli,
    headless: true,
    dbFile: join(dir, 'temporal.db'),
    namespace: NAMESPACE,
    searchAttributes: SEARCH_ATTRIBUTES.map(({ name }) => name),
    log: pino({ level: 'silent' }),
  });
  try {
    const stack = await startStack({
      credential: { kind: 'pat', token: DEFAULT_TOKEN },
      ...needs,
      dir: join(dir, 'stack'),
      temporal: { address: server.address, namespace: NAMESPACE },
    });
    try {
      return await work(stack);
    } finally {
      await stack.stop();
    }
  } finally {
    await server.stop();
  }
}
