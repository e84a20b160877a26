import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import { isFailureType } from '../jobs/failures.js';
import type { Failure } from '../placement/messages.js';

/** What went wrong, as a failure of Berth's table: the innermost typed failure, else what a time-out stands for. */
export function failureFrom(err: unknown): Failure {
  const cause = err instanceof ActivityFailure ? err.cause : err;
  if (cause instanceof ApplicationFailure && isFailureType(cause.type)) {
    return { type: cause.type, message: cause.message };
  }
  if (cause instanceof TimeoutFailure) {
    const isHostAway = cause.timeoutType === 'SCHEDULE_TO_START' || cause.timeoutType === 'HEARTBEAT';
    return { type: isHostAway ? 'HostLost' : 'CommandTimeout', message: cause.message };
  }
  return { type: 'CommandFailed', message: cause instanceof Error ? cause.message : String(cause) };
}

/** Whether an error carries this failure type. */
export function isFailure(err: unknown, type: Failure['type']): boolean {
  return failureFrom(err).type === type;
}

/** The details that an activity put into its failure, if any. */
export function detailsOf(err: unknown): readonly unknown[] {
  const cause = err instanceof ActivityFailure ? err.cause : err;
  return cause instanceof ApplicationFailure ? (cause.details ?? []) : [];
}
