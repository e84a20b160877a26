import { CancellationScope, getExternalWorkflowHandle, log } from '@temporalio/workflow';
import type { SignalDefinition } from '@temporalio/workflow';

/**
 * Signals another workflow. A receiver that no longer exists is no error: whatever it was told for is over.
 * Shielded from cancellation, because what must be said at the end must be said.
 *
 * @returns whether it was delivered
 */
export async function tell<Args extends unknown[]>(
  workflowId: string,
  signal: SignalDefinition<Args>,
  ...args: Args
): Promise<boolean> {
  try {
    await CancellationScope.nonCancellable(() => getExternalWorkflowHandle(workflowId).signal(signal, ...args));
    return true;
  } catch (err) {
    log.debug('nobody there to tell', { workflowId, signal: signal.name, err: String(err) });
    return false;
  }
}
