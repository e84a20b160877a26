/** Knows which calls are still under way, so that a connection is not closed under them. */
export interface Calls {
  track<T>(call: Promise<T>): Promise<T>;
  /** Resolves when those begun so far have ended, well or not. */
  settled(): Promise<void>;
}

export function createCalls(): Calls {
  const pending = new Set<Promise<unknown>>();
  return {
    async track(call) {
      pending.add(call);
      try {
        return await call;
      } finally {
        pending.delete(call);
      }
    },
    async settled() {
      await Promise.allSettled(pending);
    },
  };
}
