/**
 * `dispatcher/<pool>`: grants slots to jobs and pairs jobs with runners. It only keeps the books and passes messages
 * on: who waits and who serves whom is decided in `placement/`, which is pure.
 *
 * It may be terminated or reset at any time: jobs repeat their asks and hosts their reports, and both are idempotent.
 */

import { condition, makeContinueAsNewFunc, patched, setHandler, uuid4, workflowInfo } from '@temporalio/workflow';
import { SLOTS_QUEUE, runnerName, runnerWorkflowId } from '../jobs/names.js';
import { DEFAULT_POLICY } from '../jobs/policy.js';
import type { Policy } from '../jobs/policy.js';
import { packFleet, unpackFleet } from '../placement/carry.js';
import { emptyFleet, newRunner, roomOn, waitingJobs } from '../placement/fleet.js';
import type { Fleet, FleetJob } from '../placement/fleet.js';
import { isCrowded, turnAway, whyOutside } from '../placement/inside.js';
import type { Effect } from '../placement/messages.js';
import {
  applyAsk,
  applyJobEnded,
  applyJobStarted,
  applyRunnerReport,
  endRunner,
  expire,
  isOvertaken,
  noteAwake,
} from '../placement/pairing.js';
import { declaresLabels } from '../placement/host-labels.js';
import { applyHostForgotten, applyHostLost, applyHostReport } from '../placement/hosts-heard.js';
import type { Packed } from '../placement/pack.js';
import { notePlaced, place } from '../placement/place.js';
import type { Placement, Placements } from '../placement/place.js';
import { giveUpTooBig } from '../placement/unplaceable.js';
import { whyClosed } from '../placement/offer.js';
import {
  askForSlot,
  fleet as fleetQuery,
  hostForgotten,
  hostLost,
  hostReported,
  jobEnded,
  jobStarted,
  meantFor,
  pairingChanged,
  policySet,
  retire,
  runnerReported,
  slotGranted,
  waitsBecause,
} from './messages.js';
import type { FleetView } from './messages.js';
import { createOutbox } from './outbox.js';
import { tell } from './tell.js';

export interface DispatcherInput {
  readonly pool: string;
  /** From a run of an older version, whole; null: a first run, or one that has it packed. */
  readonly fleet: Fleet | null;
  readonly packed?: Packed;
  /** Decided by the run before, and not said yet. */
  readonly effects?: readonly Effect[];
  /** Absent: the default, until an orchestrator says otherwise (`policySet`). */
  readonly policy?: Policy;
}

/** A history of this length is carried into a new run; replaying it takes well under a second. */
const MAX_HISTORY = 4_000;

/** How often what nobody vouches for is looked for. */
const EXPIRY_INTERVAL_MS = 30_000;

/** Each message costs two workflow tasks of 10 ms; this many a second leave room for what moves jobs. */
const REASONS_AT_ONCE = 20;
/** What an older version had said at once must be said again on replay. */
const REASONS_AT_ONCE_BEFORE = 50;
const REASONS_INTERVAL_MS = 1_000;

/** The same for those who are turned away. */
const TURNED_AWAY_AT_ONCE = 25;

/** Temporal refuses a workflow that has 2,000 signals under way. */
const SIGNALS_AT_ONCE = 500;

