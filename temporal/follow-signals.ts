/**
 * Reads the signals that a workflow gets, as they come: by long polls on its history. That writes nothing, needs no
 * worker, and costs the server one call each 20 s while nothing happens.
 */

import type { Client } from '@temporalio/client';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { temporal } from '@temporalio/proto';
import { soon } from './soon.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Payloads = temporal.api.common.v1.IPayloads;

export interface FollowedRun {
  /** What the run was started with, before any signal. */
  readonly onInput: (args: readonly unknown[]) => void;
  readonly onSignal: (name: string, args: readonly unknown[]) => void;
  /** All that was there has been read; called again after each further part. */
  readonly onCaughtUp: () => void;
}

/** A long poll that the server does not end by itself is given up. */
const POLL_LASTS_MS = 60_000;

/**
 * Follows the newest run of a workflow from its beginning to its end.
 * @returns `continued` when another run goes on, `closed` when none does
 * @throws Error when there is no such workflow (gRPC `NOT_FOUND`), Temporal does not answer, or `signal` is aborted
 */
export async function followSignals(
  client: Client,
  workflowId: string,
  { onInput, onSignal, onCaughtUp }: FollowedRun,
  signal: AbortSignal,
): Promise<'continued' | 'closed'> {
  const { namespace, loadedDataConverter } = client.options;
  const decode = (input?: Payloads | null): Promise<unknown[]> =>
    decodeArrayFromPayloads(loadedDataConverter, input?.payloads);

  const read = async (event: HistoryEvent): Promise<void> => {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) onInput(await decode(started.input));
    const signaled = event.workflowExecutionSignaledEventAttributes;
    if (signaled) onSignal(signaled.signalName ?? '', await decode(signaled.input));
  };

  let nextPageToken: Uint8Array = new Uint8Array();
  for (;;) {
    const request = { namespace, execution: { workflowId }, waitNewEvent: true, nextPageToken };
    const poll = soon(client, POLL_LASTS_MS, () => client.workflowService.getWorkflowExecutionHistory(request));
    const answer = await unlessAborted(poll, signal);
    const events = answer.history?.events ?? [];
    for (const event of events) await read(event);
    onCaughtUp();
    nextPageToken = answer.nextPageToken ?? new Uint8Array();
    // Without a token the run is over.
    const goesOn = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
    if (nextPageToken.length === 0) return goesOn ? 'continued' : 'closed';
  }
}

/** A worker's connection does not end its calls when it is told to (SDK 1.24): the poll is left to its end, unheard. */
async function unlessAborted<T>(poll: Promise<T>, signal: AbortSignal): Promise<T> {
  poll.catch(() => undefined);
  let leave = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(new Error('nobody follows it any more'));
    signal.addEventListener('abort', leave);
  });
  if (signal.aborted) leave();
  try {
    return await Promise.race([poll, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
