import { DEFAULT_LIMITS } from '../jobs/phases.js';
import type { PhaseLimits } from '../jobs/phases.js';
import type { Root } from './schema.js';

/** The limits of `timeouts` and `host_return_grace`, in milliseconds, with the defaults for those that are not set. */
export function phaseLimits({ timeouts = {}, host_return_grace: hostReturn }: Root): PhaseLimits {
  const ms = (seconds: number | undefined, fallback: number): number =>
    seconds === undefined ? fallback : seconds * 1000;
  return {
    pullMs: ms(timeouts.pull, DEFAULT_LIMITS.pullMs),
    cloneMs: ms(timeouts.clone, DEFAULT_LIMITS.cloneMs),
    startMs: ms(timeouts.start, DEFAULT_LIMITS.startMs),
    guestMs: ms(timeouts.guest, DEFAULT_LIMITS.guestMs),
    registerMs: ms(timeouts.register, DEFAULT_LIMITS.registerMs),
    startRunnerMs: ms(timeouts.start_runner, DEFAULT_LIMITS.startRunnerMs),
    deleteMs: ms(timeouts.delete, DEFAULT_LIMITS.deleteMs),
    hostReturnMs: ms(hostReturn, DEFAULT_LIMITS.hostReturnMs),
  };
}
