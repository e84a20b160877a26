/** Waiting for something to become true, without polling: every change of the world asks the waiters again. */

export interface Changes {
  /** Tells that something changed; waiters are asked once for all changes of the same turn. */
  readonly changed: () => void;
  /**
   * Resolves with what `read` gives as soon as that is neither undefined nor false; undefined after `timeoutMs`, when
   * `signal` aborts, and when the simulator stops.
   */
  readonly until: <T>(
    read: () => T | undefined | false,
    timeoutMs: number,
    signal?: AbortSignal,
  ) => Promise<T | undefined>;
  /** Ends every wait. */
  readonly stop: () => void;
}

interface Waiter {
  /** Whether the wait is over. */
  readonly ask: () => void;
  readonly end: () => void;
}

export function createChanges(): Changes {
  const waiters = new Set<Waiter>();
  let asking = false;
  let stopped = false;

  const askAll = (): void => {
    asking = false;
    for (const waiter of [...waiters]) waiter.ask();
  };

  const until = <T>(read: () => T | undefined | false, timeoutMs: number, signal?: AbortSignal) =>
    new Promise<T | undefined>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        waiters.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', waiter.end);
        settle();
      };
      const waiter: Waiter = {
        ask: () => {
          try {
            const value = read();
            if (value !== undefined && value !== false) finish(() => resolve(value));
          } catch (error) {
            finish(() => reject(error instanceof Error ? error : new Error(String(error))));
          }
        },
        end: () => finish(() => resolve(undefined)),
      };
      const timer = setTimeout(waiter.end, timeoutMs);
      waiters.add(waiter);
      signal?.addEventListener('abort', waiter.end);
      waiter.ask();
      if (stopped || signal?.aborted === true) waiter.end();
    });

  return {
    changed: () => {
      if (asking) return;
      asking = true;
      setImmediate(askAll);
    },
    until,
    stop: () => {
      stopped = true;
      for (const waiter of [...waiters]) waiter.end();
    },
  };
}
