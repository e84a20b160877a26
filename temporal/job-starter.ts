/** Hands events to Temporal: one `githubJob` workflow a job, whatever comes first, twice or late. */

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { SearchAttributePair, WorkflowIdReusePolicy } from '@temporalio/common';
import type { JobEvent } from '../jobs/event.js';
import type { JobInput } from '../jobs/job-input.js';
import { ORCHESTRATOR_QUEUE, jobWorkflowId } from '../jobs/names.js';
import { poolOf } from '../jobs/pools.js';
import type { PoolRule } from '../jobs/pools.js';
import {
  BerthJobId,
  BerthRepo,
  BerthRunId,
  BerthState,
  BerthTemplate,
  FIRST_STATE,
} from '../jobs/search-attributes.js';
import type { JobStart } from '../jobs/job-start.js';
import { grpcCode } from './grpc-status.js';
import { unlessGone } from './open-workflows.js';
import { soon } from './soon.js';

/** Hands events to Temporal. */
export interface JobStarter {
  /**
   * Resolves once Temporal has the event for good.
   * @throws TemporalUnavailable when it could not be told within its time
   */
  accept(start: JobStart): Promise<void>;
}

/** The same for those who look for events by themselves. */
export interface JobFinder extends JobStarter {
  /** Whether there is a workflow of this job, open or closed. @throws TemporalUnavailable */
  isKnown(jobId: number): Promise<boolean>;
  /**
   * As `accept` for an event that nobody sent: where there is a workflow of this job, open or closed, nothing is done.
   * @throws TemporalUnavailable
   */
  startIfUnknown(start: JobStart): Promise<'started' | 'known'>;
}

/** Temporal cannot be reached, or did not answer in time: the same event may be taken later. */
export class TemporalUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TemporalUnavailable';
  }
}

/** Within the receiver's own limit, so that the error says what Temporal said. */
const CALLS_TIMEOUT_MS = 7_500;

/** Temporal's limit on a static summary is 400 bytes; the UI shows one line. */
const MAX_SUMMARY = 200;

export interface JobStarterOptions {
  readonly client: Pick<Client, 'withDeadline' | 'workflow'>;
  readonly githubHost: string;
  /** Of the jobs that no rule is for. */
  readonly pool: string;
  /** Jobs of other pools; absent: there are none. */
  readonly poolRules?: readonly PoolRule[];
  readonly namePrefix: string;
  /** Whether the namespace has Berth's search attributes: unknown ones would be refused. */
  readonly searchAttributes: () => boolean;
  /** Whether payloads are encrypted: then no search attribute, which never is, has a repository or template in clear. */
  readonly hidesNames?: boolean;
  /** See `JobInput`. */
  readonly unplaceableAfterMs?: number;
  readonly refusesForks?: boolean;
  /** Bound of all calls for one event, in milliseconds. */
  readonly timeoutMs?: number;
}

export function createJobStarter(options: JobStarterOptions): JobFinder {
  const { client, timeoutMs = CALLS_TIMEOUT_MS } = options;
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await soon(client, timeoutMs, work);
    } catch (err) {
      throw new TemporalUnavailable(`Temporal did not take the event: ${whatTemporalSaid(err)}`, { cause: err });
    }
  };
  return {
    accept: (start) => timed(() => signalJob(options, start)),
    isKnown: (jobId) => timed(() => isKnownJob(options, jobId)),
    startIfUnknown: (start) => timed(() => startUnknownJob(options, start)),
  };
}

async function isKnownJob({ client, githubHost }: JobStarterOptions, jobId: number): Promise<boolean> {
  return (await unlessGone(() => client.workflow.getHandle(jobWorkflowId(githubHost, jobId)).describe())) !== null;
}

/** Asks first: a signal to a workflow that is open would stay in its history, sweep after sweep. */
async function startUnknownJob(options: JobStarterOptions, start: JobStart): Promise<'started' | 'known'> {
  if (await isKnownJob(options, start.event.jobId)) return 'known';
  try {
    await signalWithStart(options, start, { policy: 'REJECT_DUPLICATE', recheck: false });
    return 'started';
  } catch (err) {
    if (err instanceof WorkflowExecutionAlreadyStartedError) return 'known';
    throw err;
  }
}

