/** The dispatcher's loop without Temporal: the same calls in the same order as `workflows/dispatcher.ts`. */

import type { JobRef } from '../../../activities/contracts.js';
import { runnerName } from '../../../jobs/names.js';
import { emptyFleet, newRunner, waitingJobs } from '../../../placement/fleet.js';
import type { Fleet } from '../../../placement/fleet.js';
import type { Effect, PairingChange, SlotGrant } from '../../../placement/messages.js';
import { MAX_TAKEN, applyJobEnded, endRunner, expire, isOvertaken, noteAwake } from '../../../placement/pairing.js';
import { notePlaced, place } from '../../../placement/place.js';
import { giveUpTooBig } from '../../../placement/unplaceable.js';

/** How the dispatcher reaches others; false: there is nobody of that name. */
export interface Reach {
  readonly now: () => number;
  readonly granted: (jobId: number, grant: SlotGrant) => boolean;
  readonly paired: (jobId: number, change: PairingChange) => boolean;
  readonly waits: (jobId: number, reason: string) => boolean;
  readonly meantFor: (runner: string, job: JobRef) => boolean;
  readonly retire: (runner: string) => boolean;
}

export interface Dispatcher {
  readonly fleet: () => Fleet;
  /** A message came in: what follows from it is said in the next pass. */
  readonly hear: (apply: (fleet: Fleet) => Effect[] | void) => void;
  readonly pass: () => void;
  readonly hasWork: () => boolean;
  /** It was terminated and started anew. */
  readonly forget: () => void;
}

export function createDispatcher(reach: Reach): Dispatcher {
  let fleet = emptyFleet();
  let effects: Effect[] = [];
  let hasChanged = false;
  let made = 0;

  function grantSlots(): void {
    const { grants, reasons, kept, passed } = place(fleet);
    for (const { job, host, slot, local, pulls } of grants) {
      if (job.taken > MAX_TAKEN) throw new Error(`job ${job.jobId} gets a runner although ${job.taken} were stolen`);
      job.made += 1;
      job.toldReason = null;
      made += 1;
      const name = runnerName(job.namePrefix, job.jobId, job.made, made.toString(16).padStart(4, '0'));
      fleet.runners[name] = newRunner(job, name, { host, slot, pulls }, reach.now());
      job.runner = name;
      const grant = { runner: name, host, slot, local };
      effects.push({ to: 'job', workflowId: job.workflowId, jobId: job.jobId, say: 'granted', grant });
    }
    notePlaced(fleet, { kept, passed });
    effects.push(...giveUpTooBig(fleet, reasons, reach.now()));
    for (const job of waitingJobs(fleet)) {
      const { words: reason, code } = reasons.get(job.jobId) ?? {};
      if (reason === undefined || reason === job.toldReason) continue;
      job.toldReason = reason;
      effects.push({
        to: 'job',
        workflowId: job.workflowId,
        jobId: job.jobId,
        say: 'waits',
        reason,
        ...(code && { code }),
      });
    }
  }

  function carryOut(effect: Effect): void {
    if (isOvertaken(fleet, effect)) return;
    const isRetired = effect.to === 'runner' && effect.say === 'retire';
    if (isRetired && fleet.runners[effect.runner]?.phase === 'serving') {
      throw new Error(`${effect.runner} serves a job and is told to go`);
    }
    if (say(reach, effect)) return;
    hasChanged = true;
    if (effect.to === 'job') {
      effects.push(...applyJobEnded(fleet, { jobId: effect.jobId, runner: null }));
      return;
    }
    const runner = fleet.runners[effect.runner];
    if (runner !== undefined)
      effects.push(...endRunner(fleet, runner, { failure: null, vmGone: !runner.seenOnHost, now: reach.now() }));
  }

  return {
    fleet: () => fleet,
    hear: (apply) => {
      noteAwake(fleet, reach.now());
      hasChanged = true;
      effects.push(...(apply(fleet) ?? []));
    },
    pass: () => {
      hasChanged = false;
      effects.push(...expire(fleet, reach.now()));
      grantSlots();
      effects.splice(0).forEach(carryOut);
    },
    hasWork: () => hasChanged || effects.length > 0,
    forget: () => {
      fleet = emptyFleet();
      effects = [];
    },
  };
}

function say(reach: Reach, effect: Effect): boolean {
  switch (effect.say) {
    case 'granted':
      return reach.granted(effect.jobId, effect.grant);
    case 'paired':
      return reach.paired(effect.jobId, effect.change);
    case 'waits':
      return reach.waits(effect.jobId, effect.reason);
    case 'meant-for':
      return reach.meantFor(effect.runner, effect.job);
    case 'retire':
      return reach.retire(effect.runner);
  }
}
