/** One webhook request over HTTP, as GitHub sends it. */

import { createHmac } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';

export interface Sent {
  readonly statusCode: number;
  /** `OK`, or what GitHub's delivery log says of a failure. */
  readonly status: string;
  readonly durationMs: number;
  readonly responseHeaders: IncomingHttpHeaders;
  readonly responseBody: string;
}

export interface Sender {
  /** Never throws: a receiver that cannot be reached gives 502, one that is too slow 504. */
  readonly send: (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<Sent>;
  readonly stop: () => void;
}

const MAX_SOCKETS = 128;

/** GitHub keeps the beginning of an answer only. */
const MAX_RESPONSE = 10_000;

/** The signature headers of GitHub: HMACs over exactly the bytes that are sent. */
export function signatures(secret: string, body: string): Readonly<Record<string, string>> {
  const hmac = (algorithm: 'sha1' | 'sha256'): string =>
    `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`;
  return { 'X-Hub-Signature': hmac('sha1'), 'X-Hub-Signature-256': hmac('sha256') };
}

/** Sends with kept-alive connections; the time limit counts from the moment a connection is free. */
export function createSender(timeoutMs: number): Sender {
  const http = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const https = new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });

  const send: Sender['send'] = (url, headers, body) =>
    new Promise((resolve) => {
      let startedAt = Date.now();
      let limit: NodeJS.Timeout | undefined;
      const settle = (statusCode: number, status: string, responseHeaders: IncomingHttpHeaders = {}, text = '') => {
        clearTimeout(limit);
        const durationMs = Date.now() - startedAt;
        resolve({ statusCode, status, durationMs, responseHeaders, responseBody: text.slice(0, MAX_RESPONSE) });
      };
      const secure = new URL(url).protocol === 'https:';
      const options = {
        method: 'POST',
        headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body)) },
        agent: secure ? https : http,
      };
      const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => settle(502, 'failed to connect to host'));
        response.on('end', () => {
          const code = response.statusCode ?? 0;
          const ok = code >= 200 && code < 300;
          const text = Buffer.concat(chunks).toString('utf8');
          settle(code, ok ? 'OK' : `Invalid HTTP Response: ${code}`, response.headers, text);
        });
      });
      request.on('socket', () => {
        startedAt = Date.now();
        limit = setTimeout(() => {
          settle(504, 'timed out');
          request.destroy();
        }, timeoutMs);
      });
      request.on('error', () => settle(502, 'failed to connect to host'));
      request.end(body);
    });

  return {
    send,
    stop: () => {
      http.destroy();
      https.destroy();
    },
  };
}
