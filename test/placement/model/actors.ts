/** Who takes part: GitHub's jobs with their workflows, runners with their VMs, hosts. Plain records; `world.ts` moves them. */

import type { HostReport, SlotReport } from '../../../activities/contracts.js';
import type { Trouble } from '../../../jobs/attempts.js';
import { NO_TROUBLE } from '../../../jobs/attempts.js';
import type { FailureType } from '../../../jobs/failures.js';
import type { PairingChange, SlotGrant, Standing } from '../../../placement/messages.js';
import { report, slot } from '../fixtures.js';

export type GitHubState = 'queued' | 'in_progress' | 'completed';

export type News =
  { readonly kind: 'granted'; readonly grant: SlotGrant } | { readonly kind: 'paired'; readonly change: PairingChange };

export interface Job {
  readonly id: number;
  readonly repo: string;
  readonly labels: readonly string[];
  readonly isOurs: boolean;
  readonly createdAt: number;
  /** The truth on GitHub. */
  state: GitHubState;
  runsOn: string | null;
  /** What its workflow knows. */
  known: GitHubState;
  servedBy: string | null;
  isTold: boolean;
  isClosed: boolean;
  news: News[];
  runner: { readonly name: string; readonly host: string; readonly slot: string } | null;
  reason: string | null;
  trouble: Trouble;
  avoid: readonly string[];
  standing: Standing | null;
  attempts: number;
  nextAskAt: number;
  pausedUntil: number;
}

export interface Runner {
  readonly name: string;
  readonly host: string;
  readonly slot: SlotReport;
  readonly labels: readonly string[];
  /** `new`: no VM yet; `held`: its VM boots; `idle`: registered; `closing`: takes everything down; `closed`. */
  phase: 'new' | 'held' | 'idle' | 'closing' | 'closed';
  /** The job that GitHub gave it. */
  works: number | null;
  hasExited: boolean;
  /** What it was told. */
  serves: number | null;
  isRetired: boolean;
  isOver: boolean;
  failure: FailureType | null;
  saidServing: boolean;
}

export interface Host {
  readonly name: string;
  readonly slots: readonly SlotReport[];
  readonly vmLimit: number;
  isUp: boolean;
  session: number;
  sequence: number;
  /** VMs by name, with their slot. */
  readonly vms: Map<string, string>;
}

export function newJob(id: number, repo: string, labels: readonly string[], createdAt: number): Job {
  return {
    id,
    repo,
    labels,
    isOurs: labels.some((label) => label.startsWith('anka-template:')),
    createdAt,
    state: 'queued',
    runsOn: null,
    known: 'queued',
    servedBy: null,
    isTold: false,
    isClosed: false,
    news: [],
    runner: null,
    reason: null,
    trouble: NO_TROUBLE,
    avoid: [],
    standing: null,
    attempts: 0,
    nextAskAt: createdAt,
    pausedUntil: createdAt,
  };
}

export function newSimRunner(grant: SlotGrant, labels: readonly string[]): Runner {
  return {
    name: grant.runner,
    host: grant.host,
    slot: grant.slot,
    labels,
    phase: 'new',
    works: null,
    hasExited: false,
    serves: null,
    isRetired: false,
    isOver: false,
    failure: null,
    saidServing: false,
  };
}

/** One slot for all of acme, one for a repository; three for all, of which two at once; one for the other repository. */
export function newHosts(): Host[] {
  const only = (repo: string): Partial<SlotReport> => ({ scope: { kind: 'repo', owner: 'acme', repo } });
  const host = (name: string, slots: readonly SlotReport[]): Host => ({
    name,
    slots,
    vmLimit: 2,
    isUp: true,
    session: 1,
    sequence: 0,
    vms: new Map(),
  });
  return [
    host('h1', [slot('a'), slot('b', only('ios'))]),
    host('h2', [slot('a', { sleepInterval: 0 }), slot('b'), slot('c')]),
    host('h3', [slot('a', only('web'))]),
  ];
}

export const reportOf = (host: Host): HostReport =>
  report(host.name, {
    sessionId: `session-${host.session}`,
    sequence: host.sequence,
    slots: host.slots,
    vmLimit: host.vmLimit,
    holds: [...host.vms.keys()],
    heldSlots: Object.fromEntries(host.vms),
  });
