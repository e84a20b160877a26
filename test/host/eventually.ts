import { setTimeout as delay } from 'node:timers/promises';

/** Tries until it doesn't throw; after the deadline what it threw last is thrown. */
export async function eventually<T>(attempt: () => T | Promise<T>, withinMs = 8_000): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > until) throw error;
      await delay(15);
    }
  }
}
