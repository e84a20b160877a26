/** What can go wrong with GitHub: classified once, here, as failure types that workflows decide by. No secret in any. */

import type { FailureType } from '../jobs/failures.js';
import type { LimitWhy } from '../jobs/limits.js';

export type GitHubFailure = Extract<
  FailureType,
  'GitHubRefused' | 'GitHubNoCredential' | 'GitHubUnavailable' | 'GitHubRateLimited' | 'RunnerNameTaken'
>;

export class GitHubError extends Error {
  readonly type: GitHubFailure;
  /** The HTTP status that GitHub answered, if it did. */
  readonly status: number | null;

  constructor(type: GitHubFailure, message: string, status: number | null = null) {
    super(message);
    this.name = type;
    this.type = type;
    this.status = status;
  }
}

/** No call of this credential is to be made before `resumeAt` (epoch milliseconds). Nothing was done. */
export class GitHubRateLimited extends GitHubError {
  readonly resumeAt: number;
  readonly why: LimitWhy;

  constructor(message: string, resumeAt: number, why: LimitWhy, status: number | null = null) {
    super('GitHubRateLimited', message, status);
    this.resumeAt = resumeAt;
    this.why = why;
  }
}

/** Shapes of GitHub's tokens, JSON web tokens and private keys (GitHub docs "Token formats"). */
const SECRET_SHAPES =
  /gh[a-z]_\w{10,}|github_pat_\w{10,}|v1\.[0-9a-f]{30,}|eyJ[\w-]{8,}[\w.=-]*|-----BEGIN[^-]*KEY-----[\s\S]*?-----END[^-]*-----/g;

const LONGEST_TEXT = 300;

/** Text from outside, fit for a message: without what looks like a secret or is one of ours, on one line, short. */
export function safeText(text: string, secrets: readonly string[] = []): string {
  const clean = secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text)
    .replace(SECRET_SHAPES, '[secret]')
    .replace(/\s+/g, ' ')
    .trim();
  return clean.length > LONGEST_TEXT ? `${clean.slice(0, LONGEST_TEXT)}…` : clean;
}
