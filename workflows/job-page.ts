/** What an operator reads about one job: where it is, since when, and why it waits. */

import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { SearchAttributePair } from '@temporalio/common';
import { BerthOutcome, BerthState, FIRST_STATE } from '../jobs/search-attributes.js';
import type { JobState, JobStatus, JobWaitCode } from './messages.js';

/** How many lines of its life a job keeps. */
const MAX_TIMELINE = 100;

/** Why it waits, for programs. */
export interface Wait {
  readonly code: JobWaitCode;
  /** When that ends (epoch milliseconds), where it is known. */
  readonly until?: number;
}

export class JobPage {
  state: JobState = 'new';
  reason: string | null = null;
  private wait: Wait | null = null;
  private step = 'waiting for its first event';
  private since = Date.now();
  private readonly timeline: { at: number; what: string }[] = [];
  private readonly searchAttributes: boolean;
  /** The state that operators can filter by; the receiver starts every job with this one. */
  private published: JobState = FIRST_STATE;

  constructor(searchAttributes: boolean) {
    this.searchAttributes = searchAttributes;
  }

  /** Moves the job to a step. */
  show(state: JobState, step: string, reason: string | null = null, wait: Wait | null = null): void {
    this.state = state;
    this.reason = reason;
    this.wait = wait;
    if (step !== this.step) {
      this.step = step;
      this.since = Date.now();
      this.note(step);
    }
    // The last state is published with the outcome: each time is a write of the server's.
    if (state !== 'over') this.publishState(state);
  }

  /** The job is over: the last that operators can filter by. */
  close(outcome: string): void {
    this.publishState('over', [{ key: BerthOutcome, value: outcome }]);
  }

  private publishState(state: JobState, more: readonly SearchAttributePair[] = []): void {
    if (!this.searchAttributes || (state === this.published && more.length === 0)) return;
    this.published = state;
    upsertSearchAttributes([{ key: BerthState, value: state }, ...more]);
  }

  note(what: string): void {
    this.timeline.push({ at: Date.now(), what });
    if (this.timeline.length > MAX_TIMELINE) this.timeline.splice(1, 1);
  }

  /** Writes the workflow's "current details", the first thing its page in the Temporal UI shows. */
  publish(where: { runner: string; host: string } | null, link: string | null): void {
    const lines = [
      `**${this.step}** since ${new Date(this.since).toISOString()}`,
      where === null ? null : `runner ${where.runner} on ${where.host}`,
      this.reason === null ? null : `why: ${this.reason}`,
      link === null ? null : `[the job on GitHub](${link})`,
    ];
    setCurrentDetails(lines.filter((line) => line !== null).join('\n\n'));
  }

  status(where: { runner: string | null; host: string | null }, attempts: number): JobStatus {
    const { state, step, since, reason, wait } = this;
    const waits = { waitCode: wait?.code ?? null, waitsUntil: wait?.until ?? null };
    return { state, step, since, reason, ...waits, ...where, attempts, timeline: [...this.timeline] };
  }
}
