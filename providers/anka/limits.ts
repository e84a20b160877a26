/**
 * How long a command of `anka` may take, in milliseconds. Anka itself has no limit that could be relied on. Those that are
 * phases in the life of a VM are settings (`jobs/phases.ts`).
 */

import type { PhaseLimits } from '../../jobs/phases.js';

/** After `deleteMs` a delete counts as failed and is left to itself; after as long again it is ended. */
export type CommandLimits = Pick<PhaseLimits, 'pullMs' | 'cloneMs' | 'startMs' | 'deleteMs'>;

/** Answers about the host: tenths of a second when well; a stuck Anka service never answers. */
export const QUESTION_MS = 30_000;

/** A question to the registry goes over the network. */
export const REGISTRY_QUESTION_MS = 60_000;

/** Small files only. Includes the wait for a guest that is still booting. */
export const COPY_MS = 60_000;

/** Between asking a command to end (SIGTERM) and ending it (SIGKILL). */
export const KILL_AFTER_MS = 5_000;
