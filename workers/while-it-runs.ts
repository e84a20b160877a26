/**
 * Waits for an answer that only a running orchestrator can give. A workflow answers a query by its worker: once that one
 * has stopped taking work, an activity that waits for the answer would hold up its end until the server gives up.
 * @throws Error once the signal is aborted; Temporal's client for workers cannot abort a call, so its answer is dropped
 */
export async function whileItRuns<T>(stopping: AbortSignal, ask: () => Promise<T>): Promise<T> {
  const refusal = (): Error => new Error('this orchestrator stops: nobody is left to answer');
  if (stopping.aborted) throw refusal();
  let onAbort = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(refusal());
    stopping.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([ask(), stopped]);
  } finally {
    stopping.removeEventListener('abort', onAbort);
  }
}
