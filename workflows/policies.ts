/** Time limits and retries of every activity, in one place. Durations that a person may want to know have a reason. */

import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { ActivityInterfaceFor, ActivityOptions } from '@temporalio/workflow';
import type { GitHubActivities, HostActivities, ReconcileActivities } from '../activities/contracts.js';
import { ORCHESTRATOR_QUEUE, hostQueue } from '../jobs/names.js';
import { DEFAULT_LIMITS } from '../jobs/phases.js';
import type { PhaseLimits } from '../jobs/phases.js';

/** A host that dies is seen after this long without a heartbeat of `holdSlot`. */
const HOLD_HEARTBEAT = '10 seconds';

/** A host in contact takes up a task in milliseconds; one that needs this long is out of contact. */
const HOST_ANSWERS_WITHIN = '15 seconds';

/** A job never runs longer than GitHub allows on self-hosted runners (5 days). */
const LONGEST_HOLD = '6 days';

/** The orchestrator's calls to GitHub show that they are under way (`activities/github.ts`) five times as often. */
const GITHUB_HEARTBEAT = '15 seconds';

type Host = ActivityInterfaceFor<HostActivities>;
type GitHub = ActivityInterfaceFor<GitHubActivities>;

/** A step on a host: cut short by `destroyVm` there, so the workflow need not wait for its end. */
const step: ActivityOptions = {
  scheduleToStartTimeout: HOST_ANSWERS_WITHIN,
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '500 milliseconds', maximumAttempts: 3 },
};

export interface HostSteps {
  readonly hold: Host;
  readonly adopt: (withinMs: number) => Host;
  readonly pull: Host;
  readonly pullForLater: Host;
  readonly clone: Host;
  readonly start: Host;
  readonly startRunner: Host;
  readonly ask: Host;
  readonly destroy: Host;
  readonly sweep: Host;
}

/**
 * The host counts the limits of its phases itself, and says which command was slow. These are for a step that hangs
 * although its heartbeats go on: so much longer than all that the host may spend in it (mounts, copies, looks).
 */
const BEYOND_MS = 3 * 60_000;

/**
 * The activities of one host, by the kind of work.
 * @param limits those of the slot (`limitsOf`)
 */
export function hostSteps(host: string, limits: PhaseLimits = DEFAULT_LIMITS): HostSteps {
  const taskQueue = hostQueue(host);
  const proxy = (options: ActivityOptions): Host => proxyActivities<HostActivities>({ taskQueue, ...options });
  const hold: ActivityOptions = {
    startToCloseTimeout: LONGEST_HOLD,
    heartbeatTimeout: HOLD_HEARTBEAT,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { maximumAttempts: 1 },
  };
  return {
    hold: proxy({ ...hold, scheduleToStartTimeout: HOST_ANSWERS_WITHIN, summary: 'holds the slot' }),
    adopt: (withinMs) => proxy({ ...hold, scheduleToStartTimeout: withinMs, summary: 'takes the slot up again' }),
    pull: proxy({ ...step, startToCloseTimeout: limits.pullMs + BEYOND_MS }),
    // A template that was replaced or removed meanwhile is pulled once more.
    clone: proxy({ ...step, startToCloseTimeout: limits.pullMs + limits.cloneMs + BEYOND_MS }),
    start: proxy({ ...step, startToCloseTimeout: limits.startMs + limits.guestMs + BEYOND_MS }),
    startRunner: proxy({ ...step, startToCloseTimeout: limits.startRunnerMs + BEYOND_MS }),
    // Several of them, one after the other.
    pullForLater: proxy({ ...step, startToCloseTimeout: '12 hours' }),
    ask: proxy({ ...step, startToCloseTimeout: '1 minute' }),
    // A delete is not cut short; it is repeated for a while, and the host's own sweep goes on after that.
    destroy: proxy({
      taskQueue,
      scheduleToStartTimeout: HOST_ANSWERS_WITHIN,
      startToCloseTimeout: limits.deleteMs + BEYOND_MS,
      heartbeatTimeout: '10 seconds',
      cancellationType: ActivityCancellationType.ABANDON,
      retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 8 },
    }),
    // Two looks, a question to each guest in doubt, deletes. Somebody waits for the answer.
    sweep: proxy({ ...step, startToCloseTimeout: '5 minutes', retry: { maximumAttempts: 1 } }),
  };
}

/** Calls to GitHub. The client obeys limits; a limited call fails at once and says when to come again. */
const githubCall: ActivityOptions = {
  taskQueue: ORCHESTRATOR_QUEUE,
  // A registration that goes wrong looks the name up and removes what is there: several calls of 10 s at most.
  startToCloseTimeout: '90 seconds',
  // An orchestrator that was killed is seen by this.
  heartbeatTimeout: GITHUB_HEARTBEAT,
  scheduleToCloseTimeout: '2 hours',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    maximumAttempts: 10,
    // The workflow waits for GitHub's limits, and shows that it does (`past-limits.ts`): such a wait is no attempt.
    nonRetryableErrorTypes: ['GitHubRateLimited'],
  },
};

export const github: GitHub = proxyActivities<GitHubActivities>(githubCall);

/**
 * A registration that is under way is not let go of when its runner is no longer wanted: what it makes must be known to
 * be removed. One that only waits for its next try ends at once.
 */
export const githubToTheEnd = (withinMs: number): GitHub =>
  proxyActivities<GitHubActivities>({
    ...githubCall,
    scheduleToCloseTimeout: withinMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });

/** The same for a question whose answer is only wanted now: without it the caller goes on. */
export const githubSoon: GitHub = proxyActivities<GitHubActivities>({
  taskQueue: ORCHESTRATOR_QUEUE,
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: GITHUB_HEARTBEAT,
  scheduleToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumAttempts: 3 },
});

/** A sweep reads page after page and waits for its turn among GitHub's calls; the next one comes by itself. */
export const sweeps: ActivityInterfaceFor<ReconcileActivities> = proxyActivities<ReconcileActivities>({
  taskQueue: ORCHESTRATOR_QUEUE,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: GITHUB_HEARTBEAT,
  retry: { initialInterval: '5 seconds', maximumAttempts: 3 },
});

/** The same while a granted slot waits for the answer: a VM too many is cheaper than a slot that idles. */
export const githubAtOnce: GitHub = proxyActivities<GitHubActivities>({
  taskQueue: ORCHESTRATOR_QUEUE,
  startToCloseTimeout: '8 seconds',
  scheduleToCloseTimeout: '8 seconds',
  retry: { maximumAttempts: 1 },
});
