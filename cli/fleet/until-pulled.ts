import { setTimeout as delay } from 'node:timers/promises';
import type { Pull, PullEnd } from './pulls-client.js';

export interface PullWait {
  /** Progress, for people. */
  readonly say: (text: string) => void;
  /** Milliseconds between two looks. */
  readonly everyMs?: number;
}

const LOOK_EVERY_MS = 2_000;

/**
 * Waits for one pull; says what its host does whenever that changes.
 * @throws what kept Temporal from answering at the end
 */
export async function untilPulled({ host, ended, now }: Pull, wait: PullWait): Promise<PullEnd> {
  const { say, everyMs = LOOK_EVERY_MS } = wait;
  let said = '';
  for (;;) {
    const end = await Promise.race([ended, delay(everyMs)]);
    if (end !== undefined) return end;
    // Nobody waits for a look that fails: the end is what counts.
    const what = (await now().catch(() => undefined)) ?? 'has not said yet what it does';
    if (what !== said) say(`${host}: ${what}\n`);
    said = what;
  }
}
