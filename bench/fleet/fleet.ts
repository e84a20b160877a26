/**
 * A fleet in one process: Temporal's dev server beside it, a real orchestrator with the real workflows, and hosts and a
 * GitHub that only wait. What is left is what Berth and Temporal cost.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { SEARCH_ATTRIBUTES } from '../../jobs/search-attributes.js';
import { createJobStarter } from '../../temporal/job-starter.js';
import type { JobStarter } from '../../temporal/job-starter.js';
import { connectClient } from '../../temporal/connect.js';
import { startDevServer } from '../../temporal/dev-server.js';
import type { DevServer } from '../../temporal/dev-server.js';
import { freePort } from '../../temporal/free-port.js';
import { installRuntime } from '../../temporal/runtime.js';
import { createOrchestrator } from '../../workers/orchestrator.js';
import { createSimGitHub } from './sim-github.js';
import type { SimGitHub } from './sim-github.js';
import { startSimHost } from './sim-host.js';
import type { SimHost } from './sim-host.js';
import { DEFAULT_POLICY } from '../../jobs/policy.js';

export interface FleetOptions {
  /** The Temporal CLI's file. */
  readonly cli: string;
  readonly hosts: number;
  readonly slotsPerHost: number;
  /** How long a job runs, and each of the four steps on a VM (milliseconds). */
  readonly jobMs: number;
  readonly stepMs: number;
  /** Where the built code is not beside this file. */
  readonly workflowBundle?: string;
}

export interface BenchFleet {
  readonly client: Client;
  readonly github: SimGitHub;
  readonly hosts: readonly SimHost[];
  readonly metricsPort: number;
  /** The server's process. */
  readonly serverPid: number;
  readonly stop: () => Promise<void>;
}

export const NAMESPACE = 'berth';
export const POOL = 'default';
const TEMPLATE = 'macos-15';

/** All hosts are announced when this resolves. @throws what kept a part of it from starting; then nothing of it is left */
export async function startFleet(options: FleetOptions): Promise<BenchFleet> {
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    return { ...(await startParts(options, (end) => ends.push(end))), stop };
  } catch (err) {
    await stop().catch(() => undefined);
    throw err;
  }
}

async function startParts(
  options: FleetOptions,
  onStart: (end: () => Promise<unknown>) => void,
): Promise<Omit<BenchFleet, 'stop'>> {
  const log = pino({ level: 'silent' });
  installRuntime(log);
  const dir = await mkdtemp(join(tmpdir(), 'berth-fleet-'));
  onStart(() => rm(dir, { recursive: true, force: true }));
  const metricsPort = await freePort();
  const server = await startServer(options.cli, dir, metricsPort);
  onStart(() => server.stop());
  const client = await connectClient({ address: server.address, namespace: NAMESPACE });
  onStart(() => client.connection.close());
  const connection = await NativeConnection.connect({ address: server.address });
  onStart(() => connection.close());
  const starter = starterFor(client);
  const github = createSimGitHub({ starter: () => starter, template: TEMPLATE, jobMs: options.jobMs });
  const { workflowBundle } = options;
  const orchestrator = await createOrchestrator({
    connection,
    namespace: NAMESPACE,
    pools: [POOL],
    policy: DEFAULT_POLICY,
    version: '0.0.0',
    client,
    // No sweep is scheduled: they cost calls to GitHub, which is not what is measured.
    sweep: { deliveries: null, queued: null, runners: null, jobs: null, vms: null },
    activities: {
      ...github.activities,
      sweep: () => Promise.reject(new Error('no sweep is scheduled')),
      hostsToSweep: () => Promise.reject(new Error('no sweep is scheduled')),
    },
    ...(workflowBundle !== undefined && { workflowBundle }),
    log,
  });
  const running = orchestrator.run();
  onStart(() => (orchestrator.stop(), running));
  const hosts: SimHost[] = [];
  onStart(() => Promise.all(hosts.map((host) => host.stop())));
  for (let n = 1; n <= options.hosts; n += 1) {
    const { slotsPerHost: slots, stepMs } = options;
    const { onRunnerStarted } = github;
    const what = { connection, namespace: NAMESPACE, pool: POOL, template: TEMPLATE, slots, stepMs, onRunnerStarted };
    hosts.push(await startSimHost({ ...what, name: `mini-${n}`, log }));
  }
  await Promise.all(hosts.map(({ announced }) => announced));
  return { client, github, hosts, metricsPort, serverPid: server.pid };
}

const startServer = (cli: string, dir: string, metricsPort: number): Promise<DevServer> =>
  startDevServer({
    cli,
    headless: true,
    metricsPort,
    dbFile: join(dir, 'temporal.db'),
    namespace: NAMESPACE,
    searchAttributes: SEARCH_ATTRIBUTES.map(({ name }) => name),
    log: pino({ level: 'silent' }),
  });

const starterFor = (client: Client): JobStarter =>
  createJobStarter({
    client,
    githubHost: 'github.example',
    pool: POOL,
    namePrefix: 'berth',
    searchAttributes: () => true,
    timeoutMs: 60_000,
  });
