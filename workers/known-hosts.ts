/** What the hosts of a pool said last, as their workflows know it; those that are lost now included. */

import type { Client } from '@temporalio/client';
import type { HostReport } from '../activities/contracts.js';
import { pause } from '../agent/waiting.js';
import type { HostStatus } from '../workflows/messages.js';

export interface KnownHostsOptions {
  readonly client: { readonly workflow: Pick<Client['workflow'], 'getHandle'> };
  readonly pool: string;
  /** Of the hosts' workflows. */
  readonly workflowIds: readonly string[];
  /** Ends the asking. */
  readonly signal: AbortSignal;
}

export interface KnownHosts {
  readonly reports: readonly HostReport[];
  /** So many did not answer. */
  readonly silent: number;
}

/** Each question wakes a workflow. */
const ASKED_AT_ONCE = 20;

/** More would be too much for one payload. */
const MOST_ASKED = 2_000;

/** Whoever needs to know waits for it (ms). */
const WITHIN_MS = 5_000;

/** Never fails: a host that does not answer speaks by itself within a minute. */
export async function knownHosts({ client, pool, workflowIds, signal }: KnownHostsOptions): Promise<KnownHosts> {
  const asked = workflowIds.slice(0, MOST_ASKED);
  const waiting = asked.values();
  const answers: (HostStatus | null)[] = [];
  let isOver = false;
  const askInTurn = async (): Promise<void> => {
    for (const workflowId of waiting) {
      if (isOver) return;
      // By name: this process does not load the workflows' code.
      const ask = async (): Promise<HostStatus | null> =>
        client.workflow.getHandle(workflowId).query<HostStatus | null>('hostStatus');
      const answer = await ask().catch(() => undefined);
      if (answer !== undefined) answers.push(answer);
    }
  };
  const all = Promise.all(Array.from({ length: Math.min(ASKED_AT_ONCE, asked.length) }, askInTurn));
  const enough = new AbortController();
  const tooLong = pause(WITHIN_MS, AbortSignal.any([signal, enough.signal])).catch(() => undefined);
  await Promise.race([all, tooLong]);
  isOver = true;
  enough.abort();
  const reports = answers.flatMap((status) => (status?.pool === pool ? [reportIn(status)] : []));
  return { reports, silent: workflowIds.length - answers.length };
}

/** Without what its workflow adds. */
function reportIn(status: HostStatus): HostReport {
  const report: Partial<HostStatus> = { ...status };
  for (const key of ['state', 'drain', 'overdue'] as const) delete report[key];
  return report as HostReport;
}
