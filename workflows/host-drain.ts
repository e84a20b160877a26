/** What an operator wants of a host, and what comes of it: draining → drained, and what is still in the way. */

import type { HostReport } from '../activities/contracts.js';
import type { DrainRequest, DrainWish, HostState, HostStatus } from './messages.js';

/** A host's workflow, as far as it matters here. */
export interface Watched {
  readonly report: HostReport | null;
  readonly isThere: boolean;
  readonly drain: DrainWish | null;
}

const MOST_NAME = 200;

/** A year: more is a mistake, and less than a timer can hold. */
const MOST_DEADLINE_MS = 366 * 24 * 3_600_000;

/** Why a request cannot be taken, for whoever sent it; null when it can. */
export function whyNoDrain(request: DrainRequest | undefined): string | null {
  const { by, deadlineMs } = request ?? {};
  if (by !== undefined && (typeof by !== 'string' || by.length > MOST_NAME)) {
    return `by: expected a name of up to ${MOST_NAME} characters`;
  }
  if (deadlineMs === undefined || deadlineMs === null) return null;
  const isTime = Number.isFinite(deadlineMs) && deadlineMs > 0 && deadlineMs <= MOST_DEADLINE_MS;
  return isTime ? null : 'deadlineMs: expected milliseconds, more than 0 and at most a year';
}

/** Said again it changes who and until when, not since when. */
export function wishFor(known: DrainWish | null, request: DrainRequest | undefined, now: number): DrainWish {
  const deadlineMs = request?.deadlineMs ?? null;
  return {
    by: request?.by || 'somebody',
    since: known?.since ?? now,
    deadlineAt: deadlineMs === null ? null : now + Math.round(deadlineMs),
  };
}

/**
 * What a new run makes of an agent that says it was drained by command: the workflow that knew more was terminated, and
 * the host must not take jobs again because of that.
 */
export function wishRecalled(report: HostReport, now: number): DrainWish | null {
  const isDrained = report.drainedBy?.includes('operator') === true;
  return isDrained ? { by: 'somebody (its agent remembers)', since: now, deadlineAt: null } : null;
}

/** Whether the agent has taken note: it refuses VMs by itself from then on, or takes them again. */
export const hasTakenNote = ({ report, drain }: Watched): boolean =>
  report?.drainedBy?.includes('operator') === (drain !== null);

/** How long until the deadline (ms); null when there is none, or it has passed. */
export function untilDeadline({ drain }: Watched, now: number): number | null {
  const left = drain?.deadlineAt == null ? 0 : drain.deadlineAt - now;
  return left > 0 ? left : null;
}

export const isOverdue = (watched: Watched, now: number): boolean =>
  watched.drain?.deadlineAt != null && watched.drain.deadlineAt <= now && (watched.report?.holds.length ?? 0) > 0;

/** The report as the rest of Berth is to see it: what an operator wants counts before the agent has heard of it. */
export const reportWithWish = (report: HostReport, { drain }: Watched): HostReport =>
  drain === null || report.draining ? report : { ...report, draining: true };

/** @returns null before the first report */
export function statusOf(watched: Watched, now: number): HostStatus | null {
  const { report, drain } = watched;
  if (report === null) return null;
  return {
    ...reportWithWish(report, watched),
    state: stateOf(watched, report),
    drain,
    overdue: isOverdue(watched, now),
  };
}

function stateOf(watched: Watched, report: HostReport): HostState {
  if (!watched.isThere) return 'lost';
  if (reportWithWish(report, watched).draining) return report.holds.length === 0 ? 'drained' : 'draining';
  return report.provider.problems.length > 0 ? 'broken' : 'up';
}

/** What the host's page says of its state, after the first word. */
export function drainText(watched: Watched, now: number): string {
  const { drain, report } = watched;
  if (drain === null) return '';
  const until = drain.deadlineAt === null ? '' : `, until ${new Date(drain.deadlineAt).toISOString()}`;
  const drained = `\n\ndrained by ${drain.by} since ${new Date(drain.since).toISOString()}${until}`;
  const holds = report?.holds ?? [];
  if (holds.length === 0) return drained;
  const waits = isOverdue(watched, now) ? 'its **deadline has passed**, and it still waits for' : 'it waits for';
  return `${drained}; ${waits} ${holds.join(', ')}`;
}
