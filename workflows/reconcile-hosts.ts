/**
 * The part `vms`: asks each host for the sweep that it does by itself every minute, now, and what it found. Only by
 * hand: a schedule would add nothing to what the hosts do anyway.
 */

import { isCancellation } from '@temporalio/workflow';
import { rootCause } from '@temporalio/common';
import type { HostToSweep } from '../activities/contracts.js';
import { MOST_FINDINGS } from '../jobs/sweeps.js';
import type { SweepFinding, SweepInput, SweepReport } from '../jobs/sweeps.js';
import { hostSteps, sweeps } from './policies.js';

/** Each answer may take its host half a minute. */
const ASKED_AT_ONCE = 50;

export async function sweepHosts({ dryRun }: Pick<SweepInput, 'dryRun'>): Promise<SweepReport> {
  const waiting = (await sweeps.hostsToSweep()).values();
  const findings: SweepFinding[] = [];
  let looked = 0;
  const askInTurn = async (): Promise<void> => {
    for (const host of waiting) {
      const swept = await sweepOne(host, dryRun);
      looked += swept.looked;
      findings.push(...swept.findings);
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askInTurn));
  const found = findings.length;
  const first = findings.slice(0, MOST_FINDINGS);
  return { part: 'vms', looked, found, findings: first, calls: 0, isComplete: true, memory: null };
}

async function sweepOne(
  { host, isLost }: HostToSweep,
  dryRun: boolean,
): Promise<{ readonly looked: number; readonly findings: readonly SweepFinding[] }> {
  const silent = (why: string): SweepFinding => ({ what: `host ${host}`, why, done: 'left' });
  if (isLost) return { looked: 0, findings: [silent('no heartbeat: it sweeps by itself once it is back')] };
  try {
    const { looked, findings } = await hostSteps(host).sweep.sweepVms({ dryRun });
    return { looked, findings: findings.map(({ vm, ...rest }) => ({ what: `VM ${vm} on ${host}`, ...rest })) };
  } catch (err) {
    if (isCancellation(err)) throw err;
    const why = `it did not sweep (${rootCause(err) ?? String(err)}); it does so by itself`;
    return { looked: 0, findings: [{ ...silent(why), done: 'failed' }] };
  }
}
