import type { Held } from './holds.js';
import { watchGuest } from './watch.js';
import type { WatchDeps } from './watch.js';

/** The watches of this host: at most one a VM. */
export interface Watches {
  /** Follows this hold's guest until the hold ends; does nothing while it is followed already. */
  readonly begin: (held: Held) => void;
  readonly stopAll: () => void;
}

export function createWatches(deps: WatchDeps): Watches {
  const stopped = new AbortController();
  const followed = new Map<Held, AbortController>();

  return {
    begin: (held) => {
      if (followed.has(held) || stopped.signal.aborted || held.abort.signal.aborted) return;
      const { runner, workflowId } = held.entry();
      const stop = new AbortController();
      followed.set(held, stop);
      const end = (): void => stop.abort(new Error('the watch is over'));
      held.abort.signal.addEventListener('abort', end, { once: true });
      stopped.signal.addEventListener('abort', end, { once: true });
      void watchGuest(deps, { runner, workflowId }, stop.signal).finally(() => {
        followed.delete(held);
        held.abort.signal.removeEventListener('abort', end);
        stopped.signal.removeEventListener('abort', end);
      });
    },
    stopAll: () => stopped.abort(),
  };
}
