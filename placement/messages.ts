/** What the dispatcher is told, and what it tells others. Each message is idempotent: all of them are repeated. */

import type { JobRef, SlotReport } from '../activities/contracts.js';
import type { FailureType } from '../jobs/failures.js';
import type { WaitCode } from './reasons.js';

/** A failure as it crosses workflows: its type decides, its message is for people. */
export interface Failure {
  readonly type: FailureType;
  readonly message: string;
}

/**
 * Where a job stands in the queue. The job itself carries it along from one ask to the next, because the dispatcher
 * drops it when the job's runner fails, and forgets everything when it is started anew.
 */
export interface Standing {
  /** Epoch milliseconds: when it was created, or the job whose place it took over. */
  readonly position: number;
  /** How often a job that isn't Berth's took a runner made for it. */
  readonly taken: number;
}

/** A queued job asks for a slot, and says each minute that it still does. */
export interface Ask {
  readonly job: JobRef;
  readonly workflowId: string;
  readonly namePrefix: string;
  readonly labels: readonly string[];
  readonly template: string;
  readonly tag: string;
  readonly createdAt: number;
  /** What it was last told of its place; null before it was told anything. */
  readonly standing: Standing | null;
  readonly made: number;
  readonly avoid: readonly string[];
  /** What makes its VM; absent: whatever its host has. */
  readonly provider?: string;
  /** How long it waits for a host that is large enough before it is given up (milliseconds); absent: 10 minutes. */
  readonly unplaceableAfterMs?: number;
  /** When it will ask again (milliseconds from now); absent: within a minute. */
  readonly againMs?: number;
  /** The runner it believes to be meant for it; null when it has none. */
  readonly runner: { readonly name: string; readonly host: string; readonly slot: string } | null;
}

/** A job is in progress on this runner, ours or not. */
export interface JobStarted {
  readonly jobId: number;
  readonly runner: string;
  /** The job is not Berth's: it took a runner that was made for another. */
  readonly foreign: boolean;
}

/** A job needs nothing any more. `runner`: who served it, when that is known. */
export interface JobEnded {
  readonly jobId: number;
  readonly runner: string | null;
}

/**
 * A runner's workflow says what the dispatcher cannot know: that it goes (`ending`), that it found itself at work after
 * being told to go (`serving`), that nothing of it is left (`ended`).
 */
export interface RunnerReport {
  readonly runner: string;
  readonly phase: 'serving' | 'ending' | 'ended';
  /** With `ended`: its host said that the VM is gone. False: the host is out of reach and has it still. */
  readonly vmGone: boolean;
  /** Why it goes without having served; null when it did its work or was told to go. */
  readonly failure: Failure | null;
}

export interface HostLost {
  readonly host: string;
  readonly sessionId: string;
}

/** An operator says that a lost host will not come back. */
export interface HostForgotten {
  readonly host: string;
}

/** To a job: this slot is yours, start the runner. */
export interface SlotGrant {
  readonly runner: string;
  readonly host: string;
  readonly slot: SlotReport;
  /** Whether the host already has the template and tag. */
  readonly local: boolean;
}

/** To a job: your runner changed hands; and where the job stands by now. */
export type PairingChange = Repairing & { readonly standing: Standing };

export type Repairing =
  /** Another runner of the same key is now meant for this job. */
  | { readonly kind: 'swapped'; readonly runner: string; readonly host: string; readonly slot: string }
  /** Another job took the runner; this job waits at its place again. */
  | { readonly kind: 'taken'; readonly runner: string; readonly by: string }
  /** Its runner goes before it could serve; the job decides what to do, and asks again if it still wants one. */
  | { readonly kind: 'ended'; readonly runner: string; readonly host: string; readonly failure: Failure | null }
  /** It has waited in vain for a host that could hold its VM: it can never run. */
  | { readonly kind: 'unplaceable'; readonly failure: Failure };

/** What the dispatcher wants said to others, in order. */
export type Effect =
  | {
      readonly to: 'job';
      readonly workflowId: string;
      readonly jobId: number;
      readonly say: 'granted';
      readonly grant: SlotGrant;
    }
  | {
      readonly to: 'job';
      readonly workflowId: string;
      readonly jobId: number;
      readonly say: 'paired';
      readonly change: PairingChange;
    }
  | {
      readonly to: 'job';
      readonly workflowId: string;
      readonly jobId: number;
      readonly say: 'waits';
      readonly reason: string;
      /** Decided by an older version: absent. */
      readonly code?: WaitCode;
    }
  | { readonly to: 'runner'; readonly runner: string; readonly say: 'meant-for'; readonly job: JobRef }
  | { readonly to: 'runner'; readonly runner: string; readonly say: 'retire'; readonly reason: string };
