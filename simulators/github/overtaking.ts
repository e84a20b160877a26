/** Deliveries that wait until another one of the same hook has overtaken them. */

import type { World } from './world.js';

export interface Overtaking {
  /** Waits until the hook's next delivery lets it go, at most `ms`. A second one that waits lets the first go. */
  readonly wait: (hookId: number, ms: number) => Promise<void>;
  /** Lets go what waits at this hook at this moment; undefined when nothing does. */
  readonly waiting: (hookId: number) => (() => void) | undefined;
}

export function createOvertaking(world: World): Overtaking {
  const releases = new Map<number, () => void>();
  return {
    wait: (hookId, ms) =>
      new Promise((resolve) => {
        const release = (): void => {
          callOff();
          if (releases.get(hookId) === release) releases.delete(hookId);
          resolve();
        };
        const callOff = world.after(ms, release);
        releases.get(hookId)?.();
        releases.set(hookId, release);
      }),
    waiting: (hookId) => releases.get(hookId),
  };
}
