/**
 * Who serves whom. GitHub gives a job to any idle runner with its labels, so the plan "this runner is meant for that
 * job" is only a plan; these functions settle it each time reality differs (DESIGN §4, "Any runner may take any job").
 * What they keep true: live or coming runners of a key ≥ its waiting jobs, and no more than that beyond what is in
 * flight. They change `fleet` in place and return what must be said to whom.
 */

import { repositoryKey } from '../jobs/policy.js';
import { isGone, canServe, jobOf, labelKeyOf, rememberedRunner, runnerOf, waitingJobs } from './fleet.js';
import type { Fleet, FleetJob, FleetRunner } from './fleet.js';
import { admitsLabels } from './host-labels.js';
import { VOUCH_MS } from './hosts-heard.js';
import type { Ask, Effect, Failure, JobEnded, JobStarted, Repairing, RunnerReport } from './messages.js';

/** How often a job's runner may be taken by jobs that aren't Berth's before the job just waits, saying so. */
export const MAX_TAKEN = 3;

/** Longer than any runner waits for the return of its host (ms). */
const HOST_FORGOTTEN_MS = 15 * 60_000;

/** No report is on its way for longer than this (ms). */
const REMEMBER_GONE_MS = 10 * 60_000;

/** An ask that was not repeated for this long (ms) expires: its workflow was terminated. Three ask intervals. */
export const ASK_EXPIRES_MS = 180_000;

/** A dispatcher that was last awake so long ago (ms) did not run in between: it wakes twice a minute. */
const ASLEEP_MS = 35_000;

/** A queued job asks, or repeats its ask. */
export function applyAsk(fleet: Fleet, ask: Ask, now: number): Effect[] {
  const job = jobOf(fleet, ask.job.jobId) ?? enqueue(fleet, ask, now);
  job.askedAt = now;
  job.made = Math.max(job.made, ask.made);
  job.avoid = ask.avoid;
  if (ask.againMs !== undefined || job.againMs !== undefined) job.againMs = ask.againMs ?? 0;
  recallStanding(job, ask);
  return agreeOnRunner(fleet, job, ask, now);
}

function enqueue(fleet: Fleet, ask: Ask, now: number): FleetJob {
  const job: FleetJob = {
    jobId: ask.job.jobId,
    workflowId: ask.workflowId,
    owner: ask.job.owner,
    repo: ask.job.repo,
    labelKey: labelKeyOf(ask.labels),
    template: ask.template,
    tag: ask.tag,
    namePrefix: ask.namePrefix,
    position: ask.createdAt,
    made: ask.made,
    avoid: ask.avoid,
    taken: 0,
    askedAt: now,
    runner: null,
    toldReason: null,
    ...(ask.provider !== undefined && { provider: ask.provider }),
    ...(ask.unplaceableAfterMs !== undefined && { unplaceableAfterMs: ask.unplaceableAfterMs }),
  };
  fleet.jobs[String(job.jobId)] = job;
  return job;
}

/** An ask may have crossed the news of a change: a place is only ever handed on to an older job, and thefts add up. */
function recallStanding(job: FleetJob, { standing }: Ask): void {
  if (standing === null) return;
  job.position = Math.min(job.position, standing.position);
  job.taken = Math.max(job.taken, standing.taken);
}

/** The job says which runner it has; where the two disagree, the dispatcher's word stands and the job is told. */
function agreeOnRunner(fleet: Fleet, job: FleetJob, ask: Ask, now: number): Effect[] {
  if (ask.runner === null) {
    forgetRemembered(fleet, job);
    return confirmRunner(fleet, job);
  }
  if (isGone(fleet, ask.runner.name)) return sayItEnded(fleet, job, ask.runner);
  const known = runnerOf(fleet, ask.runner.name);
  if (known === undefined && job.runner === null) {
    // The dispatcher was started anew and forgot: the job's memory is as good as its own was.
    fleet.runners[ask.runner.name] = rememberedRunner(job, ask.runner, now);
    job.runner = ask.runner.name;
    // It says so if it works for another job by now.
    return [tellMeantFor(ask.runner.name, job)];
  }
  if (job.runner === ask.runner.name) return [];
  if (job.runner !== null) return confirmRunner(fleet, job);
  return [
    tellPaired(job, { kind: 'taken', runner: ask.runner.name, by: known === undefined ? 'nobody' : byWhom(known) }),
  ];
}

