/** The orchestrator: runs all workflows and talks to GitHub. Several may run at once; Temporal shares the work out. */

import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { GitHubActivities, ReconcileActivities } from '../activities/contracts.js';
import type { Policy } from '../jobs/policy.js';
import { ensureDispatcher } from './orchestrator-dispatchers.js';
import { createReconcileSchedules } from './reconcile-schedules.js';
import type { SweepIntervals } from './reconcile-schedules.js';
import { createStuckWatch, watchEvictions } from './stuck-workflows.js';
import type { WorkerTemporal } from './temporal-ready.js';
import { createWorkflowWorkers } from './workflow-workers.js';

export interface OrchestratorOptions extends WorkerTemporal {
  readonly pools: readonly string[];
  /** By which slots are granted, in all pools. */
  readonly policy: Policy;
  /** Of the same namespace, with the same data converter. */
  readonly client: Client;
  readonly activities: GitHubActivities & ReconcileActivities;
  readonly sweep: SweepIntervals;
  /** Of Berth; each workflow task in a history names the version that did it. */
  readonly version: string;
  /** The file of the workflows' bundle; default: beside this code, where the build puts it. */
  readonly workflowBundle?: string;
  readonly log: Logger;
}

export interface Orchestrator {
  /** Resolves when `stop` has been called and everything in flight has ended; rejects when a worker breaks. */
  readonly run: () => Promise<void>;
  readonly stop: () => void;
}

/** How often a dispatcher that someone terminated is noticed. */
const DISPATCHER_CHECK_MS = 5_000;

/** How often a sweep's schedule that someone deleted is noticed. */
const SCHEDULES_CHECK_MS = 5 * 60_000;

/** Two bundles of the same workflows: failures are made inside, where the data converter does not reach. */
const bundlePath = (isEncoded: boolean): string =>
  fileURLToPath(new URL(`../workflow-bundle${isEncoded ? '-encoded' : ''}.js`, import.meta.url));

export async function createOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  const { dataConverter, client, version, log } = options;
  const workers = await createWorkflowWorkers({
    ...options,
    activities: { ...options.activities },
    workflowBundle: options.workflowBundle ?? bundlePath(dataConverter !== undefined),
  });
  const timers: NodeJS.Timeout[] = [];
  const schedules = createReconcileSchedules({ client, intervals: options.sweep, log });
  const stopping = new AbortController();
  const told = new Map<string, string>();
  const { policy } = options;
  const ensure = async (): Promise<void> => {
    const { signal } = stopping;
    const all = options.pools.map((pool) => ensureDispatcher({ client, pool, policy, told, log, signal }));
    await Promise.all(all).catch((err: unknown) => log.warn({ err }, 'dispatcher not checked'));
  };
  const ensureSchedules = (): Promise<void> =>
    schedules.ensure().catch((err: unknown) => log.warn({ err }, 'sweep schedules not checked'));
  const dealWithStuck = createStuckWatch({ client, version, log, restart: ensure });
  for (const worker of workers.all) watchEvictions(worker, (eviction) => void dealWithStuck(eviction));
  return {
    run: async () => {
      // Not waited for: those who are told can only answer once the worker runs.
      void ensure();
      timers.push(setInterval(() => void ensure(), DISPATCHER_CHECK_MS));
      void ensureSchedules();
      timers.push(setInterval(() => void ensureSchedules(), SCHEDULES_CHECK_MS));
      try {
        await workers.run();
      } finally {
        timers.forEach(clearInterval);
        stopping.abort();
      }
    },
    stop: () => {
      stopping.abort();
      workers.shutdown();
    },
  };
}
