/** Calls of the simulated GitHub (`simulators/github/runner-protocol.ts`). `node:http` alone: it starts fastest. */

import http from 'node:http';
import https from 'node:https';

const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

/** One call: `{status, body}`. Throws when the server cannot be reached or `signal` aborts. */
export function call(method, url, { secret, body, signal } = {}) {
  const target = new URL(url);
  const client = target.protocol === 'https:' ? https : http;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const request = client.request(target, { method, headers, signal, agent: agents[target.protocol] }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, body: parse(Buffer.concat(parts).toString()) }));
    });
    request.on('error', reject);
    request.end(text);
  });
}

function parse(text) {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return { message: text };
  }
}

/** `call`, again and again while the server cannot be reached or answers 5xx; gives up after `forMs` and throws. */
export async function callUntilAnswered(method, url, options = {}, forMs = 60_000) {
  const end = Date.now() + forMs;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1000)) {
    let problem;
    try {
      const reply = await call(method, url, options);
      if (reply.status < 500) return reply;
      problem = new Error(`${method} answered ${reply.status}`);
    } catch (error) {
      problem = error;
    }
    if (options.signal?.aborted || Date.now() + waitMs > end) throw problem;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
