/**
 * `job/<github host>/<job id>`: demand. One GitHub job, from its first event to its last; the page an operator opens.
 *
 *   queued → ask the dispatcher for a slot → granted → start a `runner` → wait until GitHub says that the job runs
 *   in progress, on whichever runner → tell that runner and the dispatcher
 *   completed, or an operator's cancel → tell both → the outcome is final
 */

import {
  CancellationScope,
  ChildWorkflowFailure,
  ParentClosePolicy,
  TerminatedFailure,
  condition,
  isCancellation,
  log,
  startChild,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { nextMove } from '../jobs/attempts.js';
import type { NextMove } from '../jobs/attempts.js';
import { NOTICES, codeOf } from '../jobs/failures.js';
import type { JobInput } from '../jobs/job-input.js';
import { SLOTS_QUEUE, dispatcherWorkflowId, isOurRunner, runnerWorkflowId } from '../jobs/names.js';
import type { PairingChange, SlotGrant } from '../placement/messages.js';
import { askGitHub } from './ask-github.js';
import { untilItEnds } from './job-ending.js';
import { failureFrom } from './failure.js';
import { followJob } from './job-inbox.js';
import { dealWithLoss, untilLossIsClear } from './job-loss.js';
import type { JobRecord } from './job-record.js';
import { watchLongWait } from './long-wait.js';
import type { LongWait } from './long-wait.js';
import { askForSlot, jobEnded, jobOver, stopNow } from './messages.js';
import { pastLimitsAtLast } from './past-limits.js';
import { github, githubSoon } from './policies.js';
import { runner } from './runner.js';
import { tell } from './tell.js';
import { clearAway } from './terminated-runner.js';

/** What remains of a job when all is over. */
export interface JobResult {
  /** GitHub's conclusion, or `cancelled-by-operator`, `unrunnable`, `infra_lost`. */
  readonly outcome: string;
  readonly reason: string | null;
  readonly servedBy: string | null;
  readonly attempts: number;
}

/** There was no dispatcher to ask: the orchestrator starts a missing one within seconds. */
const ASK_AGAIN_MS = 5_000;

/** The `queued` that follows an approval may be lost: how long until GitHub is asked, then ever more rarely. */
const FIRST_GATE_QUESTION_MS = 10 * 60_000;
const LONGEST_GATE_QUESTION_MS = 2 * 60 * 60_000;

/** Whether its run is a fork's could not be learnt: how long until GitHub is asked again, then ever more rarely. */
const FIRST_ORIGIN_PAUSE_MS = 5_000;
const LONGEST_ORIGIN_PAUSE_MS = 5 * 60_000;

/** Failures that cost the job nothing but time are an alert from this one in a row on. */
const ALERT_AT = 5;

export async function githubJob(input: JobInput): Promise<JobResult> {
  const job = followJob(input);
  try {
    await condition(() => job.isKnown);
    if (!job.isOver && (input.recheck || job.arrivedLate)) await askGitHub(job);
    if (input.verdict === 'wrong' && job.isWaiting) job.giveUp('BadJob', input.reason ?? 'its labels cannot be used');
    if (input.refusesForks === true && job.isWaiting) await untilItsOriginIsKnown(job);
    if (input.verdict === 'ours') await untilItBegins(job);
    await untilItEnds(job);
  } catch (err) {
    if (!isCancellation(err)) throw err;
    job.noteCancelled({ by: "Temporal's cancel" });
  }
  return CancellationScope.nonCancellable(() => settle(job));
}

/** Pull requests of forks are refused, so nothing is made before GitHub has said where the run comes from. */
async function untilItsOriginIsKnown(job: JobRecord): Promise<void> {
  const { owner, repo } = job.ref;
  let pause = FIRST_ORIGIN_PAUSE_MS;
  while (job.isWaiting) {
    const origin = await githubSoon.originOfRun({ owner, repo, runId: job.runId }).catch((err: unknown) => {
      if (isCancellation(err)) throw err;
      return failureFrom(err);
    });
    if ('fork' in origin) {
      if (origin.fork !== null) job.giveUp('ForkRefused', `its run is a pull request of ${origin.fork}`);
      return;
    }
    job.noteReason(`GitHub has not said yet whether its run is a pull request of a fork: ${origin.message}`);
    await condition(() => !job.isWaiting, pause);
    pause = Math.min(pause * 2, LONGEST_ORIGIN_PAUSE_MS);
  }
}

/** Asks for a slot and starts a runner, again and again, until the job runs somewhere or is not wanted any more. */
async function untilItBegins(job: JobRecord): Promise<void> {
  let mustAsk = true;
  let gatePause = FIRST_GATE_QUESTION_MS;
  const longWait = watchLongWait(job);
  while (job.isWaiting) {
    if (!job.wantsRunner && job.runner === null) {
      // Behind an environment gate; nothing is made until GitHub says `queued`.
      if (!(await condition(() => !job.isWaiting || job.wantsRunner || job.hasNews, gatePause))) {
        gatePause = Math.min(gatePause * 2, LONGEST_GATE_QUESTION_MS);
        await askGitHub(job);
        continue;
      }
    }
    const isTold = mustAsk && job.wantsRunner ? await ask(job) : true;
    if (!isTold) job.noteReason(whyNobodyAsked(job.input.pool), 'no-dispatcher');
    const interval = isTold ? job.askAgainMs : ASK_AGAIN_MS;
    await condition(() => !job.isWaiting || job.hasNews || job.mustAskAgain, interval);
    const news = job.takeNews();
    for (const item of news) {
      if (item.kind === 'granted') await startRunner(job, item.grant, longWait);
      else await followPairing(job, item.change);
    }
    await longWait.lookAgain();
    mustAsk = news.length === 0 || job.runner === null || job.mustAskAgain;
  }
}

/** @returns false when there was nobody to ask */
async function ask(job: JobRecord): Promise<boolean> {
  if (job.pauseMs > 0) await condition(() => !job.isWaiting || job.isHurried, job.pauseMs);
  return !job.isWaiting || (await tell(dispatcherWorkflowId(job.input.pool), askForSlot, job.ask()));
}

const whyNobodyAsked = (pool: string): string =>
  `pool ${pool} has no dispatcher: an orchestrator starts it whose config names the pool (\`pool\` or \`pools\`)`;

async function startRunner(job: JobRecord, grant: SlotGrant, longWait: LongWait): Promise<void> {
  if (job.isWaiting) await longWait.beforeVm();
  // A grant that crossed the job's end: the dispatcher hears of the end and takes the slot back.
  if (!job.isWaiting) return;
  job.noteGranted(grant);
  try {
    const child = await startChild(runner, {
      workflowId: runnerWorkflowId(grant.runner),
      taskQueue: SLOTS_QUEUE,
      args: [job.runnerInput(grant)],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${job.title} on ${grant.host}`,
      ...(job.input.searchAttributes ? { typedSearchAttributes: job.runnerSearchAttributes(grant.host) } : {}),
    });
    child.result().catch((err: unknown) => {
      job.clearing.push(runnerBroke(job, grant, err));
    });
  } catch (err) {
    // An operator reset this workflow to a point before the start: the runner is there, and reports by itself.
    if (!(err instanceof WorkflowExecutionAlreadyStartedError)) throw err;
  }
}

/** Its workflow ended without a word: an operator terminated it, or it failed. */
function runnerBroke(job: JobRecord, grant: SlotGrant, err: unknown): Promise<void> {
  const cause = err instanceof ChildWorkflowFailure ? err.cause : err;
  const isOnPurpose = cause instanceof TerminatedFailure || isCancellation(err);
  const failure = isOnPurpose
    ? null
    : ({ type: 'VmGone', message: `the workflow of ${grant.runner} failed: ${String(cause)}` } as const);
  if (job.servedBy === grant.runner) job.isRunnerGone = true;
  return clearAway({ grant, pool: job.input.pool, failure });
}

async function followPairing(job: JobRecord, change: PairingChange): Promise<void> {
  job.noteStanding(change.standing);
  switch (change.kind) {
    case 'swapped':
      job.noteSwapped(change);
      return;
    case 'taken':
      job.noteTaken(change);
      return;
    case 'ended':
      if (job.noteRunnerEnded(change)) await decideNext(job, change);
      return;
    case 'unplaceable':
      job.noteUnplaceable(change);
  }
}

type Ended = Extract<PairingChange, { kind: 'ended' }>;

/** Its runner failed: a new VM, another host, a pause, or the end of the job. */
async function decideNext(job: JobRecord, { failure, host }: Ended): Promise<void> {
  const move = nextMove(job.trouble, failure?.type ?? null, job.retryAttempts);
  tellOperators(job, move, { failure, host });
  if (move.kind === 'give-up') {
    const last = failure === null ? '' : failure.message;
    job.giveUp(move.type, move.type === 'AttemptsUsedUp' ? `attempt ${move.trouble.used} failed, too: ${last}` : last);
    return;
  }
  job.noteTrouble(move, host, failure);
  // Before another VM is made, GitHub is asked whether the job is still there: a webhook may be lost.
  if (failure !== null && failure.type !== 'SlotRefused') await askGitHub(job, 'with its run');
}

/** Each failure is in the log; one that comes back again and again, though it is not the job's own, is an alert. */
function tellOperators(job: JobRecord, move: NextMove, { failure, host }: Pick<Ended, 'failure' | 'host'>): void {
  if (failure === null) return;
  const { type, message: reason } = failure;
  const what = { ...job.ref, host, failure: type, failureCode: codeOf(type), reason, trouble: move.trouble };
  if (move.kind === 'give-up') log.error('job cannot run', { ...what, code: codeOf(move.type) });
  else if (move.trouble.free < ALERT_AT) log.warn('runner failed', { ...what, code: codeOf(type) });
  else log.error(NOTICES.JobFailsAgain.means, { ...what, code: NOTICES.JobFailsAgain.code });
}

/** The job is over, one way or another: everybody who worked for it hears so, once. */
async function settle(job: JobRecord): Promise<JobResult> {
  const { input } = job;
  const servedBy = job.servedBy;
  const isOurs = servedBy !== null && isOurRunner(input.namePrefix, servedBy);
  await Promise.all([
    isOurs && job.isOver ? tell(runnerWorkflowId(servedBy), jobOver, { jobId: input.jobId }) : undefined,
    isOurs && !job.isOver ? tell(runnerWorkflowId(servedBy), stopNow, job.page.reason ?? 'cancelled') : undefined,
    job.isOpenWithDispatcher
      ? tell(dispatcherWorkflowId(input.pool), jobEnded, { jobId: input.jobId, runner: servedBy })
      : undefined,
  ]);
  if (job.wantsRunCancelled) await cancelRun(job);
  // Nobody else would do it when this workflow is closed.
  await Promise.all(job.clearing);
  await untilLossIsClear(job);
  job.page.close(job.outcome);
  if (job.outcome === 'infra_lost') await dealWithLoss(job);
  return { outcome: job.outcome, reason: job.page.reason, servedBy, attempts: job.attempts };
}

async function cancelRun(job: JobRecord): Promise<void> {
  const { owner, repo } = job.ref;
  const run = { owner, repo, runId: job.runId, ...(job.isUnrunnable && { why: 'unrunnable' as const }) };
  const answer = await pastLimitsAtLast(() => github.cancelRun(run)).catch(() => 'refused' as const);
  job.page.note(CANCEL_WORDS[answer]);
}

const CANCEL_WORDS = {
  cancelled: 'run cancelled on GitHub',
  'already-over': 'its run is over on GitHub',
  refused: 'GitHub refused to cancel the run',
  left: 'left as it is on GitHub: `on_unrunnable` is `leave`',
} as const;
