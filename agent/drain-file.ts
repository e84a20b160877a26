/** The drain file: for as long as one is there, the host takes no new VMs. Made and removed by people and scripts. */

import { access } from 'node:fs/promises';
import type { Logger } from 'pino';

export interface DrainFile {
  /** Looks once, then again and again until `stop`. Resolves after the first look. */
  readonly start: () => Promise<void>;
  readonly stop: () => void;
}

export interface DrainFileDeps {
  /** Any of them counts. */
  readonly files: readonly string[];
  readonly onLook: (isThere: boolean) => void;
  readonly log: Logger;
  /** Milliseconds between two looks; default 2,000. */
  readonly everyMs?: number | undefined;
}

/** Looking is cheap, and sees files on any file system, whoever makes them. */
const LOOK_EVERY_MS = 2_000;

export function createDrainFile({ files, onLook, log, everyMs = LOOK_EVERY_MS }: DrainFileDeps): DrainFile {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let known: string | undefined;

  async function look(): Promise<void> {
    const found = await firstThere(files, known);
    if (isStopped) return;
    if (found !== known)
      log.info({ file: found ?? known }, found === undefined ? 'drain file gone' : 'drain file found');
    known = found;
    onLook(found !== undefined);
    timer = setTimeout(() => void look(), everyMs).unref();
  }

  return {
    start: look,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/** A file that cannot be looked for is taken to be as it was. */
async function firstThere(files: readonly string[], known: string | undefined): Promise<string | undefined> {
  for (const file of files) {
    try {
      await access(file);
      return file;
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && file === known) return file;
    }
  }
  return undefined;
}
