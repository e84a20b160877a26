/** Small tools for waiting on something that an abort may overtake. */

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

/** The promise's outcome, or the signal's reason if that is aborted first. Leaves no listener behind. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(asError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Milliseconds later, or at the signal's abort with its reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await orAborted(new Promise<void>((resolve) => (timer = setTimeout(resolve, ms))), signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs works one after the other, in the order of their coming. */
export interface Serial {
  /** @throws what `work` throws; the signal's reason when it is aborted while waiting */
  readonly run: <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;
}

export function createSerial(): Serial {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run: async (work, signal) => {
      const prior = tail;
      let done = (): void => undefined;
      const own = new Promise<void>((resolve) => (done = resolve));
      tail = Promise.all([prior, own]);
      try {
        await (signal === undefined ? prior : orAborted(prior, signal));
        return await work();
      } finally {
        done();
      }
    },
  };
}
