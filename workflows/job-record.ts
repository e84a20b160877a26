/**
 * What one job's events, runner, dispatcher and operators have said so far, and what follows from it. It only writes
 * down and answers; `github-job.ts` acts.
 */

import { workflowInfo } from '@temporalio/workflow';
import type { SearchAttributePair } from '@temporalio/common';
import type { JobRef, LostJob } from '../activities/contracts.js';
import { askAgainMs } from '../jobs/asking.js';
import { NO_TROUBLE } from '../jobs/attempts.js';
import type { NextMove, Trouble } from '../jobs/attempts.js';
import { rankOf } from '../jobs/event.js';
import type { JobEvent } from '../jobs/event.js';
import { NOTICES, codeOf, remedyFor } from '../jobs/failures.js';
import type { FailureType } from '../jobs/failures.js';
import type { JobInput } from '../jobs/job-input.js';
import { limitText } from '../jobs/limits.js';
import { BerthHost, BerthJobId, BerthRepo, BerthState } from '../jobs/search-attributes.js';
import type { Ask, Failure, PairingChange, SlotGrant, Standing } from '../placement/messages.js';
import type { WaitCode } from '../placement/reasons.js';
import { JobLoss } from './job-loss.js';
import { JobPage } from './job-page.js';
import type { Wait } from './job-page.js';
import type { CancelRequest, JobStatus, RunOfJob, RunnerLeft, RunnerProgress, ServerSilent } from './messages.js';
import type { RunnerInput } from './runner-life.js';

/** An event that took this long from GitHub's clock to ours has been through a queue or a redelivery. */
const LATE_MS = 60_000;

type RunnerRef = NonNullable<Ask['runner']>;

/** What the dispatcher said and `github-job.ts` has not acted on yet. */
export type News =
  { readonly kind: 'granted'; readonly grant: SlotGrant } | { readonly kind: 'paired'; readonly change: PairingChange };

const inWords = ({ type, message }: Failure): string => `${message} (${codeOf(type)})`;

export class JobRecord {
  readonly input: JobInput;
  readonly page: JobPage;
  /** What has gone wrong so far. */
  trouble: Trouble = NO_TROUBLE;
  retryAttempts = 5;
  /** How long to wait before the next ask (milliseconds). */
  pauseMs = 0;
  /** An operator wants no pause. */
  isHurried = false;
  /** The dispatcher was started anew and has not heard of this job. */
  mustAskAgain = false;
  /** The runner that served the job is gone. */
  isRunnerGone = false;
  readonly loss = new JobLoss();
  /** When GitHub last said how the job stands (workflow time). */
  heardAt = Date.now();
  /** Since when GitHub would give it to a runner; null: it would not, as far as is known. */
  wantedSince: number | null = null;
  /** The runner that GitHub gave the job to, ours or not. */
  servedBy: string | null = null;
  runner: RunnerRef | null = null;
  attempts = 0;
  /** Clean-ups after runners whose workflow was terminated. */
  readonly clearing: Promise<void>[] = [];
  private first: JobEvent | null = null;
  private latest: JobEvent | null = null;
  private avoid: readonly string[] = [];
  private standing: Standing | null = null;
  private hasAsked = false;
  /** How often the dispatcher had no place for it in its books, one time after the other. */
  private turnedAway = 0;
  private isGated = true;
  private toldServer: string | null = null;
  private readonly news: News[] = [];
  private cancelled: CancelRequest | null = null;
  private unrunnable: Failure | null = null;

  constructor(input: JobInput) {
    this.input = input;
    this.page = new JobPage(input.searchAttributes);
  }

  // Where the job stands.

  get isKnown(): boolean {
    return this.first !== null;
  }

  get isOver(): boolean {
    return this.rank === 3;
  }

  get hasBegun(): boolean {
    return this.rank >= 2;
  }

