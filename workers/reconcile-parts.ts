/** What the sweeps of this orchestrator are made of, by its config. */

import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { ReconcileActivities } from '../activities/contracts.js';
import { createReconcileActivities } from '../activities/reconcile.js';
import { createDeliveriesSweep } from '../activities/sweeps/deliveries.js';
import { createReport } from '../activities/sweeps/part.js';
import type { SweepOfOnePart } from '../activities/sweeps/part.js';
import { createJobsSweep } from '../activities/sweeps/jobs.js';
import { createQueuedSweep } from '../activities/sweeps/queued.js';
import { createRepositories } from '../activities/sweeps/repositories.js';
import { createRunnersSweep } from '../activities/sweeps/runners.js';
import { hasCredential } from '../config/credentials.js';
import type { Config } from '../config/types.js';
import type { Hook } from '../github/deliveries.js';
import type { GitHub } from '../github/github.js';
import type { Scope } from '../jobs/scope.js';
import type { SweepPart } from '../jobs/sweeps.js';
import { createJobStarter } from '../temporal/job-starter.js';
import { createFleetScopes, createSeenRepositories } from './job-sources.js';
import type { SweepIntervals } from './reconcile-schedules.js';
import { createSweepFleet } from './sweep-fleet.js';

export interface ReconcilePartsOptions {
  readonly config: Config;
  readonly github: GitHub;
  readonly client: Client;
  /** Whether the namespace has Berth's search attributes. */
  readonly searchAttributes: boolean;
  /** Aborted when the orchestrator stops. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

export function reconcileActivitiesFor(options: ReconcilePartsOptions): ReconcileActivities {
  const { config, github, client, stopping, log } = options;
  const fleet = createSweepFleet(client, config.github.webHost, stopping);
  return createReconcileActivities({
    fleet,
    parts: {
      deliveries: deliveries(options),
      queued: queued(options),
      runners: createRunnersSweep({ namePrefix: config.namePrefix, scopes: ownScopes(config), github, fleet }),
      jobs: createJobsSweep({ github, fleet }),
    },
    log,
    heartbeat: () => Context.current().heartbeat(),
  });
}

function deliveries({ config, github }: ReconcilePartsOptions): SweepOfOnePart {
  const hook = hookOf(config);
  if (hook === null) return nothing('deliveries');
  const { redeliverHours = 0 } = config.receiver ?? {};
  return createDeliveriesSweep({ github, hook, lookBackMs: redeliverHours * 3_600_000 });
}

function queued({ config, github, client, searchAttributes, stopping }: ReconcilePartsOptions): SweepOfOnePart {
  const { pool, poolRules, namePrefix, intake, unplaceableAfterMs, forkPullRequests, jobSource, temporal } = config;
  const fleetScopes = createFleetScopes(client, stopping);
  return createQueuedSweep({
    github,
    repositories: createRepositories({
      github,
      scopes: async () => [...ownScopes(config), ...(await fleetScopes())],
      seen: createSeenRepositories(client),
    }),
    starter: createJobStarter({
      client,
      githubHost: config.github.webHost,
      pool,
      poolRules,
      namePrefix,
      searchAttributes: () => searchAttributes,
      hidesNames: temporal.codec !== null,
      unplaceableAfterMs,
      refusesForks: forkPullRequests === 'refuse',
    }),
    terms: { namePrefix, intake },
    follows: jobSource !== 'webhook',
  });
}

/** Those that the config's own entries name. */
const ownScopes = ({ slots, receiver }: Config): readonly Scope[] => [
  ...slots.map(({ scope }) => scope),
  ...(receiver?.scope ? [receiver.scope] : []),
];

/** The webhook whose deliveries are looked at; null: none is named, or GitHub has no log of it. */
export function hookOf({ receiver }: Pick<Config, 'receiver'>): Hook | null {
  if (receiver === null || receiver.skipRedeliver || receiver.hookId === null) return null;
  const { hookId, scope } = receiver;
  if (hookId === 'app') return { kind: 'app' };
  return scope === null || scope.kind === 'enterprise' ? null : { kind: 'scope', scope, hookId };
}

/** For a part that this config gives nothing to look at. */
const nothing =
  (part: SweepPart): SweepOfOnePart =>
  async ({ memory }) =>
    createReport(part).report(memory);

/** How often each part is swept; never, where this config gives it nothing to look at. */
export function sweepIntervals(config: Config): SweepIntervals {
  const { sweep, jobSource, pollIntervalMs } = config;
  const asks = hasCredential(config);
  return {
    deliveries: asks && hookOf(config) !== null ? sweep.deliveries : null,
    queued: asks ? (jobSource === 'webhook' ? sweep.queued : pollIntervalMs) : null,
    runners: asks ? sweep.runners : null,
    jobs: asks ? sweep.jobs : null,
    // Each host sweeps its VMs by itself.
    vms: null,
  };
}
