import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../config/secret.js';

export type SignatureCheck = 'ok' | 'missing' | 'wrong';

/** Whether a header could be right at all: if not, the body need not be read. */
export const isSignature = (header: string | undefined): boolean => header !== undefined && FORM.test(header);

const FORM = /^sha256=([0-9a-f]{64})$/;

/**
 * Checks `X-Hub-Signature-256`: `sha256=` and the HMAC of the body's bytes in hexadecimal digits. Takes the same time
 * wherever the two differ.
 */
export function checkSignature(body: Buffer, header: string | undefined, secret: Secret): SignatureCheck {
  if (header === undefined || header === '') return 'missing';
  const given = FORM.exec(header)?.[1];
  if (given === undefined) return 'wrong';
  const right = createHmac('sha256', secret.reveal()).update(body).digest();
  return timingSafeEqual(right, Buffer.from(given, 'hex')) ? 'ok' : 'wrong';
}
