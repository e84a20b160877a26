/** Changes of the workflows that somebody might deploy: the same ones, made with and without care. */

import type { Change } from './workflow-bundle.js';

interface Place {
  readonly file: string;
  readonly after: RegExp;
  /** The name of the patch; also what the timer is called, to be found in a history. */
  readonly id: string;
}

/**
 * Early and late in a runner's life; and where the two workflows that live for ever begin or loop, before anything that a
 * timer could be taken for.
 */
const PLACES: readonly Place[] = [
  { file: 'workflows/runner.ts', after: /atStep\(life, 'cloning the VM'\)/, id: 'pause-before-clone' },
  { file: 'workflows/runner-end.ts', after: /atStep\(life, 'cleaning up'\)/, id: 'pause-before-clean-up' },
  { file: 'workflows/dispatcher.ts', after: /unpackFleet\(input\.packed\);/, id: 'pause-of-dispatcher' },
  { file: 'workflows/host-watch.ts', after: /while \(!isHistoryLong\(\)\) \{/, id: 'pause-of-host-watch' },
];

export const BEFORE_CLONE = 'pause-before-clone';
export const BEFORE_CLEAN_UP = 'pause-before-clean-up';

const pause = (id: string): string => `await next_sleep(20, { summary: '${id}' });`;

/** Each new timer only where no history says otherwise. */
export const guardedChange: readonly Change[] = PLACES.map(({ file, after, id }) => ({
  file,
  after,
  insert: `if (next_patched('${id}')) ${pause(id)}`,
  needs: ['patched', 'sleep'],
}));

/** The same new timers, in every run. */
export const carelessChange: readonly Change[] = PLACES.map(({ file, after, id }) => ({
  file,
  after,
  insert: pause(id),
  needs: ['sleep'],
}));
