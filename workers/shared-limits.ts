/**
 * GitHub's limits, shared by all orchestrators by the workflow `limits/<github host>/<credential>`: each tells it what
 * it finds out, and reads there what the others did. No GitHub call waits for any of it; while Temporal does not answer
 * each process goes on with what it knows by itself.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { messageOf } from '../agent/failure.js';
import type { LimitNews } from '../github/gate.js';
import type { ShareLimits, SharedCredential } from '../github/sharing.js';
import { NOTHING_KNOWN, REGISTERS_AGAIN_MS, noted, registrars } from '../jobs/limits.js';
import type { LimitNote, SharedLimits } from '../jobs/limits.js';
import { ORCHESTRATOR_QUEUE, limitsWorkflowId } from '../jobs/names.js';
import { followSignals } from '../temporal/follow-signals.js';
import { grpcCode } from '../temporal/grpc-status.js';
import { openWorkflows } from '../temporal/open-workflows.js';
import { soon } from '../temporal/soon.js';
import type { LimitsInput, limits as limitsWorkflow } from '../workflows/limits.js';
import type { LimitsView } from '../workflows/messages.js';

export interface SharedLimitsOptions {
  readonly client: Client;
  readonly githubHost: string;
  readonly log: Logger;
}

export interface LimitsSharing {
  readonly share: ShareLimits;
  /** Tells the others that this process takes no share any more, and follows nothing. */
  readonly stop: () => Promise<void>;
}

/** Between attempts while Temporal does not answer. */
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/** How long the first call of a process waits at most for what the others know: a round trip takes some 10 ms. */
const READY_WITHIN_MS = 250;

/** At the end of a process, for its last word. */
const LEAVES_WITHIN_MS = 1_000;

/** News are worth telling for so long. */
const TELLS_FOR_MS = 60_000;

export function createSharedLimits(options: SharedLimitsOptions): LimitsSharing {
  const member = randomUUID();
  const aborter = new AbortController();
  const credentials: Followed[] = [];
  return {
    share: (credential, hear) => {
      const followed = follow({ ...options, member, credential, hear, signal: aborter.signal });
      credentials.push(followed);
      return followed.shared;
    },
    stop: async () => {
      await Promise.allSettled(credentials.map(({ leave }) => leave()));
      aborter.abort();
      await Promise.allSettled(credentials.map(({ done }) => done));
    },
  };
}

interface Followed {
  readonly shared: SharedCredential;
  readonly leave: () => Promise<void>;
  readonly done: Promise<void>;
}

interface FollowOptions extends SharedLimitsOptions {
  readonly member: string;
  readonly credential: string;
  readonly hear: (news: LimitNews) => void;
  readonly signal: AbortSignal;
}

function follow(options: FollowOptions): Followed {
  const { client, githubHost, credential, member, hear, signal, log } = options;
  const workflowId = limitsWorkflowId(githubHost, credential);
  let known: SharedLimits = NOTHING_KNOWN;
  let toldToRegisterAt = -Infinity;
  let isReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  setTimeout(isReady, READY_WITHIN_MS).unref();

  const learn = (limits: SharedLimits): void => {
    known = limits;
    hear({ ...(limits.pause && { pause: limits.pause }), ...(limits.left && { left: limits.left }) });
  };

  /** Starts the workflow when it is missing: on the first day, and after somebody terminated it. */
  const start = async (): Promise<void> => {
    await client.workflow.start<typeof limitsWorkflow>('limits', {
      workflowId,
      taskQueue: ORCHESTRATOR_QUEUE,
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `GitHub's limits of ${credential}`,
      args: [{ githubHost, credential, known }],
    });
  };

  const run = {
    onInput: ([input]: readonly unknown[]): void => learn((input as LimitsInput).known ?? NOTHING_KNOWN),
    onSignal: (name: string, [note]: readonly unknown[]): void => {
      if (name === 'limitNoted') learn(noted(known, note as LimitNote));
    },
    onCaughtUp: isReady,
  };

  const followOn = async (): Promise<void> => {
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted;) {
      try {
        const end = await followSignals(client, workflowId, run, signal);
        retryMs = FIRST_RETRY_MS;
        if (end === 'continued') continue;
        await start();
        // Should something end it again and again, that is not answered at any speed.
        await delay(FIRST_RETRY_MS, undefined, { signal });
      } catch (err) {
        if (signal.aborted) return;
        const isMissing = grpcCode(err) === 'NOT_FOUND' && (await start().then(yes, no));
        if (isMissing) continue;
        log.debug({ credential, err: messageOf(err) }, 'github limits not shared for now');
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    }
  };

  const signalOnce = (news: Omit<LimitNote, 'member' | 'at'>): Promise<unknown> =>
    client.workflow.signalWithStart<typeof limitsWorkflow, [LimitNote]>('limits', {
      workflowId,
      taskQueue: ORCHESTRATOR_QUEUE,
      staticSummary: `GitHub's limits of ${credential}`,
      args: [{ githubHost, credential, known }],
      signal: 'limitNoted',
      signalArgs: [{ member, at: Date.now(), ...news }],
    });

  const tell = async (news: Omit<LimitNote, 'member' | 'at'>): Promise<void> => {
    const until = Date.now() + TELLS_FOR_MS;
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs *= 2) {
      try {
        await signalOnce(news);
        return;
      } catch (err) {
        if (Date.now() > until) return log.warn({ credential, err: messageOf(err) }, 'github limits not told on');
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  };

  return {
    shared: {
      ready,
      tell: (news) => void tell(news),
      registers: () => {
        if (Date.now() - toldToRegisterAt < REGISTERS_AGAIN_MS) return;
        toldToRegisterAt = Date.now();
        void tell({ registers: true });
      },
      registrars: () => registrars(known, member, Date.now()),
    },
    leave: async () => {
      if (!(member in known.registering)) return;
      await soon(client, LEAVES_WITHIN_MS, () => signalOnce({ leaves: true }));
    },
    done: followOn(),
  };
}

const yes = (): boolean => true;
const no = (): boolean => false;

/**
 * What is known of every credential's limits, for metrics and the CLI. Compare its times with now: a `pause` may be over.
 * @throws Error when Temporal does not answer
 */
export async function readLimits(client: Client): Promise<readonly LimitsView[]> {
  const views: LimitsView[] = [];
  for (const { workflowId } of await openWorkflows(client, 'limits')) {
    views.push(await client.workflow.getHandle(workflowId).query<LimitsView>('limitsNow'));
  }
  return views;
}
