/** The host's activities: the agent's doings, with Temporal's heartbeats, cancellation and failures around them. */

import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { AgentFailure, failureType } from '../agent/failure.js';
import type { HostAgent } from '../agent/host-agent.js';
import type { EndReason } from '../agent/slot-holder.js';
import type { StepContext } from '../agent/vm-steps.js';
import { remedyFor } from '../jobs/failures.js';
import { ProviderError } from '../providers/provider.js';
import type { HostActivities } from './contracts.js';

/** What the activities need of Temporal's context; the SDK's own has it. */
export interface ActivityContext {
  readonly info: { readonly workflowExecution?: { readonly workflowId: string; readonly runId: string } };
  readonly cancellationSignal: AbortSignal;
  readonly heartbeat: (details?: unknown) => void;
}

export interface HostActivitiesDeps {
  readonly agent: Pick<HostAgent, 'holdSlot' | 'steps' | 'destroyVm' | 'sweepVms' | 'nextReport' | 'pullTemplate'>;
  /** Default: the SDK's. */
  readonly context?: () => ActivityContext;
}

/** A cancel reaches a step with its next heartbeat; a step lasts seconds. */
const STEP_BEAT_MS = 1_000;

/** A terminated workflow is noticed this late; the hold lasts for hours. */
const HOLD_BEAT_MS = 2_000;

/** A third of the time after which a host counts as lost; it is most of what an idle fleet costs Temporal. */
const ATTEND_BEAT_MS = 5_000;

export function createHostActivities({ agent, context = () => Context.current() }: HostActivitiesDeps): HostActivities {
  type Step<In, Out> = (input: In, step: StepContext) => Promise<Out>;

  const step =
    <In, Out>(work: Step<In, Out>) =>
    (input: In): Promise<Out> => {
      const here = context();
      let now = 'waits for its turn';
      const progress = (what: string): void => {
        now = what;
      };
      return beating(
        here,
        STEP_BEAT_MS,
        () => now,
        () => work(input, { signal: here.cancellationSignal, progress }),
      );
    };

  return {
    holdSlot: (input) => {
      const here = context();
      const { workflowExecution } = here.info;
      if (workflowExecution === undefined) throw ApplicationFailure.nonRetryable('a slot is held for a workflow only');
      const hold = {
        ...workflowExecution,
        signal: here.cancellationSignal,
        endReason: () => endReasonOf(here.cancellationSignal.reason),
      };
      return beating(
        here,
        HOLD_BEAT_MS,
        () => `holds slot ${input.slot}`,
        () => agent.holdSlot(input, hold),
      );
    },
    ensureTemplate: step(agent.steps.ensureTemplate),
    pullTemplate: step(agent.pullTemplate),
    cloneVm: step(agent.steps.cloneVm),
    startVm: step(agent.steps.startVm),
    startRunner: step(agent.steps.startRunner),
    askGuest: step(agent.steps.askGuest),
    destroyVm: ({ runner }) =>
      beating(
        context(),
        STEP_BEAT_MS,
        () => 'deletes the VM',
        () =>
          // Whatever went wrong: a delete is worth repeating.
          agent.destroyVm(runner, 'its workflow asked for it').catch((err: unknown) => {
            throw toFailure(err, { isRetryable: true });
          }),
      ),
    sweepVms: (input) => {
      const here = context();
      return beating(
        here,
        STEP_BEAT_MS,
        () => 'looks for VMs that were left',
        () => agent.sweepVms(input, here.cancellationSignal),
      );
    },
    attend: (known) => {
      const here = context();
      return beating(
        here,
        ATTEND_BEAT_MS,
        () => undefined,
        () => agent.nextReport(known, here.cancellationSignal),
      );
    },
  };
}

/** Runs `work` under a heartbeat; what it throws leaves as a failure that workflows understand. */
async function beating<T>(
  context: ActivityContext,
  everyMs: number,
  details: () => unknown,
  work: () => Promise<T>,
): Promise<T> {
  const beat = (): void => context.heartbeat(details());
  // Not at once: most steps are over before the first, and each beat is a write of the server's.
  const timer = setInterval(beat, everyMs);
  try {
    return await work();
  } catch (err) {
    throw toFailure(err);
  } finally {
    clearInterval(timer);
  }
}

/** A cancellation stays one; a failure of ours keeps its type; anything else is left as it is. */
function toFailure(err: unknown, { isRetryable = false } = {}): unknown {
  if (err instanceof CancelledFailure || err instanceof ApplicationFailure) return err;
  const type = failureType(err);
  if (type === undefined || !(err instanceof AgentFailure || err instanceof ProviderError)) return err;
  return ApplicationFailure.create({
    message: err.message,
    type,
    nonRetryable: !isRetryable && remedyFor(type) !== 'retry-here',
    details: err instanceof AgentFailure ? [...err.details] : [],
  });
}

/** The SDK names the reason in the failure's message (`CancelReason` of @temporalio/worker 1.24). */
function endReasonOf(reason: unknown): EndReason {
  const name = reason instanceof Error ? reason.message : String(reason);
  if (name === 'CANCELLED') return 'cancelled';
  return name === 'WORKER_SHUTDOWN' ? 'shutdown' : 'lost';
}
