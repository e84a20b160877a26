/** What hosts say of themselves, in the dispatcher's books. Pure but for the books. */

import type { HostReport } from '../activities/contracts.js';
import type { Fleet, FleetRunner } from './fleet.js';
import type { HostForgotten, HostLost } from './messages.js';
import { whyNonsense } from './report-check.js';

/** A runner that neither its workflow nor its host vouches for is forgotten after this (ms): one ask interval. */
export const VOUCH_MS = 60_000;

/**
 * A host says what it has. An earlier report of the same session changes nothing; another session is a newer one,
 * because one workflow (`hostWatch`) tells all of them, in order. Nonsense changes nothing either; `hostWatch` refuses
 * it and says so.
 */
export function applyHostReport(fleet: Fleet, report: HostReport, now: number): void {
  const known = fleet.hosts[report.host];
  const isOld = known?.report.sessionId === report.sessionId && report.sequence < known.report.sequence;
  if (isOld || whyNonsense(report) !== undefined) return;
  fleet.hosts[report.host] = { report, lost: false, seenAt: now };
  const holds = new Set(report.holds);
  for (const runner of Object.values(fleet.runners)) {
    if (runner.host === report.host) noteSighting(runner, holds.has(runner.name), now);
  }
}

function noteSighting(runner: FleetRunner, isThere: boolean, now: number): void {
  if (isThere) {
    runner.seenOnHost = true;
    runner.goneSince = null;
  } else if (runner.seenOnHost || now - runner.grantedAt > VOUCH_MS) {
    runner.goneSince ??= now;
  }
}

export function applyHostLost(fleet: Fleet, lost: HostLost): void {
  const host = fleet.hosts[lost.host];
  if (host?.report.sessionId === lost.sessionId) host.lost = true;
}

/** It is no host any more, unless it is back: then it has said so since. Runners there end by themselves. */
export function applyHostForgotten(fleet: Fleet, { host }: HostForgotten): void {
  if (fleet.hosts[host]?.lost === true) delete fleet.hosts[host];
}
