/**
 * Sealing a secret to one agent process: HPKE (RFC 9180), base mode, with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and
 * AES-256-GCM. Whoever may talk to Temporal may seal to a host; only that host's running agent can open.
 */

import { randomUUID } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { PublicKey, SealedSecret } from '../activities/contracts.js';

/** The private half stays in this process: it has no form in which it could be written down. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  readonly privateKey: CryptoKey;
}

/** The secret was sealed to a key pair of an earlier agent process; seal it again, to `current`. */
export class SealStale extends Error {
  readonly current: PublicKey;

  constructor(keyId: string, current: PublicKey) {
    super(`the secret was sealed to key ${keyId}; this agent process has key ${current.keyId}`);
    this.name = 'SealStale';
    this.current = current;
  }
}

/** The secret was sealed for another purpose, or changed on its way. */
export class SealBroken extends Error {
  constructor(context: string) {
    super(`the sealed secret cannot be opened for ${context}: it was sealed for something else, or changed on its way`);
    this.name = 'SealBroken';
  }
}

/** Node's own types: the library's are those of browsers, which this project does not load. */
type CryptoKey = webcrypto.CryptoKey;

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'utf8'));
const base64 = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'base64'));

/** What the seal is bound to, besides the key: this use of Berth's, and the caller's context. */
const binding = (context: string): Uint8Array<ArrayBuffer> => utf8(`berth/seal/1\n${context}`);

/** A new key pair, with an id of its own. */
export async function createKeyPair(): Promise<KeyPair> {
  const pair = (await suite.kem.generateKeyPair()) as webcrypto.CryptoKeyPair;
  const key = base64(await suite.kem.serializePublicKey(pair.publicKey));
  return { publicKey: { keyId: randomUUID(), key }, privateKey: pair.privateKey };
}

/**
 * Seals `plaintext` so that only the owner of the key opens it, and only with the same `context`.
 * @param context the runner's name: what was sealed for one VM is useless for another
 * @throws Error when the public key is not one
 */
export async function seal(to: PublicKey, plaintext: string, context: string): Promise<SealedSecret> {
  const recipientPublicKey = (await suite.kem.deserializePublicKey(bytesOf(to.key).buffer)) as CryptoKey;
  const sender = await suite.createSenderContext({ recipientPublicKey, info: binding(context).buffer });
  const ciphertext = await sender.seal(utf8(plaintext).buffer, binding(context).buffer);
  return { keyId: to.keyId, enc: base64(sender.enc), ciphertext: base64(ciphertext) };
}

/**
 * @throws SealStale when it was sealed to another key pair
 * @throws SealBroken when it was sealed for another context, or changed
 */
export async function open(pair: KeyPair, sealed: SealedSecret, context: string): Promise<string> {
  if (sealed.keyId !== pair.publicKey.keyId) throw new SealStale(sealed.keyId, pair.publicKey);
  try {
    const recipient = await suite.createRecipientContext({
      recipientKey: pair.privateKey,
      enc: bytesOf(sealed.enc).buffer,
      info: binding(context).buffer,
    });
    const plaintext = await recipient.open(bytesOf(sealed.ciphertext).buffer, binding(context).buffer);
    return Buffer.from(plaintext).toString('utf8');
  } catch {
    // The cause is not kept: nothing about a secret belongs in an error.
    throw new SealBroken(context);
  }
}
