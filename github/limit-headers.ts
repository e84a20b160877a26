/** What GitHub's answers say of its limits (GitHub docs "Rate limits for the REST API"). */

/** What is looked at in an answer. Header names in lower case. */
export interface LimitedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** GitHub's own words, if it refused. */
  readonly message: string;
}

/** A bucket's numbers, as far as they are there; null for another bucket than the one of all usual calls. */
export interface CoreNumbers {
  readonly limit: number | null;
  readonly remaining: number | null;
  /** Epoch milliseconds. */
  readonly resetAt: number | null;
}

export function coreNumbers(headers: LimitedAnswer['headers']): CoreNumbers | null {
  // Other buckets (registration of runners, search) have numbers of their own under the same header names.
  if ((headers['x-ratelimit-resource'] ?? 'core') !== 'core') return null;
  const reset = numberOf(headers['x-ratelimit-reset']);
  return {
    limit: numberOf(headers['x-ratelimit-limit']),
    remaining: numberOf(headers['x-ratelimit-remaining']),
    resetAt: reset === null ? null : reset * 1000,
  };
}

/** When GitHub says to come again after a refusal by a limit, in its order: `retry-after`, then the bucket's reset. */
export function whenAgain(
  { status, headers }: LimitedAnswer,
  now: number,
): { until: number; isUsedUp: boolean } | null {
  if (status !== 403 && status !== 429) return null;
  const isEmpty = headers['x-ratelimit-remaining'] === '0';
  const after = retryAfter(headers['retry-after'], now);
  if (after !== null) return { until: after, isUsedUp: false };
  const reset = numberOf(headers['x-ratelimit-reset']);
  if (!isEmpty || reset === null) return null;
  // One second more: the header has whole seconds. A reset that is over by our clock tells that the clocks differ.
  return { until: Math.max(reset * 1000 + 1_000, now + 1_000), isUsedUp: true };
}

/** 429 always is one; 403 is one when it says so: it is also GitHub's answer for missing rights. */
export function isRefusedByLimit({ status, message }: LimitedAnswer): boolean {
  return status === 429 || (status === 403 && /rate limit|abuse detection/i.test(message));
}

/** Seconds or a date (RFC 9110 §10.2.3), as epoch milliseconds. */
export function retryAfter(value: string | undefined, now: number): number | null {
  if (value === undefined) return null;
  const seconds = numberOf(value);
  if (seconds !== null) return now + seconds * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : date;
}

function numberOf(value: string | undefined): number | null {
  return value !== undefined && /^\d+$/.test(value.trim()) ? Number(value) : null;
}