/**
 * Signals the job's workflow, starting it if there is none. When an earlier run is closed, the job has been dealt with
 * and late news of it are of no use; but `queued` and `in_progress` may mean that it goes on after all (GitHub sends
 * `queued` again after an environment's gate), so the workflow starts again and asks GitHub first. `completed` starts it
 * again only when the earlier run did not come to its end (an operator terminated it): its runner must hear of it.
 */
async function signalJob(options: JobStarterOptions, start: JobStart): Promise<void> {
  try {
    await signalWithStart(options, start, { policy: 'REJECT_DUPLICATE', recheck: false });
  } catch (err) {
    if (!(err instanceof WorkflowExecutionAlreadyStartedError)) throw err;
    const { action } = start.event;
    if (action === 'waiting') return;
    const policy = action === 'completed' ? 'ALLOW_DUPLICATE_FAILED_ONLY' : 'ALLOW_DUPLICATE';
    await signalWithStart(options, start, { policy, recheck: true }).catch(ignoreClosed);
  }
}

function ignoreClosed(err: unknown): void {
  if (!(err instanceof WorkflowExecutionAlreadyStartedError)) throw err;
}

interface Manner {
  readonly policy: WorkflowIdReusePolicy;
  readonly recheck: boolean;
}

async function signalWithStart(options: JobStarterOptions, start: JobStart, manner: Manner): Promise<void> {
  const { client, githubHost, hidesNames = false, unplaceableAfterMs, refusesForks = false } = options;
  const { event } = start;
  const searchAttributes = options.searchAttributes();
  const flags = {
    recheck: manner.recheck,
    searchAttributes,
    ...(hidesNames && { hidesNames }),
    ...(unplaceableAfterMs !== undefined && { unplaceableAfterMs }),
    ...(refusesForks && { refusesForks }),
  };
  await client.workflow.signalWithStart<(input: JobInput) => Promise<unknown>, [JobEvent]>('githubJob', {
    workflowId: jobWorkflowId(githubHost, event.jobId),
    taskQueue: ORCHESTRATOR_QUEUE,
    workflowIdReusePolicy: manner.policy,
    signal: 'jobEvent',
    signalArgs: [event],
    args: [jobInput(options, start, flags)],
    staticSummary: summaryOf(event),
    ...(searchAttributes && { typedSearchAttributes: new TypedSearchAttributes(attributesOf(start, hidesNames)) }),
  });
}

function jobInput(
  { githubHost, pool: ofOthers, poolRules = [], namePrefix }: JobStarterOptions,
  { event, verdict, reason, template, tag, labels }: JobStart,
  flags: Pick<JobInput, 'recheck' | 'searchAttributes' | 'hidesNames' | 'unplaceableAfterMs' | 'refusesForks'>,
): JobInput {
  const pool = poolOf(event, { pool: ofOthers, poolRules });
  return { githubHost, pool, namePrefix, jobId: event.jobId, verdict, reason, template, tag, labels, ...flags };
}

function attributesOf({ event, template }: JobStart, hidesNames: boolean): SearchAttributePair[] {
  const ids = [
    { key: BerthState, value: FIRST_STATE },
    { key: BerthRunId, value: String(event.runId) },
    { key: BerthJobId, value: String(event.jobId) },
  ];
  if (hidesNames) return ids;
  return [
    { key: BerthRepo, value: `${event.owner}/${event.repo}` },
    ...ids,
    ...(template === null ? [] : [{ key: BerthTemplate, value: template }]),
  ];
}

/** `acme/ios · build · ui-tests` on one line, cut to what Temporal takes. */
export function summaryOf({ owner, repo, workflowName, name }: JobEvent): string {
  const parts = [`${owner}/${repo}`, workflowName ?? '', name];

  const text = parts.map((part) => part.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()).filter((part) => part !== '');
  const bytes = Buffer.from(text.join(' · '));
  if (bytes.length <= MAX_SUMMARY) return bytes.toString();
  // A character that the cut went through becomes a replacement character; it goes, too.
  return `${bytes
    .subarray(0, MAX_SUMMARY - 3)
    .toString()
    .replace(/\uFFFD+$/, '')}…`;
}

/** The client wraps what the server said in general words. */
function whatTemporalSaid(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  const said = err.cause instanceof Error ? err.cause : err;
  return `${grpcCode(said) ?? said.name}: ${said.message}`;
}
