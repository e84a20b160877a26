import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import type pino from 'pino';
import { SEARCH_ATTRIBUTES } from '../jobs/search-attributes.js';
import { ensureNamespace, ensureSearchAttributes } from '../temporal/setup.js';

export interface Preparation {
  /** Whether Berth's search attributes are known to be there. */
  readonly searchAttributes: () => boolean;
  /** Lets go; the call that is under way ends within its own time limit. */
  readonly stop: () => void;
  /** Resolves when all is prepared, or after `stop` when the last call has ended. */
  readonly done: Promise<void>;
}

export interface PrepareOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly log: pino.Logger;
  readonly retryMs?: number;
}

/**
 * Sees to the namespace and its search attributes in the background, as soon as Temporal answers: the receiver may be
 * the first of Berth's processes that Temporal ever meets.
 */
export function prepareTemporal({ connection, namespace, log, retryMs = 5_000 }: PrepareOptions): Preparation {
  const stopping = new AbortController();
  const names = SEARCH_ATTRIBUTES.map(({ name }) => name);
  let hasAttributes = false;

  const untilDone = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await ensureNamespace(connection, { namespace, log });
        hasAttributes = await ensureSearchAttributes(connection, { namespace, names, log });
        return;
      } catch (err) {
        if (stopping.signal.aborted) return;
        log.debug({ err }, 'temporal not prepared yet');
        await delay(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };
  return {
    searchAttributes: () => hasAttributes,
    stop: () => stopping.abort(),
    done: untilDone(),
  };
}
