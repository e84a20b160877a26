/** The host's worker: activities only, on the task queue of this one host. */

import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createHostActivities } from '../activities/host.js';
import type { HostActivitiesDeps } from '../activities/host.js';
import { untilDrained } from '../agent/drained.js';
import { createHostAgent } from '../agent/host-agent.js';
import type { HostAgent, HostAgentConfig } from '../agent/host-agent.js';
import { pause } from '../agent/waiting.js';
import { hostQueue } from '../jobs/names.js';
import { createAnkaProvider } from '../providers/anka/anka.js';
import { announceHost, sayLeaving } from './host-announce.js';
import { createAttendance } from './host-attendance.js';
import { createHostWorkflows } from './host-workflows.js';
import type { WorkerTemporal } from './temporal-ready.js';

export interface HostWorkerConfig extends HostAgentConfig {
  /** The `anka` command; default: the one on the PATH. */
  readonly ankaPath?: string;
}

export interface HostWorkerDeps extends WorkerTemporal {
  readonly config: HostWorkerConfig;
  readonly log: Logger;
}

export interface HostWorker {
  readonly sessionId: string;
  /**
   * Resolves after `stop`, when everything in flight has ended.
   * @throws Error when another machine attends a host of this name, or when the worker breaks
   */
  readonly run: () => Promise<void>;
  /** Ends what has not begun; VMs with a runner are left to be adopted. Resolves with `run`. Idempotent. */
  readonly stop: () => Promise<void>;
  /** Takes no new jobs and waits for its VMs, or until `cut` is aborted, or for so long (ms). To be followed by `stop`. */
  readonly drain: (cut: AbortSignal, withinMs: number) => Promise<void>;
  /** Names of the VMs that are held here now. */
  readonly heldVms: () => readonly string[];
}

/** How long the answer to the announcement is waited for before the host polls for work all the same (ms). */
const POLL_ANYWAY_MS = 3_000;

/** Two or three slots with a hold, a step and a delete each, and `attend`; more only wait for each other. */
const MAX_ACTIVITIES = 50;

/** Between two `attend`s there are milliseconds; longer than the time in which a host in doubt is asked again. */
const UNATTENDED_MS = 20_000;

/**
 * Opens the host's state folder; nothing is polled before `run`.
 * @throws Error when another agent has the state folder
 */
export async function createHostWorker(deps: HostWorkerDeps): Promise<HostWorker> {
  const { connection, namespace, dataConverter, config, log } = deps;
  const client = new Client({ connection, namespace, ...(dataConverter && { dataConverter }) });
  const provider = createAnkaProvider({
    ...(config.ankaPath !== undefined && { path: config.ankaPath }),
    ...(config.limits !== undefined && { limits: config.limits }),
  });
  const agent = await createHostAgent({ config, provider, workflows: createHostWorkflows(client), log });
  const attendance = createAttendance();
  const stopping = new AbortController();
  let endPolling = (): void => undefined;
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  /** Once, and again whenever its workflow seems to have been terminated. */
  async function keepAnnounced(onAnswer: () => void): Promise<void> {
    for (;;) {
      const answer = await announceHost(client, agent.report, log, stopping.signal);
      onAnswer();
      if (!answer.accepted) throw new Error(answer.reason);
      log.info({ host: config.host, session: agent.sessionId }, 'host announced');
      await attendance.lapsed(UNATTENDED_MS, stopping.signal);
      log.warn({ host: config.host }, 'host not attended, announcing it again');
    }
  }

  /** Resolves when the worker was told to end, and everything in flight has. */
  async function attendQueue(): Promise<void> {
    const nextReport: HostAgent['nextReport'] = (known, signal) =>
      attendance.during(() => agent.nextReport(known, signal));
    const worker = await createHostActivityWorker(deps, { ...agent, nextReport });
    endPolling = () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    const polling = worker.run();
    if (stopping.signal.aborted) endPolling();
    await polling;
  }

  async function run(): Promise<void> {
    let refusal: Error | undefined;
    try {
      await agent.start();
      let answered = (): void => undefined;
      const answer = new Promise<void>((resolve) => (answered = resolve));
      const announced = keepAnnounced(answered).catch((err: unknown) => {
        if (stopping.signal.aborted) return;
        refusal = err instanceof Error ? err : new Error(String(err));
        stopping.abort();
        endPolling();
      });
      // A second machine of this name must not take the first one's tasks. An orchestrator that is away is not waited
      // for: VMs that run here want to be adopted.
      await Promise.race([answer, pause(POLL_ANYWAY_MS, stopping.signal).catch(() => undefined)]);
      if (!stopping.signal.aborted) await attendQueue().finally(() => stopping.abort());
      await announced;
    } finally {
      await agent.close();
    }
    if (refusal !== undefined) throw refusal;
  }

  async function stop(): Promise<void> {
    if (running === undefined) return agent.close();
    await Promise.all([agent.prepareStop(), sayLeaving(client, config.host, agent.sessionId, log)]);
    stopping.abort();
    endPolling();
    await running.catch(() => undefined);
  }

  return {
    sessionId: agent.sessionId,
    run: () => (running ??= run()),
    stop: () => (stopped ??= stop()),
    drain: async (cut, withinMs) => {
      agent.setDraining('stop', true);
      await untilDrained({ host: config.host, vms: agent.heldVms, log, withinMs }, cut);
    },
    heldVms: agent.heldVms,
  };
}

type WorkerDeps = WorkerTemporal & { readonly config: Pick<HostWorkerConfig, 'host'> };

/** The worker alone, for whatever does an agent's work: it polls as soon as it runs. */
export function createHostActivityWorker(deps: WorkerDeps, agent: HostActivitiesDeps['agent']): Promise<Worker> {
  const { connection, namespace, dataConverter, config } = deps;
  return Worker.create({
    connection,
    namespace,
    ...(dataConverter && { dataConverter }),
    taskQueue: hostQueue(config.host),
    activities: { ...createHostActivities({ agent }) },
    maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 4 },
    // Cancels come with the answers to heartbeats, which the SDK would otherwise hold back for seconds.
    maxHeartbeatThrottleInterval: '500 milliseconds',
    // Deletes in flight end whatever this says; everything else has been told to end before.
    shutdownGraceTime: '200 milliseconds',
  });
}