/** The ask crossed the news that its runner is gone; what the job makes of that it says with its next ask. */
function sayItEnded(fleet: Fleet, job: FleetJob, { name, host }: NonNullable<Ask['runner']>): Effect[] {
  if (job.runner !== null) return confirmRunner(fleet, job);
  delete fleet.jobs[String(job.jobId)];
  return [tellPaired(job, { kind: 'ended', runner: name, host, failure: null })];
}

const byWhom = (runner: FleetRunner): string =>
  runner.serves === null ? 'another job of the same labels' : `job ${runner.serves}`;

/**
 * The job took back its word for a runner: that word had crossed the news that the runner is gone or taken. Without
 * this the job would be told to wait for it. If it does exist its host counts it, and it goes when nobody uses it.
 */
function forgetRemembered(fleet: Fleet, job: FleetJob): void {
  const runner = job.runner === null ? undefined : runnerOf(fleet, job.runner);
  if (runner?.remembered !== true) return;
  delete fleet.runners[runner.name];
  job.runner = null;
}

/** The job asks although a runner is meant for it: it missed the message (or crossed it on its way), so say it again. */
function confirmRunner(fleet: Fleet, job: FleetJob): Effect[] {
  const runner = job.runner === null ? undefined : runnerOf(fleet, job.runner);
  if (runner === undefined) {
    job.runner = null;
    return [];
  }
  return [tellPaired(job, { kind: 'swapped', runner: runner.name, host: runner.host, slot: runner.slot })];
}

/** A job is in progress, on whichever runner: settles the plan of that runner and of that job. */
export function applyJobStarted(fleet: Fleet, started: JobStarted): Effect[] {
  const job = jobOf(fleet, started.jobId);
  const own = job?.runner == null ? undefined : runnerOf(fleet, job.runner);
  if (job !== undefined) delete fleet.jobs[String(job.jobId)];
  const runner = runnerOf(fleet, started.runner);
  if (runner === undefined) return own === undefined ? [] : releaseFrom(fleet, own);
  if (runner.serves === started.jobId) return own === undefined || own === runner ? [] : releaseFrom(fleet, own);
  const displaced = runner.meantFor === null ? undefined : jobOf(fleet, runner.meantFor);
  runner.serves = started.jobId;
  runner.phase = 'serving';
  runner.meantFor = null;
  if (job !== undefined) runner.repository = repositoryKey(job);
  else if (started.foreign) delete runner.repository;
  const spare = own === runner ? undefined : own;
  if (displaced === undefined) return spare === undefined ? [] : releaseFrom(fleet, spare);
  return displace(fleet, displaced, runner, { started, taker: job, spare });
}

interface Taking {
  readonly started: JobStarted;
  /** The taker's own place in the queue, if it had one. */
  readonly taker: FleetJob | undefined;
  /** The runner that was meant for the taker. */
  readonly spare: FleetRunner | undefined;
}

/** `displaced` lost its runner: it takes over the taker's runner, or its place in the queue. */
function displace(fleet: Fleet, displaced: FleetJob, lost: FleetRunner, { started, taker, spare }: Taking): Effect[] {
  displaced.runner = null;
  if (started.foreign) displaced.taken += 1;
  const hasSameKey = taker?.labelKey === displaced.labelKey;
  if (hasSameKey) displaced.position = Math.min(displaced.position, taker.position);
  // With the place goes its count of thefts: else jobs of equal labels that rob each other could go on for ever.
  if (hasSameKey && spare === undefined) displaced.taken = Math.max(displaced.taken, taker.taken);
  const taken = tellPaired(displaced, { kind: 'taken', runner: lost.name, by: `job ${started.jobId}` });
  if (spare === undefined) return [taken];
  if (isUsable(fleet, spare) && canServe(fleet, spare, displaced)) return pair(spare, displaced);
  return [taken, ...releaseFrom(fleet, spare)];
}

