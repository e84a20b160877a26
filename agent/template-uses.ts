/**
 * When each template was last used here, and by which VMs: on disk, so that an agent that was restarted still knows what
 * it may remove. What is not written down here was brought by somebody else and is never removed.
 */

import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeFileAtomically } from './atomic-file.js';

const usesSchema = z.array(
  z.object({
    /** As jobs name it: its id or its name. */
    template: z.string(),
    /** Epoch milliseconds. */
    usedAt: z.number(),
    /** VMs that were made of it, and may still be there. */
    runners: z.array(z.string()),
  }),
);

export type TemplateUse = Readonly<z.infer<typeof usesSchema>[number]>;

export interface TemplateUses {
  /** A VM is about to be made of it; without a runner: it was pulled for later. Counts at once, durable soon after. */
  readonly note: (template: string, runner?: string) => void;
  /** All uses of a template by any of these names. */
  readonly of: (names: readonly string[]) => readonly TemplateUse[];
  /** It is no longer here. */
  readonly forget: (names: readonly string[]) => void;
  /** Resolves when everything noted so far is on disk, or could not be written. */
  readonly saved: () => Promise<void>;
}

export interface TemplateUsesDeps {
  readonly file: string;
  /** Whether this VM may still be there. */
  readonly isLive: (runner: string) => boolean;
  readonly log: Logger;
  /** Epoch milliseconds; default: the system's clock. */
  readonly now?: () => number;
}

/** Opens the file; one that cannot be read is as good as none: then nothing is known to be removable. */
export async function openTemplateUses(deps: TemplateUsesDeps): Promise<TemplateUses> {
  // eslint-disable-next-line no-restricted-properties -- it must mean something after a restart
  const { file, isLive, log, now = Date.now } = deps;
  const uses = new Map((await read(file, log)).map((use) => [use.template, use]));
  let isWritten = true;
  let writing: Promise<void> = Promise.resolve();

  /** Now, but after every use that is known: a clock that goes back must not make the latest use the oldest. */
  const nextMoment = (): number => Math.max(now(), ...[...uses.values()].map(({ usedAt }) => usedAt + 1));

  /** Many changes, one write: whichever is next takes all of them along. */
  function save(): void {
    if (!isWritten) return;
    isWritten = false;
    writing = writing.then(async () => {
      isWritten = true;
      await writeFileAtomically(file, JSON.stringify([...uses.values()]) + '\n').catch((err: unknown) => {
        log.warn({ err, file }, 'use of templates not written down');
      });
    });
  }

  return {
    note: (template, runner) => {
      const before = uses.get(template)?.runners.filter((name) => name !== runner && isLive(name)) ?? [];
      const runners = runner === undefined ? before : [...before, runner];
      uses.set(template, { template, usedAt: nextMoment(), runners });
      save();
    },
    of: (names) => names.flatMap((name) => uses.get(name) ?? []),
    forget: (names) => {
      for (const name of names) uses.delete(name);
      save();
    },
    saved: () => writing,
  };
}

async function read(file: string, log: Logger): Promise<readonly TemplateUse[]> {
  try {
    return usesSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (err) {
    const isFirstStart = (err as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isFirstStart) log.warn({ err, file }, 'use of templates unreadable, none of them will be removed until used');
    return [];
  }
}
