/**
 * `reconcile/<part>`, started by the Temporal Schedule of that name, or by `berth sweep`: finds what was missed and
 * removes what was left, one part of it.
 *
 *   look → what condemns something needs a second look → report, which is the next sweep's memory
 */

import { setCurrentDetails, sleep, workflowInfo } from '@temporalio/workflow';
import { MOST_FINDINGS } from '../jobs/sweeps.js';
import type { SweepInput, SweepReport } from '../jobs/sweeps.js';
import { sweeps } from './policies.js';
import { sweepHosts } from './reconcile-hosts.js';

/** Between the two looks of a sweep by hand: what is being made or cleared away right now is then there, or gone. */
const SECOND_LOOK_MS = 15_000;

export async function reconcile(input: SweepInput): Promise<SweepReport> {
  const report = await (input.part === 'vms' ? sweepHosts(input) : sweepOnGitHub(input));
  setCurrentDetails(inWords(report));
  return report;
}

async function sweepOnGitHub({ part, dryRun, byHand }: SweepInput): Promise<SweepReport> {
  const look = (memory: SweepReport['memory']): Promise<SweepReport> => sweeps.sweep({ part, dryRun, byHand, memory });
  const first = await look(memoryOfLastSweep());
  if (!byHand || !first.findings.some(({ done }) => done === 'seen')) return first;
  await sleep(SECOND_LOOK_MS);
  return together(first, await look(first.memory));
}

/** What the first look did, and what the second one found: of a thing that both name, the second one's word counts. */
function together(first: SweepReport, second: SweepReport): SweepReport {
  const again = new Set(second.findings.map(({ what }) => what));
  const before = first.findings.filter(({ what, done }) => done !== 'seen' && !again.has(what));
  return {
    ...second,
    found: before.length + second.found,
    findings: [...before, ...second.findings].slice(0, MOST_FINDINGS),
    calls: first.calls + second.calls,
  };
}

/** Temporal hands a schedule's next run what the last one returned. */
function memoryOfLastSweep(): SweepReport['memory'] {
  const last = workflowInfo().lastResult as SweepReport | undefined;
  return last?.memory ?? null;
}

function inWords({ looked, found, findings, calls, isComplete }: SweepReport): string {
  const lines = findings.map(({ what, why, done }) => `- ${what}: ${why} (${done})`);
  const summary = `${looked} looked at, ${found} found, ${calls} calls to GitHub${isComplete ? '' : ', not complete'}`;
  return [summary, ...lines].join('\n');
}