  /** Nothing more is to be done for it: it is over, or nobody wants it served. */
  get isSettled(): boolean {
    return this.isOver || this.cancelled !== null || this.unrunnable !== null;
  }

  get isWaiting(): boolean {
    return !this.hasBegun && !this.isSettled;
  }

  /** GitHub would give it to a runner: it was queued, and is not known to wait for a person's approval. */
  get wantsRunner(): boolean {
    return this.isWaiting && !this.isGated;
  }

  /** How long it waits before it asks again (milliseconds). */
  get askAgainMs(): number {
    return askAgainMs(this.turnedAway);
  }

  get arrivedLate(): boolean {
    return this.first !== null && this.first.receivedAt - this.first.createdAt > LATE_MS;
  }

  get hasNews(): boolean {
    return this.news.length > 0;
  }

  /** The dispatcher may count this job among those that wait, or not know who serves it. */
  get isOpenWithDispatcher(): boolean {
    if (this.servedBy !== null) return this.toldServer !== this.servedBy;
    // What an earlier run, which was terminated, asked for is not known here.
    return this.hasAsked || this.input.recheck;
  }

  /** It can never run, whatever happens: more than that it has not run so far. */
  get isUnrunnable(): boolean {
    return this.unrunnable !== null && remedyFor(this.unrunnable.type) === 'end-job';
  }

  /** An operator asked for it, or the job can never run. */
  get wantsRunCancelled(): boolean {
    return this.isKnown && !this.isOver && (this.isUnrunnable || this.cancelled?.github === true);
  }

  /** How it ended, in GitHub's words; null while it is not over. */
  get conclusion(): string | null {
    return this.latest?.conclusion ?? null;
  }

  get outcome(): string {
    // Both are decided only while the job isn't over; that GitHub then ends it, too, changes nothing.
    if (this.unrunnable !== null) return 'unrunnable';
    if (this.cancelled !== null) return 'cancelled-by-operator';
    return this.loss.outcome(this.conclusion) ?? this.conclusion ?? 'unknown';
  }

  private get rank(): number {
    return this.latest === null ? 0 : rankOf(this.latest.action);
  }

  // Who it is.

  get ref(): JobRef & { readonly workflowId: string } {
    const { owner = '', repo = '' } = this.first ?? {};
    return { owner, repo, jobId: this.input.jobId, workflowId: workflowInfo().workflowId };
  }

  get runId(): number {
    return this.first?.runId ?? 0;
  }

  run(): RunOfJob | null {
    if (this.first === null) return null;
    const { owner, repo, runId } = this.first;
    return { owner, repo, runId };
  }

  get lostJob(): LostJob {
    const { owner, repo, jobId } = this.ref;
    const { name = '', runAttempt = 1 } = this.first ?? {};
    return { owner, repo, jobId, name, runId: this.runId, runAttempt };
  }

  get title(): string {
    const { owner, repo } = this.ref;
    return [`${owner}/${repo}`, this.first?.workflowName, this.first?.name].filter(Boolean).join(' · ');
  }

  // What others say.

  /** An event of any age: only a higher rank than before is news. */
  apply(event: JobEvent): void {
    if (this.first === null || event.source === 'github-api') this.heardAt = Date.now();
    this.first ??= event;
    this.servedBy = event.runnerName ?? this.servedBy;
    this.noteGate(event);
    if (this.latest !== null && rankOf(event.action) <= this.rank) return;
    const wasSettled = this.isSettled;
    this.latest = event;
    if (wasSettled) return;
    if (event.action === 'completed') this.show('over', `completed: ${event.conclusion ?? 'no conclusion'}`);
    else if (event.action === 'in_progress') this.show('running', `running on ${event.runnerName ?? 'a runner'}`);
    else this.showQueued();
  }

