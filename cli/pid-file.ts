import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pino from 'pino';

/**
 * Writes `<dir>/berth-<role>.pid`. Nothing depends on it, so a folder that cannot be written to is only a warning.
 * @param dir config `pid_file_dir`; null: nothing is written
 * @returns what removes it, unless another process has written its own meanwhile
 */
export function writePidFile(dir: string | null, role: string, log: pino.Logger): () => void {
  if (dir === null) return () => undefined;
  const file = join(dir, `berth-${role}.pid`);
  const text = `${process.pid}\n`;
  try {
    writeFileSync(file, text);
  } catch (err) {
    log.warn({ file, code: (err as NodeJS.ErrnoException).code }, 'pid file not written');
    return () => undefined;
  }
  return () => {
    try {
      if (readFileSync(file, 'utf8') === text) rmSync(file);
    } catch (err) {
      log.debug({ err, file }, 'pid file gone');
    }
  };
}
