/**
 * `host/<name>`: one a host, for ever. Its `attend` activity runs on the host and is the host's pulse; whatever the
 * host has to report goes to the dispatcher, and so does its silence.
 */

import {
  ActivityCancellationType,
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { HostActivities, HostReport } from '../activities/contracts.js';
import { dispatcherWorkflowId, hostQueue } from '../jobs/names.js';
import {
  drainText,
  hasTakenNote,
  isOverdue,
  reportWithWish,
  statusOf,
  untilDeadline,
  whyNoDrain,
  wishFor,
  wishRecalled,
} from './host-drain.js';
import {
  announce,
  drain,
  forget,
  hostForgotten,
  hostLost,
  hostReported,
  hostStatus,
  leaving,
  resume,
  tellAgain,
} from './messages.js';
import type { Announced, DrainRequest, DrainWish, HostStatus } from './messages.js';
import { whyNonsense } from '../placement/report-check.js';
import { tell } from './tell.js';

export interface HostWatchInput {
  readonly host: string;
  /** Carried over from an earlier run. */
  readonly report?: HostReport | null;
  readonly isThere?: boolean;
  readonly drain?: DrainWish | null;
}

/** A host without a heartbeat for this long is lost; so is one that was there and takes no task up for as long. */
const HOST_LOST_AFTER = '15 seconds';

/** The dispatcher may have been started anew: it hears of every host this often. */
const REPEAT_MS = 60_000;

const DISPATCHER_RETRY_MS = 5_000;

const ATTEND_AGAIN_MS = 1_000;

/** How long an operator's command waits for the agent to take note. */
const TAKES_NOTE_MS = 3_000;
/** A host whose report cannot be so reports the same at once when it is asked. */
const ATTEND_NONSENSE_AGAIN_MS = 30_000;

const MAX_HISTORY = 2_000;

export async function hostWatch(input: HostWatchInput): Promise<void> {
  const watch = follow(input);
  await condition(() => watch.report !== null);
  while (!isHistoryLong()) {
    if (watch.isForgotten && (await isForgottenByAll(watch))) return;
    if (watch.mustAttend) startAttending(watch);
    await tellDispatcher(watch);
    const isDue = (): boolean => watch.isForgotten || watch.hasNews || watch.mustAttend || isHistoryLong();
    const wakeAfter = whenToWake(watch);
    await (wakeAfter === null ? condition(isDue) : condition(isDue, wakeAfter));
  }
  await condition(allHandlersFinished);
  const { host, report, isThere, drain: wish } = watch;
  await continueAsNew<typeof hostWatch>({ host, report, isThere, ...(wish !== null && { drain: wish }) });
}

/** To say again what the dispatcher should know, and to say that a drain takes too long (ms); null: not by itself. */
function whenToWake(watch: Watch): number | null {
  const left = untilDeadline(watch, Date.now());
  if (!watch.isThere) return left;
  return left === null ? REPEAT_MS : Math.min(REPEAT_MS, left);
}

/** @returns false when the host came back meanwhile */
async function isForgottenByAll(watch: Watch): Promise<boolean> {
  setCurrentDetails(`**forgotten**: an operator said that ${watch.host} will not come back`);
  if (watch.report !== null) await tell(dispatcherWorkflowId(watch.report.pool), hostForgotten, { host: watch.host });
  await condition(allHandlersFinished);
  return watch.isForgotten;
}

interface Watch {
  readonly host: string;
  report: HostReport | null;
  /** The host answers, as far as is known. */
  isThere: boolean;
  /** An operator wants no new jobs there. */
  drain: DrainWish | null;
  /** An operator said that it will not come back. */
  isForgotten: boolean;
  /** That its deadline has passed is in the log. */
  saidOverdue: boolean;
  /** What is wrong with its last report; null when nothing is. */
  refused: string | null;
  /** Something changed that the dispatcher has not heard. */
  hasNews: boolean;
  /** No `attend` is under way, or the agent that was asked is gone. */
  mustAttend: boolean;
  /** Counts the `attend`s; what an earlier one says is out of date. */
  attends: number;
}

function follow(input: HostWatchInput): Watch {
  const watch: Watch = {
    host: input.host,
    report: input.report ?? null,
    isThere: input.isThere ?? false,
    drain: input.drain ?? null,
    isForgotten: false,
    saidOverdue: false,
    refused: null,
    hasNews: true,
    mustAttend: true,
    attends: 0,
  };
  setHandler(announce, (report): Announced => {
    const refusal = whyRefused(watch, report);
    if (refusal !== null) log.warn('host refused', { host: watch.host, reason: refusal });
    if (refusal !== null) return { accepted: false, reason: refusal };
    // An agent that was started anew has forgotten what the one before it was asked to do.
    if (watch.report?.sessionId !== report.sessionId) watch.mustAttend = true;
    if (watch.report === null) watch.drain ??= wishRecalled(report, Date.now());
    note(watch, report);
    return { accepted: true };
  });
  setHandler(leaving, ({ sessionId }) => {
    if (watch.report?.sessionId === sessionId) note(watch, { ...watch.report, draining: true });
  });
  setHandler(tellAgain, () => {
    watch.hasNews = true;
  });
  setHandler(hostStatus, () => statusOf(watch, Date.now()));
  followOperator(watch);
  return watch;
}

function followOperator(watch: Watch): void {
  const wish = async (wanted: DrainWish | null): Promise<HostStatus | null> => {
    const isOther = (watch.drain === null) !== (wanted === null);
    watch.drain = wanted;
    watch.saidOverdue = false;
    watch.hasNews = true;
    // The agent is told with the next `attend`; the one under way ends by that.
    if (isOther) watch.mustAttend = true;
    await condition(() => !watch.isThere || hasTakenNote(watch), TAKES_NOTE_MS);
    return statusOf(watch, Date.now());
  };
  setHandler(drain, (request?: DrainRequest) => wish(wishFor(watch.drain, request, Date.now())), {
    validator: (request?: DrainRequest) => {
      const why = whyNoDrain(request);
      if (why !== null) throw ApplicationFailure.nonRetryable(why);
    },
  });
  setHandler(resume, () => wish(null));
  const noteForgotten = (): void => {
    watch.isForgotten = true;
  };
  setHandler(forget, noteForgotten, {
    validator: () => {
      if (!watch.isThere) return;
      throw ApplicationFailure.nonRetryable(`host ${watch.host} answers: stop its agent first`);
    },
  });
}

/**
 * Nonsense is refused; and another machine of the same name, for as long as the first one answers. A copy of a disk has
 * the agent's id, too, but another boot; a machine that boots anew was silent for longer than it takes to be lost, or
 * said that it goes.
 */
function whyRefused(watch: Watch, report: HostReport): string | null {
  const nonsense = whyWrong(watch, report);
  if (nonsense !== null) return nonsense;
  const { report: known, isThere, host } = watch;
  if (known === null || !isThere) return null;
  const isOther = known.agentId !== report.agentId;
  const isCopy = !isOther && known.bootId !== report.bootId && patched('refuse-copied-agent');
  if (!isOther && !isCopy) return null;
  const advice = isCopy ? '; it has a copy of its work_dir: delete agent-id there' : '';
  return `another machine attends host ${host} right now; give this one another host_name${advice}`;
}

function whyWrong(watch: Watch, report: HostReport): string | null {
  const nonsense = whyNonsense(report) ?? (report.host === watch.host ? undefined : `it is of host ${report.host}`);
  return nonsense === undefined ? null : `the report of host ${watch.host} cannot be so: ${nonsense}`;
}

/** Asks the host for its next report; its heartbeat meanwhile is the host's pulse. */
function startAttending(watch: Watch): void {
  if (watch.report === null) return;
  watch.mustAttend = false;
  const turn = ++watch.attends;
  const { attend } = proxyActivities<HostActivities>({
    taskQueue: hostQueue(watch.host),
    startToCloseTimeout: '30 days',
    heartbeatTimeout: HOST_LOST_AFTER,
    // An agent that died between two of these sends no heartbeat that could be missed. A lost one may take its time.
    ...(watch.isThere && { scheduleToStartTimeout: HOST_LOST_AFTER }),
    // An earlier one may belong to an agent that is gone: nobody waits for its end.
    cancellationType: ActivityCancellationType.ABANDON,
    retry: { maximumAttempts: 1 },
    summary: 'the pulse of the host',
  });
  // A host that was lost is asked for its report at once, by a sequence that every report is ahead of.
  const known = {
    sessionId: watch.report.sessionId,
    sequence: watch.isThere ? watch.report.sequence : -1,
    ...(watch.drain !== null && { drain: true }),
  };
  attend(known).then(
    (report) => {
      if (turn !== watch.attends) return;
      const wrong = whyWrong(watch, report);
      if (wrong !== null) {
        // It answers, but nobody may count on what it says: it gets no jobs until it makes sense.
        lose(watch, wrong, ATTEND_NONSENSE_AGAIN_MS);
        return;
      }
      watch.mustAttend = true;
      note(watch, report);
    },
    (err: unknown) => {
      if (turn === watch.attends) lose(watch, err, ATTEND_AGAIN_MS);
    },
  );
}

function note(watch: Watch, report: HostReport): void {
  watch.report = report;
  watch.isThere = true;
  watch.isForgotten = false;
  watch.refused = null;
  watch.hasNews = true;
}

/** @param why what its pulse ended with, or what is wrong with its report */
function lose(watch: Watch, why: unknown, againMs: number): void {
  log.warn('host lost', { host: watch.host, err: String(why) });
  watch.isThere = false;
  watch.refused = typeof why === 'string' ? why : null;
  watch.hasNews = true;
  // Not at once: an agent that fails to attend must not be asked in a tight loop.
  void sleep(againMs).then(() => {
    watch.mustAttend = true;
  });
}

async function tellDispatcher(watch: Watch): Promise<void> {
  const { report, isThere } = watch;
  if (report === null) return;
  watch.hasNews = false;
  setCurrentDetails(describe(watch, report));
  noteOverdue(watch);
  const dispatcher = dispatcherWorkflowId(report.pool);
  const isTold = isThere
    ? await tell(dispatcher, hostReported, reportWithWish(report, watch))
    : await tell(dispatcher, hostLost, { host: watch.host, sessionId: report.sessionId });
  // The orchestrator starts a missing dispatcher within seconds.
  if (!isTold) await sleep(DISPATCHER_RETRY_MS);
  watch.hasNews ||= !isTold;
}

function noteOverdue(watch: Watch): void {
  if (watch.saidOverdue || !isOverdue(watch, Date.now())) return;
  watch.saidOverdue = true;
  log.warn('drain takes longer than its deadline', { host: watch.host, waitsFor: watch.report?.holds });
}

function describe(watch: Watch, report: HostReport): string {
  const now = Date.now();
  const known = statusOf(watch, now)?.state ?? 'up';
  const up = report.needsReboot === true ? '**needs a reboot**' : known;
  const labels = report.labels?.length ? ` · labels ${report.labels.join(', ')}` : '';
  const pulls = report.pulling ? ` · pulls ${report.pulling.template}, tag ${report.pulling.tag}` : '';
  const foreign = report.foreignVms.length > 0 ? ` · VMs of others: ${report.foreignVms.join(', ')}` : '';
  const state = watch.isThere ? up : `**lost**, last heard of before ${new Date(now).toISOString()}`;
  const problems = report.provider.problems.map((problem) => `\n\n- ${problem}`).join('');
  const refused = watch.refused === null ? '' : `\n\n- ${watch.refused}`;
  return `${state} · ${report.holds.length}/${report.slots.length} slots busy · ${report.provider.kind} ${report.provider.version}${labels}${pulls}${foreign}${problems}${refused}${drainText(watch, now)}`;
}

const isHistoryLong = (): boolean =>
  workflowInfo().historyLength > MAX_HISTORY || workflowInfo().continueAsNewSuggested;