  /**
   * `queued` opens the gate, whenever it comes. A `waiting` webhook never closes it again, for it may be late; GitHub's
   * answer to a question may, because it is what holds now.
   */
  private noteGate({ action, source }: JobEvent): void {
    const was = this.isGated;
    if (action === 'queued') this.isGated = false;
    if (action === 'waiting' && source === 'github-api') this.isGated = true;
    if (this.isGated) this.wantedSince = null;
    else this.wantedSince ??= Date.now();
    if (was !== this.isGated && this.isWaiting && this.latest !== null && this.runner === null) this.showQueued();
  }

  private showQueued(): void {
    if (this.isGated) this.show('queued', 'waiting for approval on GitHub', 'an environment of the job needs a person');
    else this.show('queued', 'waiting for a slot');
  }

  hear(news: News): void {
    this.news.push(news);
  }

  takeNews(): readonly News[] {
    return this.news.splice(0);
  }

  /** The dispatcher knows that this runner serves the job: that ended its wait. */
  noteServerTold(runner: string): void {
    this.toldServer = runner;
  }

  /** Its place in the queue, which the dispatcher may forget. */
  noteStanding(standing: Standing): void {
    this.standing = standing;
  }

  noteReason(reason: string, code?: WaitCode): void {
    this.turnedAway = code === 'outside' ? this.turnedAway + 1 : 0;
    if (this.isWaiting && this.runner === null) this.show('queued', 'waiting for a slot', reason, code && { code });
  }

  noteProgress(progress: RunnerProgress): void {
    if (progress.runner === this.servedBy) this.runner = { name: progress.runner, host: progress.host, slot: '' };
    if (!this.isWaiting || progress.runner !== this.runner?.name) return;
    const { step, host, limited, detail = null } = progress;
    if (limited === undefined) return this.show('starting', `${step} on ${host}`, detail);
    const why = `${limitText(limited.why, limited.until)} (${codeOf('GitHubRateLimited')})`;
    this.show('starting', `${step} on ${host}`, why, { code: 'limit_paused', until: limited.until });
  }

  /** The host of the runner that serves it fell silent, or answers again. */
  noteSilence({ runner, host, silent }: ServerSilent): void {
    if (runner !== this.servedBy || !this.hasBegun) return;
    this.loss.isSilent = silent;
    if (this.isSettled) return;
    const since = new Date().toISOString();
    this.show('running', `running on ${runner}`, silent ? `host ${host} does not answer since ${since}` : null);
  }

  /** The runner that served it is gone; `lost`: before the job was over. */
  noteServerLeft({ runner, lost }: RunnerLeft): void {
    if (runner !== this.servedBy) return;
    this.isRunnerGone = true;
    this.loss.hasLeft = true;
    this.loss.failure ??= lost ?? null;
    if (lost === undefined || this.isSettled) return;
    this.show('running', `lost with ${runner}`, `${inWords(lost)}; waiting for GitHub to end the job`);
  }

  /** It is over, and that was not its own doing. */
  noteLost(lost: Failure): void {
    this.show('over', 'lost with its host or VM', inWords(lost));
  }

  /** GitHub does not say how it ended. */
  noteEndUnknown(): void {
    this.show('over', 'its end is not known', `${NOTICES.JobEndUnknown.means} (${NOTICES.JobEndUnknown.code})`);
  }

  noteCancelled(request: CancelRequest): void {
    if (this.isSettled) return;
    this.cancelled = request;
    this.show('over', `cancelled by ${request.by ?? 'an operator'}`);
  }

  /** A slot was granted: a runner is made for this job. */
  noteGranted(grant: SlotGrant): void {
    this.turnedAway = 0;
    this.attempts += 1;
    this.retryAttempts = grant.slot.retryAttempts;
    this.runner = { name: grant.runner, host: grant.host, slot: grant.slot.name };
    this.show('starting', `slot ${grant.slot.name} on ${grant.host} granted`);
  }

