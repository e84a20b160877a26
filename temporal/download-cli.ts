/** Gets the Temporal CLI from where the SDK gets it. */

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { z } from 'zod';
import { CLI_VERSION } from './cli-cache.js';

/** The service that the SDK's core asks for its dev server (`ephemeral_server` of sdk-core 1.24). */
const DOWNLOAD_SERVICE = 'https://temporal.download';

const downloadInfo = z.object({ archiveUrl: z.url(), fileToExtract: z.string().regex(/^[\w.-]+$/) });

export interface DownloadOptions {
  /** An existing, empty folder to work in. */
  readonly dir: string;
  /** Within which the service must answer at all (milliseconds). */
  readonly timeoutMs: number;
  /** For everything together: question, archive, extraction (milliseconds). */
  readonly totalMs: number;
  readonly progress: (line: string) => void;
  /** Another service with the same interface, for tests. */
  readonly service?: string | undefined;
}

/**
 * Downloads and extracts the CLI into `dir`. The SDK's own function cannot be given a time limit and starts a server
 * at once, so this asks the same service the same question itself: version, platform, processor → archive.
 * @returns the extracted file
 * @throws Error when the service does not answer in time or with something else
 */
export async function downloadCli(options: DownloadOptions): Promise<string> {
  const { dir, timeoutMs, totalMs, progress, service = DOWNLOAD_SERVICE } = options;
  const answered = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.timeout(totalMs);
  const question = new URL(`${service}/cli/v${CLI_VERSION}`);
  question.search = new URLSearchParams({ arch: processor(), platform: process.platform, format: 'tar.gz' }).toString();
  try {
    const info = downloadInfo.parse(await (await get(question.href, answered)).json());
    const archive = join(dir, 'cli.tar.gz');
    const answer = await get(info.archiveUrl, signal);
    progress(`downloading Temporal's CLI ${CLI_VERSION}${megabytes(answer.headers.get('content-length'))}`);
    if (answer.body === null) throw new Error('the archive is empty');
    await pipeline(Readable.fromWeb(answer.body), createWriteStream(archive), { signal });
    await execa('tar', ['-xzf', archive, '-C', dir, info.fileToExtract], { cancelSignal: signal, stdin: 'ignore' });
    return join(dir, info.fileToExtract);
  } catch (error) {
    throw new Error(whyNot(error), { cause: error });
  }
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error(`${new URL(url).host} answered ${answer.status}`);
  return answer;
}

/** The service's name for this processor (Go's names). */
function processor(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function megabytes(bytes: string | null): string {
  return bytes === null ? '' : ` (${Math.round(Number(bytes) / 1e6)} MB)`;
}

function whyNot(error: unknown): string {
  if (error instanceof z.ZodError || error instanceof SyntaxError) {
    return 'the download service answered something unexpected';
  }
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it took too long';
  // Node's fetch hides what happened (no such host, connection refused) in the cause.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
