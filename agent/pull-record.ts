/**
 * Which process pulls a template, on disk: it goes on when the agent is killed, and the next agent must not begin another
 * pull beside it.
 */

import { readFile, rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { TemplateRef } from '../providers/provider.js';
import { writeFileAtomically } from './atomic-file.js';
import { processMark } from './process-mark.js';

const recordSchema = z.object({
  template: z.string(),
  tag: z.string(),
  pid: z.number().int().positive(),
  mark: z.string(),
  bootId: z.string(),
  /** Epoch milliseconds. */
  since: z.number(),
});

type Entry = Readonly<z.infer<typeof recordSchema>>;

/** A pull that an agent before this one began, and that went on when this one started. */
export interface LeftPull {
  readonly ref: TemplateRef;
  /** Resolves when its process has ended; one that takes longer than a pull may is ended. Never rejects. */
  readonly ended: () => Promise<void>;
}

export interface PullRecord {
  readonly left: LeftPull | undefined;
  /** Durable soon after. */
  readonly begun: (ref: TemplateRef, pid: number) => void;
  readonly ended: () => void;
  /** Resolves when what was said so far is on disk, or could not be written. */
  readonly saved: () => Promise<void>;
}

export interface PullRecordDeps {
  readonly file: string;
  readonly bootId: string;
  /** How long a pull may take (milliseconds). */
  readonly limitMs: number;
  readonly log: Logger;
  /** Between two looks at a process that was left, and between asking it to end and ending it. Default: 2 s, 5 s. */
  readonly pausesMs?: readonly [number, number];
}

/** A file that cannot be read is as good as none. */
export async function openPullRecord(deps: PullRecordDeps): Promise<PullRecord> {
  const { file, bootId, log } = deps;
  let writing: Promise<void> = Promise.resolve();

  const then = (work: () => Promise<void>): void => {
    writing = writing.then(work).catch((err: unknown) => log.warn({ err, file }, 'pull not written down'));
  };

  return {
    left: await leftPull(deps),
    begun: ({ template, tag }, pid) =>
      then(async () => {
        const mark = await processMark(pid);
        if (mark === undefined) return;
        // eslint-disable-next-line no-restricted-properties -- it must mean something to the next agent
        const entry: Entry = { template, tag, pid, mark, bootId, since: Date.now() };
        await writeFileAtomically(file, `${JSON.stringify(entry)}\n`);
      }),
    ended: () => then(() => rm(file, { force: true })),
    saved: () => writing,
  };
}

async function leftPull(deps: PullRecordDeps): Promise<LeftPull | undefined> {
  const entry = await read(deps);
  if (entry === undefined || entry.bootId !== deps.bootId || !(await isThere(entry))) return undefined;
  const { template, tag } = entry;
  return { ref: { template, tag }, ended: () => untilEnded(entry, deps) };
}

async function read({ file, log }: PullRecordDeps): Promise<Entry | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') log.warn({ err, file }, 'record of a pull not readable');
    return undefined;
  }
}

const isThere = async ({ pid, mark }: Entry): Promise<boolean> => (await processMark(pid)) === mark;

const PAUSES_MS = [2_000, 5_000] as const;

async function untilEnded(entry: Entry, { limitMs, log, pausesMs: [look, grace] = PAUSES_MS }: PullRecordDeps) {
  // eslint-disable-next-line no-restricted-properties -- the agent that began it has written down when
  const passed = Date.now() - entry.since;
  const endAt = performance.now() + Math.min(Math.max(limitMs - passed, 0), limitMs);
  for (let hasAsked = false; await isThere(entry);) {
    if (performance.now() < endAt) {
      await pause(look);
      continue;
    }
    if (!hasAsked) log.warn({ ...refOf(entry), pid: entry.pid }, 'pull left by an earlier agent takes too long, ended');
    signal(entry.pid, hasAsked ? 'SIGKILL' : 'SIGTERM');
    hasAsked = true;
    await pause(grace);
  }
}

const refOf = ({ template, tag }: Entry): TemplateRef => ({ template, tag });

/** An agent that ends does not wait for it. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended just now.
  }
}
