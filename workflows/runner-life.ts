import type { CancellationScope } from '@temporalio/workflow';
import type { JobRef } from '../activities/contracts.js';
import type { PhaseLimits } from '../jobs/phases.js';
import type { Scope } from '../jobs/scope.js';
import type { Failure, SlotGrant } from '../placement/messages.js';
import type { RunnerStep } from './messages.js';
import type { Limited } from './past-limits.js';
import type { Orders } from './runner-orders.js';

export interface RunnerInput {
  /** The VM's and the runner's name. */
  readonly name: string;
  readonly grant: SlotGrant;
  readonly githubHost: string;
  readonly pool: string;
  /** The job it is made for; GitHub may decide otherwise. */
  readonly job: JobRef & { readonly workflowId: string };
  readonly template: string;
  readonly tag: string;
  readonly labels: readonly string[];
  readonly searchAttributes: boolean;
}

export interface RunnerResult {
  /** The job it served, if GitHub named it. */
  readonly served: number | null;
  readonly failure: Failure | null;
  /** False when the host could not be reached: its own sweep destroys the VM when it is back. */
  readonly vmDestroyed: boolean;
}

/** A runner that exists on GitHub, or may. */
export interface Registration {
  readonly scope: Scope;
  /** Null while GitHub's answer is outstanding or lost, and when the guest registers the runner. */
  readonly runnerId: number | null;
  /** The guest registers it, by a token: it may appear on GitHub for as long as the VM lives. */
  readonly inGuest: boolean;
}

/** What the parts of a runner's life share. */
export interface Life {
  readonly input: RunnerInput;
  readonly limits: PhaseLimits;
  /** The workflow's own: what is begun in it lasts longer than the step that began it. */
  readonly scope: CancellationScope;
  readonly orders: Orders;
  /** Set before GitHub is asked to register it, so that clean-up knows whatever may exist. */
  registration: Registration | null;
  /** Settles when GitHub has answered the last registration. */
  registering: Promise<void> | null;
  /** Berth took it off GitHub while its process ran: that this process then ends is no failure of its own. */
  isTakenOff: boolean;
  /** The host may have its secret: from here on a job may run on it. */
  isStartable: boolean;
  /** Its host does not answer while a job runs there, as far as is known. */
  isHostSilent: boolean;
  /** Why it goes without having served its job to the end; null while all is well. */
  failure: Failure | null;
  /** What it does now. */
  step: RunnerStep | null;
  /** Tells the job, in a moment, which step is on then. */
  telling: CancellationScope | null;
  /** GitHub's limits make it wait; null: they don't. */
  limited: Limited | null;
}
