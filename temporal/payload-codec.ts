/**
 * Encrypts what Berth writes into Temporal's histories. The format is the one of Temporal's own encryption samples in
 * Go, Python and Java, so that a codec server made from them can serve Temporal's UI: metadata `encoding` and
 * `encryption-key-id`; data = nonce (12 bytes), ciphertext, tag (16 bytes) of AES-256-GCM over the serialised payload.
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { FAILURES } from '../jobs/failures.js';
import { decodePayload, encodePayload } from './payload-proto.js';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const WHY_BROKEN = 'it was changed, or another process has another key of this id';

export const KEY_BYTES = 32;
const ENCRYPTED = 'binary/encrypted';

/** The keys by their id. One encrypts; all decrypt. */
export interface CodecKeys {
  readonly currentId: string;
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** The class's name becomes the `type` of the failure that a workflow sees (`jobs/failures.ts`). */
export class PayloadKeyUnknown extends Error {}

/** As `PayloadKeyUnknown`. */
export class PayloadBroken extends Error {}

/** Payloads that are not encrypted are read as they are: histories from before the codec was switched on stay good. */
export function createPayloadCodec({ currentId, keys }: CodecKeys): PayloadCodec {
  const current = keys.get(currentId);
  if (current === undefined) throw new Error(`there is no key ${currentId} to encrypt with`);
  const metadata = { encoding: Buffer.from(ENCRYPTED), 'encryption-key-id': Buffer.from(currentId) };
  return {
    encode: async (payloads) => payloads.map((payload) => ({ metadata, data: encrypt(current, payload) })),
    decode: async (payloads) => payloads.map((payload) => (isEncrypted(payload) ? decrypt(keys, payload) : payload)),
  };
}

const textOf = (payload: Payload, key: string): string => Buffer.from(payload.metadata?.[key] ?? []).toString();

const isEncrypted = (payload: Payload): boolean => textOf(payload, 'encoding') === ENCRYPTED;

/** A random nonce of 96 bits may be used some 2³² times with one key (NIST SP 800-38D §8.3): hundreds of millions of jobs. */
function encrypt(key: KeyObject, payload: Payload): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  return Buffer.concat([nonce, cipher.update(encodePayload(payload)), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(keys: CodecKeys['keys'], payload: Payload): Payload {
  const id = textOf(payload, 'encryption-key-id');
  const key = keys.get(id);
  if (key === undefined) {
    const known = [...keys.keys()].join(', ');
    const message = `a payload is encrypted with key ${JSON.stringify(id)}, and this process knows only ${known}`;
    throw new PayloadKeyUnknown(`${FAILURES.PayloadKeyUnknown.code}: ${message}: add that key to temporal.codec.keys`);
  }
  try {
    return open(key, Buffer.from(payload.data ?? []));
  } catch {
    const message = `a payload cannot be decrypted with key ${JSON.stringify(id)}`;
    throw new PayloadBroken(`${FAILURES.PayloadBroken.code}: ${message}: ${WHY_BROKEN}`);
  }
}

function open(key: KeyObject, data: Buffer): Payload {
  const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
  const sealed = data.subarray(NONCE_BYTES, data.length - TAG_BYTES);
  return decodePayload(Buffer.concat([decipher.update(sealed), decipher.final()]));
}
