/** The sweeps' activity: one look of one part, with a pulse and with failures in Temporal's words. */

import { ApplicationFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import type { SweepPart, SweepReport } from '../jobs/sweeps.js';
import { messageOf } from '../agent/failure.js';
import { GitHubRateLimited } from '../github/errors.js';
import type { ReconcileActivities } from './contracts.js';
import { BEAT_MS, toFailure } from './github.js';
import type { Fleet } from './sweeps/fleet.js';
import type { SweepOfOnePart } from './sweeps/part.js';

export interface ReconcileDeps {
  readonly parts: Readonly<Record<Exclude<SweepPart, 'vms'>, SweepOfOnePart>>;
  readonly fleet: Pick<Fleet, 'hosts'>;
  readonly log: Logger;
  /** Tells Temporal that the activity goes on; default: not told. */
  readonly heartbeat?: () => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export function createReconcileActivities(deps: ReconcileDeps): ReconcileActivities {
  const { parts, fleet, log, heartbeat = () => undefined, now = Date.now } = deps;
  return {
    sweep: async ({ part, ...look }) => {
      // Its workflow asks the hosts themselves.
      if (part === 'vms') throw ApplicationFailure.nonRetryable('VMs are swept by their hosts', 'BadOutput');
      const timer = setInterval(heartbeat, BEAT_MS);
      try {
        const report = await parts[part](look);
        tell(report, look.dryRun, log);
        return report;
      } catch (error) {
        const isLimit = error instanceof GitHubRateLimited;
        log[isLimit ? 'info' : 'warn']({ part, why: messageOf(error) }, 'sweep failed');
        throw toFailure(error, 'may-repeat', now());
      } finally {
        clearInterval(timer);
      }
    },
    hostsToSweep: async () => {
      const timer = setInterval(heartbeat, BEAT_MS);
      try {
        return (await fleet.hosts()).map(({ host, isLost }) => ({ host, isLost }));
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/** A sweep that found nothing is a line for debugging only: there is one every minute. */
function tell({ part, looked, found, findings, calls, isComplete }: SweepReport, dryRun: boolean, log: Logger): void {
  const line = { part, looked, found, calls, isComplete, ...(dryRun && { dryRun }) };
  if (found === 0) log.debug(line, 'sweep found nothing');
  else log.info({ ...line, findings: findings.slice(0, 10) }, 'sweep found something');
}
