/**
 * Every signal, query and update of Berth's workflows, with what it carries. Names are part of live histories: a name
 * or a shape here changes only compatibly.
 */

import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { GuestState, HostReport, JobRef } from '../activities/contracts.js';
import type { LimitNote, SharedLimits } from '../jobs/limits.js';
import type { JobEvent } from '../jobs/event.js';
import type { Policy } from '../jobs/policy.js';
import type {
  Ask,
  Failure,
  HostForgotten,
  HostLost,
  JobEnded,
  JobStarted,
  PairingChange,
  RunnerReport,
  SlotGrant,
} from '../placement/messages.js';
import type { WaitCode } from '../placement/reasons.js';
import type { Limited } from './past-limits.js';

// To githubJob.

/** Something happened to the job on GitHub, by webhook or by asking. */
export const jobEvent = defineSignal<[JobEvent]>('jobEvent');
export const slotGranted = defineSignal<[SlotGrant]>('slotGranted');
export const pairingChanged = defineSignal<[PairingChange]>('pairingChanged');
/** Why the job waits, when that has changed: in words, and by its code. An older dispatcher says no code. */
export const waitsBecause = defineSignal<[string, WaitCode?]>('waitsBecause');
/** How far the runner meant for this job is. */
export const runnerProgressed = defineSignal<[RunnerProgress]>('runnerProgressed');
/**
 * The runner that served this job is gone: if GitHub hasn't said that the job is over, it is time to ask. `lost`: it went
 * while the job ran.
 */
export const runnerLeft = defineSignal<[RunnerLeft]>('runnerLeft');
/** The host of the runner that serves this job does not answer, or answers again. */
export const serverSilent = defineSignal<[ServerSilent]>('serverSilent');
/** An operator wants the job out of Berth; `github`: its run on GitHub is cancelled, too. */
export const cancel = defineSignal<[CancelRequest?]>('cancel');
export const cancelJob = defineUpdate<string, [CancelRequest?]>('cancelJob');
/** A new VM for a job that is still queued. */
export const retryJob = defineUpdate<string>('retryJob');
export const status = defineQuery<JobStatus>('status');
/** For sweeps, where no search attribute says it; null before its first event. */
export const whichRun = defineQuery<RunOfJob | null>('whichRun');

export interface RunOfJob {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
}

export interface CancelRequest {
  readonly by?: string;
  readonly github?: boolean;
}

export interface RunnerLeft {
  readonly runner: string;
  readonly lost?: Failure;
}

export interface ServerSilent {
  readonly runner: string;
  readonly host: string;
  readonly silent: boolean;
}

export interface RunnerProgress {
  readonly runner: string;
  readonly host: string;
  readonly step: RunnerStep;
  /** How far that step is, where it takes long. */
  readonly detail?: string;
  /** GitHub's limits make it wait. */
  readonly limited?: Limited;
}

/** The steps of a runner's life, in the words operators read. */
export type RunnerStep =
  | 'checking the template'
  | 'cloning the VM'
  | 'starting the VM'
  | 'registering the runner'
  | 'starting the runner'
  | 'waiting for GitHub to give it a job'
  | 'running a job'
  | 'cleaning up';

/** `limit_paused`: its runner waits for GitHub's limits; the others are the dispatcher's. */
export type JobWaitCode = WaitCode | 'limit_paused';

/** What an operator reads about a job at any moment. Times are epoch milliseconds. */
export interface JobStatus {
  readonly state: JobState;
  readonly step: string;
  readonly since: number;
  readonly host: string | null;
  readonly runner: string | null;
  /** Why it waits; null when it doesn't. */
  readonly reason: string | null;
  /** The code of that reason, where it has one. */
  readonly waitCode: JobWaitCode | null;
  /** When that wait ends, where it is known. An older orchestrator does not say. */
  readonly waitsUntil?: number | null;
  readonly attempts: number;
  readonly timeline: readonly { readonly at: number; readonly what: string }[];
}

export type JobState = 'new' | 'queued' | 'starting' | 'running' | 'over';

/** The dispatcher was started anew and knows nobody: say again what it must know. To githubJob and hostWatch. */
export const tellAgain = defineSignal('tellAgain');

// To runner.

