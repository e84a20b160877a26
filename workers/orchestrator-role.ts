import { Context } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createGitHubActivities } from '../activities/github.js';
import type { RegisterBy } from '../activities/registration.js';
import { credentialForScope } from '../config/credentials.js';
import type { Config, Credential as Configured } from '../config/types.js';
import { createGitHub } from '../github/github.js';
import type { GitHub } from '../github/github.js';
import type { ShareLimits } from '../github/sharing.js';
import type { AppCredential, Credential } from '../github/credentials.js';
import { poolNames } from '../jobs/pools.js';
import { SEARCH_ATTRIBUTES } from '../jobs/search-attributes.js';
import { seal } from '../secrets/seal.js';
import { ensureNamespace, ensureSearchAttributes } from '../temporal/setup.js';
import { createOrchestrator } from './orchestrator.js';
import { reconcileActivitiesFor, sweepIntervals } from './reconcile-parts.js';
import type { Role } from './role.js';
import { createSharedLimits } from './shared-limits.js';
import { whileConnected } from './temporal-ready.js';
import type { WorkerTemporal } from './temporal-ready.js';

/** Starts the orchestrator: sets the namespace up, then runs workflows and GitHub activities until stopped. */
export function startOrchestrator(config: Config, version: string, log: Logger): Role {
  const aborter = new AbortController();
  let stopWorker = (): void => undefined;
  const done = whileConnected(config.temporal, log, aborter.signal, run).catch((err: unknown) => {
    if (!aborter.signal.aborted) throw err;
  });

  async function run(temporal: WorkerTemporal): Promise<void> {
    const searchAttributes = await setUp(temporal.connection, config, log);
    const client = new Client(temporal);
    const sharing = createSharedLimits({ client, githubHost: config.github.webHost, log });
    try {
      const github = gitHubFor(config, version, log, sharing.share);
      const orchestrator = await createOrchestrator({
        ...temporal,
        policy: config.placement,
        pools: poolNames(config),
        version,
        sweep: sweepIntervals(config),
        client,
        activities: {
          ...createGitHubActivities({
            github,
            seal,
            log,
            registerBy: registerBy(config),
            onUnrunnable: config.onUnrunnable,
            onInfraLost: config.onInfraLost,
            heartbeat: () => Context.current().heartbeat(),
            isForgotten: () => Context.current().cancellationDetails?.notFound === true,
          }),
          ...reconcileActivitiesFor({ config, github, client, searchAttributes, stopping: aborter.signal, log }),
        },
        log,
      });
      stopWorker = orchestrator.stop;
      aborter.signal.throwIfAborted();
      log.info({ namespace: config.temporal.namespace, pools: poolNames(config) }, 'orchestrator started');
      await orchestrator.run();
    } finally {
      await sharing.stop();
    }
  }

  return {
    name: 'orchestrator',
    done,
    stop: async () => {
      aborter.abort();
      stopWorker();
      await done;
    },
  };
}

/** @returns whether the namespace has Berth's search attributes */
async function setUp(connection: NativeConnection, config: Config, log: Logger): Promise<boolean> {
  const { namespace } = config.temporal;
  await ensureNamespace(connection, { namespace, log });
  const names = SEARCH_ATTRIBUTES.map(({ name }) => name);
  return ensureSearchAttributes(connection, { namespace, names, log });
}

const registerBy = ({ runnerRegistration: kind, github }: Config): RegisterBy =>
  kind === 'jit' ? { kind } : { kind, webUrl: github.webUrl };

function gitHubFor(config: Config, version: string, log: Logger, shareLimits: ShareLimits): GitHub {
  return createGitHub({
    apiUrl: config.github.apiUrl,
    credentialFor: (scope) => inClear(credentialForScope(config, scope)),
    hookApp: hookAppOf(config),
    log,
    version,
    shareLimits,
  });
}

/** Whose webhook `hook_id: app` is: the receiver's own App, else the one for everything, else the only one there is. */
function hookAppOf({ receiver, slots, globalCredential }: Config): AppCredential | undefined {
  const own = [receiver?.credential, globalCredential, ...slots.map(({ credential }) => credential)];
  return own.map(inClear).find((credential) => credential?.kind === 'app');
}

function inClear(credential: Configured | undefined): Credential | undefined {
  if (credential === undefined) return undefined;
  if (credential.kind === 'token') return { kind: 'token', token: credential.token.reveal() };
  const { appId, installationId, privateKey } = credential;
  return { kind: 'app', appId, installationId: installationId ?? undefined, privateKey: privateKey.reveal() };
}
