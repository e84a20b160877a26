/** Runs one command of a VM tool: argument array, no shell, no standard input, the two outputs kept apart. */

import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import type { Subprocess } from 'execa';
import { ProviderError } from '../provider.js';
import { KILL_AFTER_MS } from './limits.js';

export interface CommandOptions {
  /** Milliseconds; 0 = none. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  /** Its process has begun. */
  readonly onProcess?: ((pid: number) => void) | undefined;
  /** No signal ends the command, and past its limit we only stop waiting. One that goes on for as long again hangs: it is ended. */
  readonly isLeftAlone?: boolean;
}

export interface CommandResult {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  /** The last line of standard output that isn't empty. */
  readonly lastLine: string;
  /** The last 4 kB of standard error. */
  readonly stderrTail: string;
}

/** Longer lines are cut: `anka list` of a full host is tens of kilobytes. */
const MAX_LINE = 8_000_000;
const TAIL = 4_096;

/** After a command's end, for the rest of its output. */
const SILENT_MS = 300;

/**
 * @throws ProviderError `ToolMissing`, `CommandTimeout`; the signal's reason when it was aborted
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { timeoutMs, signal, isLeftAlone = false } = options;
  signal?.throwIfAborted();
  const child = execa(file, args, {
    stdin: 'ignore',
    reject: false,
    buffer: false,
    // A process group of its own: a Ctrl-C in our terminal must not reach a delete or a clone.
    detached: true,
    cleanup: false,
    forceKillAfterDelay: KILL_AFTER_MS,
    ...(timeoutMs > 0 && !isLeftAlone && { timeout: timeoutMs }),
    ...(signal !== undefined && !isLeftAlone && { cancelSignal: signal }),
  });
  if (child.pid !== undefined) options.onProcess?.(child.pid);
  const stdout = lastLineOf(child.stdout, options.onLine);
  const stderr = tailOf(child.stderr);
  child.once('exit', () => [child.stdout, child.stderr].forEach(closeWhenSilent));
  const result = isLeftAlone ? await withinLimit(child, timeoutMs, args) : await child;
  if (signal?.aborted === true && result.isCanceled) throw asError(signal.reason);
  if (result.timedOut) throw tookTooLong(args, timeoutMs);
  if (isMissing(result)) {
    throw new ProviderError(
      'ToolMissing',
      `\`${file}\` cannot be run on this host: install it, or put it on the PATH of the agent`,
    );
  }
  return { exitCode: result.exitCode, lastLine: stdout(), stderrTail: stderr() };
}

/** The command's name for people: its first words, never its arguments' values. */
export const nameOf = (args: readonly string[]): string =>
  `anka ${args
    .filter((arg) => /^[a-z]+$/.test(arg))
    .slice(0, args.includes('registry') ? 2 : 1)
    .join(' ')}`;

function tookTooLong(args: readonly string[], timeoutMs: number): ProviderError {
  return new ProviderError('CommandTimeout', `\`${nameOf(args)}\` took longer than ${Math.round(timeoutMs / 1000)} s`);
}

async function withinLimit<T>(
  child: Promise<T> & Pick<Subprocess, 'kill'>,
  timeoutMs: number,
  args: readonly string[],
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(tookTooLong(args, timeoutMs));
      const hangs = setTimeout(() => child.kill(), timeoutMs).unref();
      void child.finally(() => clearTimeout(hangs));
    }, timeoutMs);
  });
  try {
    return await Promise.race([child, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function isMissing(result: { readonly code?: string | undefined }): boolean {
  return result.code === 'ENOENT' || result.code === 'EACCES';
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

/** What a command leaves in the background may keep its output open for ever: its end is not waited for. */
function closeWhenSilent(stream: Readable | null): void {
  if (stream === null || stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), SILENT_MS);
  stream.on('data', () => timer.refresh());
  stream.once('close', () => clearTimeout(timer));
}

function lastLineOf(stream: Readable | null, onLine: ((line: string) => void) | undefined): () => string {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let last = '';
  const take = (line: string): void => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (text.trim() !== '') last = text;
    onLine?.(text);
  };
  stream?.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    lines.forEach(take);
  });
  stream?.on('end', () => {
    if (rest !== '') take(rest);
    rest = '';
  });
  return () => (rest.trim() === '' ? last : rest);
}

function tailOf(stream: Readable | null): () => string {
  let tail = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-TAIL);
  });
  return () => tail.toString('utf8');
}