/** GitHub gave this runner that job. `pool`: the job's; an older workflow does not say. */
export const servesJob = defineSignal<[JobRef & { readonly workflowId: string; readonly pool?: string }]>('servesJob');
/** The job it serves is over. */
export const jobOver = defineSignal<[{ readonly jobId: number }]>('jobOver');
/** Another waiting job now counts on this runner. */
export const meantFor = defineSignal<[JobRef & { readonly workflowId: string }]>('meantFor');
/** Nobody needs it: go, unless it turns out to be at work. */
export const retire = defineSignal<[string]>('retire');
/** Go, even from the middle of a job: an operator said so. */
export const stopNow = defineSignal<[string]>('stopNow');
/** What the guest's files say, told by the host. */
export const guestReported = defineSignal<[GuestState]>('guestReported');
/** How far its step on the host is, told by the host now and then. */
export const stepProgressed = defineSignal<[string]>('stepProgressed');

// To dispatcher.

export const askForSlot = defineSignal<[Ask]>('askForSlot');
export const jobStarted = defineSignal<[JobStarted]>('jobStarted');
export const jobEnded = defineSignal<[JobEnded]>('jobEnded');
export const runnerReported = defineSignal<[RunnerReport]>('runnerReported');
export const hostReported = defineSignal<[HostReport]>('hostReported');
export const hostLost = defineSignal<[HostLost]>('hostLost');
export const hostForgotten = defineSignal<[HostForgotten]>('hostForgotten');
/** By which rules slots are granted from now on: an orchestrator's config says so. */
export const policySet = defineSignal<[Policy]>('policySet');
export const fleet = defineQuery<FleetView>('fleet');

/** The dispatcher's state as operators see it. */
export interface FleetView {
  readonly waiting: readonly {
    readonly jobId: number;
    readonly repo: string;
    readonly reason: string | null;
    readonly code: WaitCode | null;
  }[];
  readonly runners: readonly {
    readonly name: string;
    readonly host: string;
    readonly phase: string;
    readonly job: number | null;
  }[];
  readonly hosts: readonly {
    readonly name: string;
    readonly state: string;
    readonly slots: number;
    readonly busy: number;
    /** What jobs may ask of it by label. An older dispatcher does not say. */
    readonly labels?: readonly string[];
  }[];
  /** An older dispatcher has none. */
  readonly policy?: Policy;
}

// To hostWatch.

export const announce = defineUpdate<Announced, [HostReport]>('announce');
/** The agent is about to stop, on purpose. */
export const leaving = defineSignal<[{ readonly sessionId: string }]>('leaving');
export const hostStatus = defineQuery<HostStatus | null>('hostStatus');
/** The host takes no new jobs; answers what it waits for. Said again: the newest deadline counts. */
export const drain = defineUpdate<HostStatus | null, [DrainRequest?]>('drain');
/** The host takes jobs again, unless something else keeps it from that (`drainedBy`). */
export const resume = defineUpdate<HostStatus | null>('resume');
/** The host is lost and will not come back: it is listed no more. Refused while it answers. */
export const forget = defineUpdate<void>('forget');

export interface DrainRequest {
  /** Who wants it, for those who read it later. */
  readonly by?: string;
  /** How long it may take (ms). When it is over that is said; no job is ended. Null or absent: no limit. */
  readonly deadlineMs?: number | null;
}

/** What an operator asked for. Times are epoch milliseconds. */
export interface DrainWish {
  readonly by: string;
  readonly since: number;
  readonly deadlineAt: number | null;
}

/**
 * - `up`: takes jobs;
 * - `draining`: takes none, and VMs (`holds`) are still there; `drained`: none is;
 * - `broken`: a person must mend something (`provider.problems`);
 * - `lost`: no heartbeat for 15 s.
 */
export type HostState = 'up' | 'draining' | 'drained' | 'broken' | 'lost';

/** A host as its workflow knows it. */
export interface HostStatus extends HostReport {
  readonly state: HostState;
  /** What an operator asked for by command; null: nothing. */
  readonly drain: DrainWish | null;
  /** The drain's deadline has passed, and VMs are still there. */
  readonly overdue: boolean;
}

export type Announced = { readonly accepted: true } | { readonly accepted: false; readonly reason: string };

// To limits.

/** One orchestrator process found something out that the others should know. They read it in this workflow's history. */
export const limitNoted = defineSignal<[LimitNote]>('limitNoted');
export const limitsNow = defineQuery<LimitsView>('limitsNow');

/** What is known of one credential's limits; whoever asks compares its times with now. */
export interface LimitsView extends SharedLimits {
  readonly githubHost: string;
  /** As in logs: `token 1f00aa21`, `app 12 installation 34`. */
  readonly credential: string;
}