export async function dispatcher(input: DispatcherInput): Promise<void> {
  const fleet = input.packed === undefined ? (input.fleet ?? emptyFleet()) : unpackFleet(input.packed);
  fleet.rules = { emptiesDrained: patched('empty-drained-hosts'), duesByAge: patched('dues-by-age') };
  followLabels(fleet, Object.values(fleet.hosts).some(declaresLabels));
  const effects: Effect[] = [...(input.effects ?? [])];
  let policy = input.policy ?? DEFAULT_POLICY;
  let hasChanged = true;
  const change = (apply: (now: number) => Effect[] | void): void => {
    noteAwake(fleet, Date.now());
    hasChanged = true;
    effects.push(...(apply(Date.now()) ?? []));
  };

  setHandler(askForSlot, (ask) => change((now) => applyAsk(fleet, ask, now)));
  setHandler(jobStarted, (started) => change(() => applyJobStarted(fleet, started)));
  setHandler(jobEnded, (ended) => change(() => applyJobEnded(fleet, ended)));
  setHandler(runnerReported, (report) => change((now) => applyRunnerReport(fleet, report, now)));
  setHandler(hostReported, (report) => {
    change((now) => applyHostReport(fleet, report, now));
    followLabels(fleet, (report.labels ?? []).length > 0);
  });
  setHandler(hostLost, (lost) => change(() => applyHostLost(fleet, lost)));
  setHandler(hostForgotten, (forgotten) => change(() => applyHostForgotten(fleet, forgotten)));
  setHandler(policySet, (given) => {
    change(() => {
      policy = given;
    });
  });
  setHandler(fleetQuery, () => ({ ...viewOf(fleet), policy }));

  const outbox = createOutbox<Effect>({
    receiverOf,
    say: (effect) => carryOut(fleet, effect, change),
    atOnce: SIGNALS_AT_ONCE,
  });
  const pace: Pace = { nextAt: 0, isBehind: false };
  const outside: Pace = { nextAt: 0, isBehind: false };
  while (!isHistoryLong()) {
    const wakeAfter = pace.isBehind ? REASONS_INTERVAL_MS : EXPIRY_INTERVAL_MS;
    const isQuiet = !(await condition(() => hasChanged || isHistoryLong(), wakeAfter));
    noteAwake(fleet, Date.now());
    if (isQuiet && Object.keys(fleet.runners).length + Object.keys(fleet.jobs).length === 0) continue;
    effects.push(...expire(fleet, Date.now()));
    effects.push(...bound(fleet, outside));
    hasChanged = false;
    effects.push(...grantSlots(fleet, policy, pace));
    // Slots that get free meanwhile are not held up by a message that takes long.
    if (patched('say-beside-placing')) outbox.put(effects.splice(0));
    else await carryOutAll(fleet, effects.splice(0), change);
  }
  effects.unshift(...outbox.close());
  await condition(outbox.isIdle);
  // A message may have come in while the last ones went out.
  effects.push(...bound(fleet, outside));
  // The queue is named because a run that an older version began was in that of all workflows.
  const carryOn = makeContinueAsNewFunc<typeof dispatcher>({ taskQueue: SLOTS_QUEUE });
  await carryOn({ pool: input.pool, fleet: null, packed: packFleet(fleet), effects, policy });
}

/**
 * A run that began before Berth knew of hosts' labels looks at them from where a newer version has it: its operator has
 * just written them into a config.
 */
function followLabels(fleet: Fleet, areThere: boolean): void {
  if (!areThere || fleet.rules === undefined || fleet.rules.hostLabels === true) return;
  fleet.rules = { ...fleet.rules, hostLabels: patched('host-labels') };
}

const isHistoryLong = (): boolean =>
  workflowInfo().historyLength > MAX_HISTORY || workflowInfo().continueAsNewSuggested;

/** How far the telling of reasons is. */
interface Pace {
  nextAt: number;
  /** Jobs wait whose reason has changed since they were told. */
  isBehind: boolean;
}

/**
 * Jobs beyond what the books may hold are put out of them. Who is not told now hears it when it asks again: it does so
 * each minute until then, and more rarely from then on.
 */
function bound(fleet: Fleet, pace: Pace): Effect[] {
  if (!isCrowded(fleet) || !patched('bound-waiting-jobs')) return [];
  const outside: readonly FleetJob[] = turnAway(fleet);
  const now = Date.now();
  if (now < pace.nextAt) return [];
  pace.nextAt = now + REASONS_INTERVAL_MS;
  const reason = whyOutside();
  return outside
    .slice(0, TURNED_AWAY_AT_ONCE)
    .map(({ workflowId, jobId }) => ({ to: 'job', workflowId, jobId, say: 'waits', reason, code: 'outside' }));
}

/** Places what can be placed; tells those who wait why, when that has changed. */
function grantSlots(fleet: Fleet, policy: Policy, pace: Pace): Effect[] {
  const { grants, reasons, kept, passed } = place(fleet, policy);
  const effects = grants.map((grant) => promise(fleet, grant));
  notePlaced(fleet, { kept, passed });
  return [...effects, ...giveUpTooBig(fleet, reasons, Date.now()), ...tellReasons(fleet, reasons, pace)];
}