/** A job is over, or wants nothing any more. */
export function applyJobEnded(fleet: Fleet, ended: JobEnded): Effect[] {
  const effects: Effect[] = [];
  const runner = ended.runner === null ? undefined : runnerOf(fleet, ended.runner);
  if (runner !== undefined && runner.serves !== ended.jobId) {
    // Its `in_progress` was lost; the end names the runner all the same.
    effects.push(...applyJobStarted(fleet, { jobId: ended.jobId, runner: runner.name, foreign: false }));
  }
  const job = jobOf(fleet, ended.jobId);
  if (job === undefined) return effects;
  delete fleet.jobs[String(ended.jobId)];
  const own = job.runner === null ? undefined : runnerOf(fleet, job.runner);
  return own === undefined ? effects : [...effects, ...releaseFrom(fleet, own)];
}

/**
 * Another job may count on it: its VM may be there, nobody told it to go, and its host answers, takes jobs, and has what
 * jobs with the runner's labels need (another host may have declared one of them since).
 */
function isUsable(fleet: Fleet, runner: FleetRunner): boolean {
  const host = fleet.hosts[runner.host];
  const isDrained = host?.report.draining === true && fleet.rules?.emptiesDrained === true;
  const isThere = runner.goneSince === null && runner.phase === 'coming' && host?.lost !== true && !isDrained;
  return isThere && (host === undefined || admitsLabels(fleet, host, runner));
}

/** A runner whose job needs it no more serves the key's next job, or goes. */
function releaseFrom(fleet: Fleet, runner: FleetRunner): Effect[] {
  runner.meantFor = null;
  if (runner.phase !== 'coming') return [];
  const next = isUsable(fleet, runner) ? waitingJobs(fleet).find((job) => canServe(fleet, runner, job)) : undefined;
  if (next !== undefined) return pair(runner, next);
  runner.phase = 'ending';
  return [{ to: 'runner', runner: runner.name, say: 'retire', reason: 'no queued job needs it' }];
}

function pair(runner: FleetRunner, job: FleetJob): Effect[] {
  runner.meantFor = job.jobId;
  runner.repository = repositoryKey(job);
  runner.remembered = false;
  job.runner = runner.name;
  job.toldReason = null;
  return [
    tellPaired(job, { kind: 'swapped', runner: runner.name, host: runner.host, slot: runner.slot }),
    tellMeantFor(runner.name, job),
  ];
}

function tellMeantFor(runner: string, { owner, repo, jobId }: FleetJob): Effect {
  return { to: 'runner', runner, say: 'meant-for', job: { owner, repo, jobId } };
}

/** A runner's workflow says that it goes, is gone, or works after all. */
export function applyRunnerReport(fleet: Fleet, report: RunnerReport, now: number): Effect[] {
  const runner = runnerOf(fleet, report.runner);
  if (runner === undefined) return [];
  switch (report.phase) {
    case 'serving':
      runner.phase = 'serving';
      return displaceByUnknown(fleet, runner);
    case 'ending':
      runner.phase = 'ending';
      return abandonJob(fleet, runner, report.failure);
    case 'ended':
      return endRunner(fleet, runner, { ...report, now });
  }
}

/** The runner is at work, for a job that the dispatcher was not told of or has forgotten. */
function displaceByUnknown(fleet: Fleet, runner: FleetRunner): Effect[] {
  const job = runner.meantFor === null ? undefined : jobOf(fleet, runner.meantFor);
  runner.meantFor = null;
  if (job === undefined || job.runner !== runner.name) return [];
  job.runner = null;
  job.toldReason = null;
  return [tellPaired(job, { kind: 'taken', runner: runner.name, by: 'another job' })];
}

/** Its workflow is over. The slot is free, unless its host is out of reach and still has the VM. */
export function endRunner(fleet: Fleet, runner: FleetRunner, ended: RunnerEnd): Effect[] {
  delete fleet.runners[runner.name];
  if (ended.vmGone) fleet.gone[runner.name] = ended.now;
  return abandonJob(fleet, runner, ended.failure);
}

