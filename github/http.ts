/** One HTTP call to GitHub, by Octokit, with a time limit. No credentials, limits or meaning here. */

import { Octokit } from '@octokit/rest';
import type { Logger } from 'pino';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The parsed body, or text when it was not JSON. */
  readonly data: unknown;
  /** It is what the last such call was answered, and cost nothing of the hour's limit; only of `conditional` calls. */
  readonly unchanged?: true;
}

/** No answer: refused connection, time-out, connection lost. What GitHub did is not known. */
export interface NoAnswer {
  readonly status: null;
  /** In words, such as `it did not answer within 10 s`. */
  readonly why: string;
}

export type HttpCall = (
  route: string,
  params: Readonly<Record<string, unknown>>,
  authorization: string,
  /** Of an earlier answer: GitHub answers 304, and nothing else, when it still holds. */
  etag?: string,
) => Promise<HttpAnswer | NoAnswer>;

export interface HttpOptions {
  readonly apiUrl: string;
  /** Of Berth, for the user agent. */
  readonly version: string;
  readonly timeoutMs: number;
  readonly log: Logger;
  readonly fetch?: typeof fetch | undefined;
}

/** Answers whatever GitHub says, errors included; never throws for anything that happens on the network. */
export function createHttp({ apiUrl, version, timeoutMs, log, fetch: send = fetch }: HttpOptions): HttpCall {
  // The signal also ends the reading of the body.
  const timed: typeof fetch = (url, init) => send(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  const debug = (message: string): void => log.debug({ message }, 'github call');
  const octokit = new Octokit({
    baseUrl: apiUrl.replace(/\/+$/, ''),
    userAgent: `berth/${version}`,
    request: { fetch: timed },
    // Its own debug lines have the request with all headers: they go nowhere.
    log: { debug: () => undefined, info: debug, warn: debug, error: debug },
  });
  return async (route, params, authorization, etag) => {
    const fixed = { authorization, 'x-github-api-version': '2022-11-28', accept: 'application/vnd.github+json' };
    const headers = etag === undefined ? fixed : { ...fixed, 'if-none-match': etag };
    try {
      const answer = await octokit.request(route, { ...params, headers });
      return { status: answer.status, headers: stringsOf(answer.headers), data: answer.data as unknown };
    } catch (error) {
      const answer = answerIn(error);
      if (answer !== undefined) return { ...answer, headers: stringsOf(answer.headers) };
      return { status: null, why: whyNoAnswer(error, timeoutMs) };
    }
  };
}

interface RawAnswer {
  readonly status: number;
  readonly headers: object;
  readonly data: unknown;
}

/** Octokit throws for 304, 4xx and 5xx, with the answer in the error. */
function answerIn(error: unknown): RawAnswer | undefined {
  return error instanceof Error && 'response' in error ? (error.response as RawAnswer | undefined) : undefined;
}

function stringsOf(headers: object): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      value === undefined ? undefined : String(value),
    ]),
  );
}

function whyNoAnswer(error: unknown, timeoutMs: number): string {
  const causes = chainOf(error);
  if (causes.some((cause) => cause.name === 'TimeoutError' || cause.name === 'AbortError')) {
    return `it did not answer within ${timeoutMs / 1000} s`;
  }
  const code = causes.map((cause) => ('code' in cause ? cause.code : undefined)).find((value) => value !== undefined);
  // Not the message: it may have the URL or, from a proxy, anything.
  return `the connection failed (${typeof code === 'string' ? code : 'no code'})`;
}

/** The error and its causes, outermost first. */
function chainOf(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let next = error; next instanceof Error && chain.length < 10; next = next.cause) chain.push(next);
  return chain;
}