/** A change of one host may change the reasons of thousands: the oldest are told first, the others in the seconds after. */
function tellReasons(fleet: Fleet, reasons: Placements['reasons'], pace: Pace): Effect[] {
  const changed = waitingJobs(fleet).filter(
    ({ jobId, toldReason }) => (reasons.get(jobId)?.words ?? toldReason) !== toldReason,
  );
  const now = Date.now();
  const atOnce =
    changed.length < REASONS_AT_ONCE || patched('fewer-reasons') ? REASONS_AT_ONCE : REASONS_AT_ONCE_BEFORE;
  const told = now < pace.nextAt ? [] : changed.slice(0, atOnce);
  pace.isBehind = told.length < changed.length;
  if (told.length === atOnce) pace.nextAt = now + REASONS_INTERVAL_MS;
  return told.map((job) => {
    const { words: reason = '', code = 'busy' } = reasons.get(job.jobId) ?? {};
    job.toldReason = reason;
    job.toldCode = code;
    return { to: 'job', workflowId: job.workflowId, jobId: job.jobId, say: 'waits', reason, code };
  });
}

function promise(fleet: Fleet, { job, host, slot, local, pulls }: Placement): Effect {
  job.made += 1;
  job.toldReason = null;
  const name = runnerName(job.namePrefix, job.jobId, job.made, uuid4().slice(0, 4));
  fleet.runners[name] = newRunner(job, name, { host, slot, pulls }, Date.now());
  job.runner = name;
  const grant = { runner: name, host, slot, local };
  return { to: 'job', workflowId: job.workflowId, jobId: job.jobId, say: 'granted', grant };
}

const receiverOf = (effect: Effect): string => (effect.to === 'job' ? effect.workflowId : effect.runner);

type Change = (apply: (now: number) => Effect[]) => void;

/** Says everything that is to be said: to one receiver one thing after the other, for those sent at once may arrive in any order. */
async function carryOutAll(fleet: Fleet, effects: readonly Effect[], change: Change): Promise<void> {
  const byReceiver = new Map<string, Effect[]>();
  for (const effect of effects) {
    const receiver = receiverOf(effect);
    byReceiver.set(receiver, [...(byReceiver.get(receiver) ?? []), effect]);
  }
  const waiting = [...byReceiver.values()].values();
  const sayInTurn = async (): Promise<void> => {
    for (const inOrder of waiting) for (const effect of inOrder) await carryOut(fleet, effect, change);
  };
  await Promise.all(Array.from({ length: Math.min(SIGNALS_AT_ONCE, byReceiver.size) }, sayInTurn));
}

/** Says one thing. A job or runner that no longer exists wants nothing: the books follow. */
async function carryOut(fleet: Fleet, effect: Effect, change: Change): Promise<void> {
  if (isOvertaken(fleet, effect)) return;
  const isDelivered = effect.to === 'job' ? await tellJob(effect) : await tellRunner(fleet, effect);
  if (isDelivered) return;
  if (effect.to === 'job') {
    change(() => applyJobEnded(fleet, { jobId: effect.jobId, runner: null }));
    return;
  }
  const runner = fleet.runners[effect.runner];
  if (runner === undefined) return;
  // Either it never began, or somebody terminated it: then its host has the VM for a moment longer.
  change((now) => endRunner(fleet, runner, { failure: null, vmGone: !runner.seenOnHost, now }));
}

function tellJob(effect: Extract<Effect, { to: 'job' }>): Promise<boolean> {
  switch (effect.say) {
    case 'granted':
      return tell(effect.workflowId, slotGranted, effect.grant);
    case 'paired':
      return tell(effect.workflowId, pairingChanged, effect.change);
    case 'waits':
      return tell(effect.workflowId, waitsBecause, effect.reason, effect.code);
  }
}

function tellRunner(fleet: Fleet, effect: Extract<Effect, { to: 'runner' }>): Promise<boolean> {
  const id = runnerWorkflowId(effect.runner);
  if (effect.say === 'retire') return tell(id, retire, effect.reason);
  const workflowId = fleet.jobs[String(effect.job.jobId)]?.workflowId;
  return workflowId === undefined ? Promise.resolve(true) : tell(id, meantFor, { ...effect.job, workflowId });
}

function viewOf(fleet: Fleet): FleetView {
  return {
    waiting: waitingJobs(fleet).map((job) => ({
      jobId: job.jobId,
      repo: `${job.owner}/${job.repo}`,
      reason: job.toldReason,
      code: job.toldReason === null ? null : (job.toldCode ?? null),
    })),
    runners: Object.values(fleet.runners).map((runner) => ({
      name: runner.name,
      host: runner.host,
      phase: runner.phase,
      job: runner.serves ?? runner.meantFor,
    })),
    hosts: Object.values(fleet.hosts).map((host) => ({
      name: host.report.host,
      state: whyClosed(host) ?? 'up',
      slots: host.report.slots.length,
      busy: host.report.slots.length - roomOn(fleet, host),
      labels: host.report.labels ?? [],
    })),
  };
}
