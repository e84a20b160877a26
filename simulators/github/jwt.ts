/** Checks the JSON web token with which a GitHub App proves who it is. */

import { createPublicKey, verify } from 'node:crypto';
import type { AppOptions } from './options.js';

export type JwtVerdict =
  | { readonly ok: true; readonly app: AppOptions }
  | { readonly ok: false; readonly status: 401 | 404; readonly message: string };

/** A JWT may live 10 minutes at most (GitHub docs "Generating a JSON Web Token for a GitHub App"). */
const MAX_LIFE_S = 600;

const refuse = (message: string, status: 401 | 404 = 401): JwtVerdict => ({ ok: false, status, message });

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a bearer token has the three parts of a JWT; other tokens of GitHub have no dots. */
export const looksLikeJwt = (token: string): boolean => token.split('.').length === 3;

/** RS256 with the App's public key; `iss` is its client id or its id; `iat` in the past, `exp` at most 10 min ahead. */
export function checkJwt(token: string, apps: readonly AppOptions[], nowMs: number): JwtVerdict {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const claims = decode(payload);
  if (decode(head)?.['alg'] !== 'RS256' || claims === undefined) {
    return refuse('A JSON web token could not be decoded');
  }
  const issuer = String(claims['iss']);
  const app = apps.find(({ id, clientId }) => String(id) === issuer || clientId === issuer);
  if (app === undefined) return refuse('Integration not found', 404);
  const signed = Buffer.from(`${head}.${payload}`);
  const isGenuine = verify('RSA-SHA256', signed, createPublicKey(app.publicKey), Buffer.from(signature, 'base64url'));
  if (!isGenuine) return refuse('A JSON web token could not be decoded');
  const wrong = whatIsWrong(claims, nowMs / 1_000);
  return wrong === undefined ? { ok: true, app } : refuse(wrong);
}

function whatIsWrong(claims: Readonly<Record<string, unknown>>, now: number): string | undefined {
  const { iat, exp } = claims;
  if (typeof iat !== 'number' || !Number.isInteger(iat) || iat > now) {
    return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
  }
  if (typeof exp !== 'number' || exp <= now) {
    return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
  }
  return exp > now + MAX_LIFE_S ? "'Expiration time' claim ('exp') is too far in the future" : undefined;
}
