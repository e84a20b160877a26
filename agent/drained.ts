/** Waiting for the VMs of a host that takes no new ones. */

import type { Logger } from 'pino';
import { pause } from './waiting.js';

export interface DrainedDeps {
  readonly host: string;
  /** Names of the VMs that are still there. */
  readonly vms: () => readonly string[];
  readonly log: Logger;
  /** How long at most (ms). */
  readonly withinMs: number;
  /** Milliseconds between two looks. */
  readonly everyMs?: number;
}

const LOOK_EVERY_MS = 500;

/** How often what is waited for is logged, when nothing changed. */
const SAY_EVERY_MS = 60_000;

/**
 * Resolves with the VMs that are left: none when all have ended, some at the deadline or when `cut` is aborted. Ends
 * no VM. Throws nothing.
 */
export async function untilDrained(deps: DrainedDeps, cut: AbortSignal): Promise<readonly string[]> {
  const { host, vms, log, withinMs, everyMs = LOOK_EVERY_MS } = deps;
  const since = performance.now();
  let said = '';
  let saidAt = -Infinity;
  for (;;) {
    const left = vms();
    const now = performance.now();
    if (left.length === 0) {
      log.info({ host }, 'host drained');
      return [];
    }
    if (cut.aborted || now - since >= withinMs) {
      const why = cut.aborted ? 'a second signal' : `the deadline of ${Math.round(withinMs / 1000)} s`;
      log.warn({ host, left, why }, 'drain cut short, vms are left to be adopted');
      return left;
    }
    if (said !== left.join() || now - saidAt >= SAY_EVERY_MS) {
      log.info({ host, waitsFor: left }, 'drain waits for vms');
      said = left.join();
      saidAt = now;
    }
    await pause(Math.min(everyMs, withinMs), cut).catch(() => undefined);
  }
}
