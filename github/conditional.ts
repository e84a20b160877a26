/**
 * Answers that are kept with their ETags, so that GitHub need not send them again: an answer 304 costs nothing of the
 * hour's limit (GitHub docs "Best practices for using the REST API").
 */

import type { HttpAnswer } from './http.js';

/** What an answer took of GitHub's hourly limit: nothing if it had not changed. */
export const callsOf = ({ unchanged }: HttpAnswer): 0 | 1 => (unchanged === true ? 0 : 1);

interface Asked {
  readonly route: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface KeptAnswer {
  readonly etag: string;
  readonly answer: HttpAnswer;
}

export interface KeptAnswers {
  /** The answer that this credential got to this question. */
  find(credential: string, asked: Asked): KeptAnswer | undefined;
  /** Keeps a 200 with an ETag; anything else makes it forget what it had. */
  keep(credential: string, asked: Asked, answer: HttpAnswer): void;
}

export interface KeptLimits {
  readonly answers: number;
  /** Of all bodies, as JSON. */
  readonly characters: number;
}

/** A page of 100 jobs is some 300,000 characters. */
const LIMITS: KeptLimits = { answers: 500, characters: 16_000_000 };

/** What was asked for least recently goes first. */
export function createKeptAnswers(limits: KeptLimits = LIMITS): KeptAnswers {
  const kept = new Map<string, KeptAnswer & { readonly size: number }>();
  let characters = 0;

  const forget = (key: string): void => {
    characters -= kept.get(key)?.size ?? 0;
    kept.delete(key);
  };

  return {
    find: (credential, asked) => {
      const key = keyOf(credential, asked);
      const found = kept.get(key);
      if (found === undefined) return undefined;
      // Last in a Map's order is most recent.
      kept.delete(key);
      kept.set(key, found);
      return found;
    },
    keep: (credential, asked, answer) => {
      const key = keyOf(credential, asked);
      forget(key);
      const etag = answer.headers['etag'];
      if (answer.status !== 200 || etag === undefined || !asked.route.startsWith('GET ')) return;
      const size = JSON.stringify(answer.data).length;
      if (size > limits.characters) return;
      kept.set(key, { etag, answer, size });
      characters += size;
      for (const oldest of kept.keys()) {
        if (kept.size <= limits.answers && characters <= limits.characters) break;
        forget(oldest);
      }
    },
  };
}

const keyOf = (credential: string, { route, params }: Asked): string =>
  `${credential} ${route} ${JSON.stringify(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
