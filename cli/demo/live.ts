/** Prints each step of each job as it happens. */

import type { Client } from '@temporalio/client';
import type { JobStatus } from '../../workflows/messages.js';

export interface Followed {
  readonly title: string;
  readonly workflowId: string;
}

export interface Live {
  /** What each job's page said last, by workflow id. */
  readonly statuses: ReadonlyMap<string, JobStatus>;
  readonly stop: () => Promise<void>;
}

const LOOK_EVERY_MS = 150;

/**
 * Follows jobs by the same query that operators use, until stopped.
 * @param startedAt what the printed times count from (epoch milliseconds)
 */
export function followLive(
  client: Client,
  jobs: readonly Followed[],
  out: (text: string) => void,
  startedAt: number,
): Live {
  const statuses = new Map<string, JobStatus>();
  const printed = new Map<string, number>();
  const width = Math.max(...jobs.map(({ title }) => title.length));
  let isStopped = false;

  async function look({ title, workflowId }: Followed): Promise<void> {
    const status = await client.workflow
      .getHandle(workflowId)
      .query<JobStatus>('status')
      .catch(() => undefined);
    if (status === undefined) return;
    statuses.set(workflowId, status);
    const seen = printed.get(workflowId) ?? 0;
    for (const { at, what } of status.timeline.slice(seen)) {
      out(`  ${seconds(at - startedAt)}  ${title.padEnd(width)}  ${what}\n`);
    }
    printed.set(workflowId, status.timeline.length);
  }

  async function loop(): Promise<void> {
    for (let isLast = false; !isLast;) {
      isLast = isStopped;
      await Promise.all(jobs.map(look));
      if (!isLast) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  const done = loop();
  return {
    statuses,
    stop: () => {
      isStopped = true;
      return done;
    },
  };
}

/** `  1.24 s` */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2).padStart(6)} s`;
