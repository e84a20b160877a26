/**
 * The holds of this host, on disk: one small file each, so that an agent that was killed knows after its restart which
 * VMs it answers for. An entry is written before its VM is made and removed after its VM is gone.
 */

import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { isOurRunner, runnerWorkflowId } from '../jobs/names.js';
import { syncFolder, writeFileAtomically } from './atomic-file.js';

const entrySchema = z.object({
  runner: z.string(),
  workflowId: z.string(),
  runId: z.string(),
  /** The configured entry; empty when the file could not be read. */
  slot: z.string(),
  /** Epoch milliseconds. */
  since: z.number(),
  /** Whether its runner may have been started: from then on the guest is watched. */
  started: z.boolean(),
});

export type LedgerEntry = Readonly<z.infer<typeof entrySchema>>;

export interface Ledger {
  /** What it held when it was opened. */
  readonly found: readonly LedgerEntry[];
  /** Durable once resolved; replaces an entry of the same runner. */
  readonly put: (entry: LedgerEntry) => Promise<void>;
  /** Idempotent. */
  readonly remove: (runner: string) => Promise<void>;
}

const SUFFIX = '.json';

/** Opens the ledger in this folder, which is made when missing. Files that cannot be read count by their name. */
export async function openLedger(folder: string, namePrefix: string, log: Logger): Promise<Ledger> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found: LedgerEntry[] = [];
  for (const file of await readdir(folder)) {
    const entry = await readEntry(folder, file, namePrefix, log);
    if (entry !== undefined) found.push(entry);
  }
  const fileOf = (runner: string): string => join(folder, runner + SUFFIX);
  return {
    found,
    put: (entry) => writeFileAtomically(fileOf(entry.runner), JSON.stringify(entry) + '\n'),
    remove: async (runner) => {
      await rm(fileOf(runner), { force: true });
      await syncFolder(folder);
    },
  };
}

async function readEntry(
  folder: string,
  file: string,
  namePrefix: string,
  log: Logger,
): Promise<LedgerEntry | undefined> {
  // What a crash left of an unfinished write was never promised to anyone.
  if (file.endsWith('.tmp')) {
    await rm(join(folder, file), { force: true });
    return undefined;
  }
  const runner = file.slice(0, -SUFFIX.length);
  if (!file.endsWith(SUFFIX) || !isOurRunner(namePrefix, runner)) {
    log.warn({ file: join(folder, file) }, 'not a hold of this agent, left alone');
    return undefined;
  }
  try {
    const entry = entrySchema.parse(JSON.parse(await readFile(join(folder, file), 'utf8')));
    if (entry.runner !== runner) throw new Error('it names another runner');
    return entry;
  } catch (err) {
    log.error({ err, file: join(folder, file), runner }, 'hold unreadable, taken by its name');
    // eslint-disable-next-line no-restricted-properties -- for people who read the ledger
    return { runner, workflowId: runnerWorkflowId(runner), runId: '', slot: '', since: Date.now(), started: true };
  }
}