export interface RunnerEnd {
  readonly failure: Failure | null;
  readonly vmGone: boolean;
  readonly now: number;
}

/** The job it was meant for decides (attempts, pauses, whether it can run at all) and asks again. */
function abandonJob(fleet: Fleet, runner: FleetRunner, failure: Failure | null): Effect[] {
  const job = runner.meantFor === null ? undefined : jobOf(fleet, runner.meantFor);
  runner.meantFor = null;
  if (job === undefined || job.runner !== runner.name) return [];
  delete fleet.jobs[String(job.jobId)];
  return [tellPaired(job, { kind: 'ended', runner: runner.name, host: runner.host, failure })];
}

/** Something that was decided before the latest message, and that this message overtook: it is not said any more. */
export function isOvertaken(fleet: Fleet, effect: Effect): boolean {
  if (effect.to === 'job') return false;
  const runner = runnerOf(fleet, effect.runner);
  return effect.say === 'retire' ? runner?.phase === 'serving' : runner?.meantFor !== effect.job.jobId;
}

/** Forgets asks that nobody repeats and runners that nobody vouches for. Call it at least each half minute. */
export function expire(fleet: Fleet, now: number): Effect[] {
  const effects: Effect[] = [];
  noteAwake(fleet, now);
  for (const runner of Object.values(fleet.runners)) {
    const end = whyForgotten(fleet, runner, now);
    if (end !== undefined) effects.push(...endRunner(fleet, runner, { ...end, now }));
  }
  for (const [name, since] of Object.entries(fleet.gone)) {
    if (now - since > REMEMBER_GONE_MS) delete fleet.gone[name];
  }
  for (const job of Object.values(fleet.jobs)) {
    if (now - job.askedAt > Math.max(ASK_EXPIRES_MS, 3 * (job.againMs ?? 0)))
      effects.push(...applyJobEnded(fleet, { jobId: job.jobId, runner: null }));
  }
  return effects;
}

/**
 * Call it before anything else whenever the dispatcher wakes. While no orchestrator ran nobody could say anything: that
 * time is not held against anyone. Otherwise the first look after it would drop every job and send every idle runner
 * away, and an old report free the slot of a runner that is about to begin, before their workflows have had their turn.
 */
export function noteAwake(fleet: Fleet, now: number): void {
  const asleep = now - (fleet.awakeAt ?? now);
  fleet.awakeAt = now;
  if (asleep <= ASLEEP_MS) return;
  const later = (time: number): number => Math.min(now, time + asleep);
  for (const job of Object.values(fleet.jobs)) {
    job.askedAt = later(job.askedAt);
    if (job.tooBigSince != null) job.tooBigSince = later(job.tooBigSince);
  }
  for (const host of Object.values(fleet.hosts)) host.seenAt = later(host.seenAt);
  for (const runner of Object.values(fleet.runners)) {
    runner.grantedAt = later(runner.grantedAt);
    if (runner.goneSince !== null) runner.goneSince = later(runner.goneSince);
  }
}

/** A runner's own workflow says when it ends; these are the cases in which somebody terminated that workflow. */
function whyForgotten(fleet: Fleet, runner: FleetRunner, now: number): Omit<RunnerEnd, 'now'> | undefined {
  const { host, goneSince } = runner;
  if (goneSince !== null && now - goneSince > VOUCH_MS) {
    return { failure: { type: 'VmGone', message: `${host} no longer has the VM` }, vmGone: true };
  }
  const known = fleet.hosts[host];
  // A host that this dispatcher never heard of: only a job remembers that it had a runner there.
  const silentSince = known === undefined ? runner.grantedAt : known.lost ? known.seenAt : now;
  if (now - silentSince > HOST_FORGOTTEN_MS) {
    return { failure: { type: 'HostLost', message: `${host} has been away for long` }, vmGone: false };
  }
  return undefined;
}

function tellPaired({ workflowId, jobId, position, taken }: FleetJob, change: Repairing): Effect {
  const standing = { position, taken };
  return { to: 'job', workflowId, jobId, say: 'paired', change: { ...change, standing } };
}