  /** A runner that was made for another job is meant for this one now. */
  noteSwapped(change: Extract<PairingChange, { kind: 'swapped' }>): void {
    if (!this.isWaiting) return;
    this.runner = { name: change.runner, host: change.host, slot: change.slot };
    this.show('starting', `given runner ${change.runner}`);
  }

  noteTaken({ runner, by }: Extract<PairingChange, { kind: 'taken' }>): void {
    if (this.runner?.name !== runner) return;
    this.runner = null;
    this.show('queued', 'waiting for a slot', `GitHub gave its runner ${runner} to ${by}`);
  }

  /** @returns whether it was this job's runner, so that there is something to decide */
  noteRunnerEnded({ runner }: Extract<PairingChange, { kind: 'ended' }>): boolean {
    if (this.runner?.name !== runner || !this.isWaiting) return false;
    this.runner = null;
    return true;
  }

  noteTrouble(move: Extract<NextMove, { kind: 'again' }>, host: string, failure: Failure | null): void {
    this.trouble = move.trouble;
    this.pauseMs = move.pauseMs;
    if (move.avoidHost) this.avoid = [...new Set([...this.avoid, host])];
    const why = failure === null ? 'its runner was stopped' : inWords(failure);
    // The reason goes with the next step; the timeline keeps why it moved.
    this.page.note(why);
    this.show('queued', 'waiting for a new VM', why);
  }

  giveUp(type: FailureType, message: string): void {
    if (this.isSettled) return;
    this.unrunnable = { type, message };
    this.show('over', `cannot run: ${message}`, inWords({ type, message }));
  }

  /** No host is large enough for its VM, and none has come. */
  noteUnplaceable({ failure }: Extract<PairingChange, { kind: 'unplaceable' }>): void {
    if (this.isWaiting && this.runner === null) this.giveUp(failure.type, failure.message);
  }

  // What it says to others.

  ask(): Ask {
    this.hasAsked = true;
    this.mustAskAgain = false;
    this.pauseMs = 0;
    this.isHurried = false;
    const { workflowId, ...job } = this.ref;
    return {
      job,
      workflowId,
      namePrefix: this.input.namePrefix,
      labels: this.input.labels,
      template: this.input.template ?? '',
      tag: this.input.tag ?? '',
      createdAt: this.first?.createdAt ?? 0,
      standing: this.standing,
      made: this.attempts,
      avoid: this.avoid,
      ...(this.turnedAway > 0 && { againMs: this.askAgainMs }),
      ...(this.input.unplaceableAfterMs !== undefined && { unplaceableAfterMs: this.input.unplaceableAfterMs }),
      runner: this.runner,
    };
  }

  runnerInput(grant: SlotGrant): RunnerInput {
    const { githubHost, pool, labels, searchAttributes } = this.input;
    const template = this.input.template ?? '';
    const tag = this.input.tag ?? '';
    return { name: grant.runner, grant, githubHost, pool, job: this.ref, template, tag, labels, searchAttributes };
  }

  runnerSearchAttributes(host: string): SearchAttributePair[] {
    const { owner, repo } = this.ref;
    return [
      ...(this.input.hidesNames === true ? [] : [{ key: BerthRepo, value: `${owner}/${repo}` }]),
      { key: BerthJobId, value: String(this.input.jobId) },
      { key: BerthHost, value: host },
      { key: BerthState, value: 'starting' },
    ];
  }

  status(): JobStatus {
    const runner = this.servedBy ?? this.runner?.name ?? null;
    const host = this.runner?.name === runner ? (this.runner?.host ?? null) : null;
    return this.page.status({ runner, host }, this.attempts);
  }

  private show(state: JobPage['state'], step: string, reason: string | null = null, wait?: Wait): void {
    this.page.show(state, step, reason, wait);
    const isOther = this.servedBy !== null && this.servedBy !== this.runner?.name;
    const where = this.runner === null || isOther ? null : { runner: this.runner.name, host: this.runner.host };
    this.page.publish(where, this.first?.htmlUrl ?? null);
  }
}
