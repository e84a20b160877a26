/** Templates that the config names: pulled when the agent starts, one after the other, before a job needs them. */

import type { Logger } from 'pino';
import type { TemplateRef } from '../providers/provider.js';
import { failureType } from './failure.js';
import type { Templates, TemplateSource } from './templates.js';
import { pause } from './waiting.js';

export interface PrePullDeps {
  readonly wanted: readonly TemplateRef[];
  readonly source: TemplateSource;
  readonly templates: Pick<Templates, 'ensure'>;
  readonly log: Logger;
  /** Between two pulls, in which a job may have its turn. Default: 15 seconds. */
  readonly betweenMs?: number;
  /** After a failure: the first pause, and the longest; they double. Default: 1 minute, 30 minutes. */
  readonly pausesMs?: readonly [number, number];
}

/** Resolves when each is here, or cannot be had, or `signal` was aborted. Never rejects. */
export async function prePull(deps: PrePullDeps, signal: AbortSignal): Promise<void> {
  if (deps.source.skipPull) return;
  for (const ref of deps.wanted) {
    try {
      if (await untilHere(ref, deps, signal)) await pause(deps.betweenMs ?? 15_000, signal);
    } catch (err) {
      if (signal.aborted) return;
      deps.log.error({ err, ...ref }, 'template named in the config cannot be pulled');
    }
  }
}

/** Whether it had to be pulled. A registry or a disk may be better later; what the registry does not have, it will hardly ever have. */
async function untilHere(
  ref: TemplateRef,
  { source, templates, log, pausesMs: [first, longest] = [60_000, 30 * 60_000] }: PrePullDeps,
  signal: AbortSignal,
): Promise<boolean> {
  for (let wait = first; ; wait = Math.min(wait * 2, longest)) {
    try {
      const { tag, pulled } = await templates.ensure(ref, source, signal, () => undefined);
      log.info({ template: ref.template, tag, pulled }, 'template named in the config is here');
      return pulled;
    } catch (err) {
      const type = failureType(err);
      if (type === undefined || type === 'TemplateNotFound') throw err;
      log.warn({ err, ...ref, waitMs: wait }, 'template named in the config not pulled, tried again later');
    }
    await pause(wait, signal);
  }
}
