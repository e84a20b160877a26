/** The end of a VM, by whichever of the workflow, the hold and the sweep comes first. */

import type { Logger } from 'pino';
import type { Provider } from '../providers/provider.js';
import { AgentFailure } from './failure.js';
import type { Holds } from './holds.js';
import type { Library } from './library.js';

export interface Destroyer {
  /**
   * Ends whatever command runs for this VM, deletes it, releases its slot. Missing = success. Several at once share one
   * delete. From its begin on, no step makes this VM again.
   * @throws ProviderError when the delete failed: the slot stays taken, and it can be tried again
   */
  readonly destroy: (runner: string, why: string) => Promise<{ readonly existed: boolean }>;
  /** How many deletes are under way. */
  readonly busy: () => number;
}

export interface DestroyerDeps {
  readonly provider: Provider;
  readonly library: Library;
  readonly holds: Holds;
  readonly log: Logger;
}

export function createDestroyer({ provider, library, holds, log }: DestroyerDeps): Destroyer {
  const underWay = new Map<string, Promise<{ readonly existed: boolean }>>();

  async function destroyOnce(runner: string, why: string): Promise<{ readonly existed: boolean }> {
    holds.doom(runner);
    const held = holds.find(runner);
    if (held !== undefined) {
      held.abort.abort(new AgentFailure('VmGone', `VM ${runner} is being destroyed: ${why}`));
      // The last command for this VM has ended when its turn comes.
      await held.steps.run(() => Promise.resolve());
    }
    const since = performance.now();
    const answer = await provider.destroy(runner);
    library.noteGone(runner);
    log.info({ runner, why, ...answer, ms: Math.round(performance.now() - since) }, 'vm destroyed');
    // A grant that was under way when the destruction began may have come through.
    const toRelease = holds.find(runner);
    if (toRelease !== undefined) await holds.release(toRelease);
    return answer;
  }

  return {
    destroy: (runner, why) => {
      const known = underWay.get(runner);
      if (known !== undefined) return known;
      const ended = destroyOnce(runner, why).finally(() => underWay.delete(runner));
      underWay.set(runner, ended);
      return ended;
    },
    busy: () => underWay.size,
  };
}
