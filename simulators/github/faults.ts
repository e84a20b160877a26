/** What goes wrong with chosen REST calls: set by a test, counted down by the calls that match. */

import { seededRandom } from './random.js';

export type FaultKind =
  /** Answers this status and does nothing; 503 unless given. `retryAfterSeconds` adds the header. */
  | { readonly kind: 'status'; readonly status?: number; readonly retryAfterSeconds?: number }
  /** 403 of the secondary rate limit; `retry-after` 60 s unless given. */
  | { readonly kind: 'secondary-limit'; readonly retryAfterSeconds?: number }
  /** Waits before it does the work. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** Stands still, before it does the work, until the fault is removed. */
  | { readonly kind: 'held' }
  /** Does the work, then drops the connection without an answer. */
  | { readonly kind: 'answer-lost' }
  /** Drops the connection and does nothing. */
  | { readonly kind: 'call-lost' };

export type Fault = FaultKind & {
  readonly method?: string;
  /** A regular expression that the path (without `/api/v3`, without query) must match; every path when not given. */
  readonly path?: string;
  /** How many calls it hits; for ever when not given. */
  readonly times?: number;
  /** The chance that a matching call is hit, by `seed`; 1 when not given. */
  readonly probability?: number;
  readonly seed?: number;
};

export interface Faults {
  /** Gives its id. Throws when `path` is not a regular expression. */
  readonly add: (fault: Fault) => number;
  readonly remove: (id: number) => void;
  readonly clear: () => void;
  /** The faults that hit this call, each counted. */
  readonly hitting: (method: string, path: string) => readonly Fault[];
  /** Resolves when this fault, a `held` one, is removed; at once when it is already. */
  readonly removed: (fault: Fault) => Promise<void>;
}

interface Active {
  readonly fault: Fault;
  readonly path: RegExp;
  readonly chance: () => number;
  left: number;
}

export function createFaults(): Faults {
  const active = new Map<number, Active>();
  const holding = new Map<number, Holding>();
  let lastId = 0;

  function remove(id: number): void {
    active.delete(id);
    holding.get(id)?.letGo();
    holding.delete(id);
  }

  return {
    add: (fault) => {
      lastId += 1;
      if (fault.kind === 'held') holding.set(lastId, holdingBy(fault));
      const chance = seededRandom(fault.seed ?? lastId);
      active.set(lastId, { fault, path: new RegExp(fault.path ?? ''), chance, left: fault.times ?? Infinity });
      return lastId;
    },
    remove,
    clear: () => [...active.keys(), ...holding.keys()].forEach(remove),
    hitting: (method, path) => {
      const hits: Fault[] = [];
      for (const [id, each] of active) {
        const { fault } = each;
        const matches = (fault.method?.toUpperCase() ?? method) === method && each.path.test(path);
        if (!matches || each.chance() >= (fault.probability ?? 1)) continue;
        each.left -= 1;
        if (each.left <= 0) active.delete(id);
        hits.push(fault);
      }
      return hits;
    },
    removed: async (fault) => [...holding.values()].find((each) => each.fault === fault)?.removed,
  };
}

/** A `held` fault, used up or not. */
interface Holding {
  readonly fault: Fault;
  readonly removed: Promise<void>;
  readonly letGo: () => void;
}

function holdingBy(fault: Fault): Holding {
  let letGo = (): void => undefined;
  const removed = new Promise<void>((resolve) => (letGo = resolve));
  return { fault, removed, letGo };
}
