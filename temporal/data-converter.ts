/** How payloads and failures are written into histories: plain, or encrypted where the config has keys. */

import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import type { Logger } from 'pino';
import { KEY_BYTES, createPayloadCodec } from './payload-codec.js';
import { TemporalSettingsError } from './settings-error.js';

export interface CodecSettings {
  /** The key that encrypts; all of `keys` decrypt. */
  readonly currentId: string;
  readonly keys: readonly { readonly id: string; readonly file: string }[];
}

/** The SDK, and the bundler, load the failures' converter by its path; `require` must be able to. */
export const ENCODED_FAILURES = fileURLToPath(new URL('./encoded-failures.cjs', import.meta.url));

/**
 * The converter for clients and workers alike; undefined without a codec: the SDK's own. Reads the keys now.
 * @throws TemporalSettingsError that names the key file that cannot be used
 */
export async function dataConverterFor(
  codec: CodecSettings | undefined,
  log?: Pick<Logger, 'warn'>,
): Promise<DataConverter | undefined> {
  if (codec === undefined) return undefined;
  const keys = new Map<string, KeyObject>();
  for (const { id, file } of codec.keys) keys.set(id, await readKey(file, log));
  if (!keys.has(codec.currentId)) {
    throw new TemporalSettingsError(`temporal.codec: no key has the id ${codec.currentId}, which is to encrypt`);
  }
  return {
    payloadCodecs: [createPayloadCodec({ currentId: codec.currentId, keys })],
    failureConverterPath: ENCODED_FAILURES,
  };
}

async function readKey(path: string, log: Pick<Logger, 'warn'> | undefined): Promise<KeyObject> {
  const { text, mode } = await readSmall(path);
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text.trim()) {
    const message = `temporal.codec: ${path} does not hold ${KEY_BYTES} bytes in base64`;
    throw new TemporalSettingsError(`${message}: make a key with \`openssl rand -base64 ${KEY_BYTES}\``);
  }
  if ((mode & 0o077) !== 0) {
    const is = (mode & 0o777).toString(8).padStart(4, '0');
    log?.warn({ file: path, mode: is }, 'the key of the codec can be read by other users: chmod 0600 it');
  }
  return createSecretKey(bytes);
}

async function readSmall(path: string): Promise<{ readonly text: string; readonly mode: number }> {
  try {
    const file = await open(path);
    try {
      return { text: await file.readFile('utf8'), mode: (await file.stat()).mode };
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `temporal.codec: key file ${path} cannot be read (${code ?? 'unknown error'})`;
    throw new TemporalSettingsError(message, { cause: error });
  }
}
