/** The GitHub activities: the client, with its failures in Temporal's words. */

import { ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import { GitHubError, GitHubRateLimited } from '../github/errors.js';
import type { GitHub } from '../github/github.js';
import type { GitHubActivities, LimitedDetails, PublicKey, SealedSecret } from './contracts.js';
import { createRegistration } from './registration.js';
import type { RegisterBy, Repeat } from './registration.js';

export interface GitHubActivityDeps {
  readonly github: GitHub;
  /** Encrypts to one agent process. `context` must be the same when it is opened: the runner's name. */
  readonly seal: (to: PublicKey, plaintext: string, context: string) => Promise<SealedSecret>;
  readonly log: Logger;
  /** Whether a job that can never run has its run cancelled; default: `cancel-run`. */
  readonly onUnrunnable?: 'cancel-run' | 'leave';
  /** Whether a job that was lost with its host is run again; default: `nothing`. */
  readonly onInfraLost?: 'nothing' | 'rerun-once';
  /** Default: by JIT config. */
  readonly registerBy?: RegisterBy;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Tells Temporal that the activity goes on; default: not told. */
  readonly heartbeat?: () => void;
  /** Whether a heartbeat was answered that nobody waits for this activity any more; default: never. */
  readonly isForgotten?: () => boolean;
}

/** Calls that wait for the same moment shall not all come in it. */
const SPREAD_MS = 2_000;

/** A fifth of the time after which an orchestrator counts as gone (`workflows/policies.ts`). */
export const BEAT_MS = 3_000;

export function createGitHubActivities({
  github,
  seal,
  log,
  registerBy = { kind: 'jit' },
  onUnrunnable = 'cancel-run',
  onInfraLost = 'nothing',
  now = Date.now,
  heartbeat = () => undefined,
  isForgotten = () => false,
}: GitHubActivityDeps): GitHubActivities {
  const registration = createRegistration({ github, seal, log, isForgotten }, registerBy);

  const asked = async <T>(repeat: Repeat, call: () => Promise<T>): Promise<T> => {
    const timer = setInterval(heartbeat, BEAT_MS);
    try {
      return await call();
    } catch (error) {
      throw toFailure(error, repeat, now());
    } finally {
      clearInterval(timer);
    }
  };

  return {
    registerRunner: (input) => asked(registration.repeat, () => registration.register(input)),
    removeRunner: (input) =>
      asked('may-repeat', async () => {
        const result = await github.removeRunner(input);
        log.info({ runner: input.runner, result }, 'runner removal');
        return result;
      }),
    lookUpRunner: (input) => asked('may-repeat', () => github.lookUpRunner(input)),
    lookUpJob: (input) => asked('may-repeat', () => github.lookUpJob(input)),
    findJobOfRunner: (input) => asked('may-repeat', () => github.findJobOfRunner(input)),
    originOfRun: (input) => asked('may-repeat', () => github.originOfRun(input)),
    cancelRun: ({ why, ...run }) =>
      asked('may-repeat', async () => {
        const result = why === 'unrunnable' && onUnrunnable === 'leave' ? 'left' : await github.cancelRun(run);
        log.info({ ...run, result }, 'run cancellation');
        return result;
      }),
    rerunLostJob: (input) =>
      asked('may-repeat', async () => {
        const result = onInfraLost === 'nothing' ? 'off' : await github.rerunJob(input);
        log.info({ ...input, result }, 'lost job');
        return result;
      }),
  };
}

/**
 * Limits: nothing was made. The workflow waits (`workflows/past-limits.ts`), or Temporal repeats the call when GitHub
 * allows it, where the policy says so. No answer: repeated, except for a
 * registration, which needs a new name. Refusals: only a person can mend them, so the workflow decides.
 */
export function toFailure(error: unknown, repeat: Repeat, now: number): unknown {
  if (error instanceof GitHubRateLimited) {
    const { type, message, resumeAt, why } = error;
    const details: [LimitedDetails] = [{ resumeAt, why }];
    const nextRetryDelay = Math.max(0, resumeAt - now) + Math.ceil(Math.random() * SPREAD_MS);
    return ApplicationFailure.create({ type, message, nonRetryable: false, nextRetryDelay, details });
  }
  if (!(error instanceof GitHubError)) return error;
  const nonRetryable = repeat === 'one-try' || error.type !== 'GitHubUnavailable';
  return ApplicationFailure.create({ type: error.type, message: error.message, nonRetryable });
}
