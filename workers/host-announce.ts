/** How a host makes itself known to its `hostWatch` workflow, which need not exist yet. */

import { WithStartWorkflowOperation } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { messageOf } from '../agent/failure.js';
import { pause } from '../agent/waiting.js';
import type { HostReport } from '../activities/contracts.js';
import { ORCHESTRATOR_QUEUE, hostWorkflowId } from '../jobs/names.js';
import { soon } from '../temporal/soon.js';

export type Announced = { readonly accepted: true } | { readonly accepted: false; readonly reason: string };

/** The update waits this long for an orchestrator before it is sent anew. */
const ANSWER_WITHIN_MS = 15_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Announces the host until someone answers, however long the orchestrator is away.
 * @throws the signal's reason
 */
export async function announceHost(
  client: Client,
  report: () => Promise<HostReport>,
  log: Logger,
  signal: AbortSignal,
): Promise<Announced> {
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    const current = await report();
    try {
      return await soon(client, ANSWER_WITHIN_MS, () => announceOnce(client, current));
    } catch (err) {
      log.warn({ host: current.host, err: messageOf(err) }, 'host not announced yet, is an orchestrator running?');
    }
    await pause(wait, signal);
  }
}

async function announceOnce(client: Client, report: HostReport): Promise<Announced> {
  return client.workflow.executeUpdateWithStart<() => Promise<void>, Announced, [HostReport]>('announce', {
    args: [report],
    startWorkflowOperation: new WithStartWorkflowOperation('hostWatch', {
      workflowId: hostWorkflowId(report.host),
      taskQueue: ORCHESTRATOR_QUEUE,
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `watches host ${report.host}`,
      args: [{ host: report.host }],
    }),
  });
}

/** Tells that this agent is about to stop; nobody waits for it if Temporal is away. */
export async function sayLeaving(client: Client, host: string, sessionId: string, log: Logger): Promise<void> {
  try {
    const handle = client.workflow.getHandle(hostWorkflowId(host));
    await soon(client, 2_000, () => handle.signal('leaving', { sessionId }));
  } catch (err) {
    log.warn({ host, err: messageOf(err) }, 'leave not told');
  }
}
