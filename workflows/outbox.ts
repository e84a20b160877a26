/**
 * Says things beside other work: to one receiver one thing after the other, for those sent at once may arrive in any
 * order; to many at once. Whoever has something to say need not wait until one slow receiver has heard it.
 */

export interface OutboxDeps<T> {
  readonly receiverOf: (item: T) => string;
  /** Resolves when it is said. Must not throw. */
  readonly say: (item: T) => Promise<void>;
  /** How many may be under way. */
  readonly atOnce: number;
}

export interface Outbox<T> {
  readonly put: (items: readonly T[]) => void;
  /** Begins nothing new, and returns what has not been begun, in order. */
  readonly close: () => readonly T[];
  /** Nothing is under way. */
  readonly isIdle: () => boolean;
}

export function createOutbox<T>({ receiverOf, say, atOnce }: OutboxDeps<T>): Outbox<T> {
  /** By receiver, in the order in which they were first spoken to. */
  const waiting = new Map<string, T[]>();
  const underWay = new Set<string>();

  function begin(): void {
    for (const receiver of waiting.keys()) {
      if (underWay.size >= atOnce) return;
      if (!underWay.has(receiver)) void sayAll(receiver);
    }
  }

  async function sayAll(receiver: string): Promise<void> {
    underWay.add(receiver);
    for (let item = next(receiver); item !== undefined; item = next(receiver)) await say(item);
    underWay.delete(receiver);
    begin();
  }

  function next(receiver: string): T | undefined {
    const items = waiting.get(receiver);
    const item = items?.shift();
    if (items?.length === 0) waiting.delete(receiver);
    return item;
  }

  return {
    put: (items) => {
      for (const item of items) {
        const receiver = receiverOf(item);
        const before = waiting.get(receiver);
        if (before === undefined) waiting.set(receiver, [item]);
        else before.push(item);
      }
      begin();
    },
    close: () => {
      const left = [...waiting.values()].flat();
      waiting.clear();
      return left;
    },
    isIdle: () => underWay.size === 0,
  };
}
