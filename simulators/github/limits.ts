/**
 * Rate limits: the primary one an hour, and GitHub's secondary ones (points a minute for one endpoint, calls at once).
 * Sizes: GitHub docs "Rate limits for the REST API".
 */

import type { World } from './world.js';

export interface Bucket {
  readonly limit: number;
  readonly remaining: number;
  /** Epoch seconds. */
  readonly reset: number;
}

export interface LimitChange extends Partial<Bucket> {
  /** As {@link SimCall.credential}; every credential, known now or later, when not given. */
  readonly credential?: string;
}

export type Refused =
  | { readonly kind: 'primary'; readonly bucket: Bucket }
  | { readonly kind: 'secondary'; readonly retryAfterSeconds: number };

export interface Limits {
  readonly bucket: (credential: string) => Bucket;
  /** Counts a call that begins; says why it is refused. `free` calls are not counted in the hour. */
  readonly begin: (credential: string, method: string, route: string, free: boolean) => Refused | undefined;
  readonly end: (credential: string) => void;
  /** Gives one call back: an answer 304 costs nothing. */
  readonly giveBack: (credential: string) => void;
  readonly set: (change: LimitChange) => void;
}

const HOUR_S = 3_600;
const MINUTE_MS = 60_000;
const WRITE_POINTS = 5;

const seconds = (): number => Math.floor(Date.now() / 1_000);

export function createLimits(world: World): Limits {
  const buckets = new Map<string, Bucket>();
  const running = new Map<string, number>();
  const points = new Map<string, { readonly at: number; readonly points: number }[]>();
  let defaults: Partial<Bucket> = {};

  const bucket: Limits['bucket'] = (credential) => {
    const known = buckets.get(credential);
    const limit = known?.limit ?? defaults.limit ?? world.settings.rateLimit;
    if (known !== undefined && known.reset > seconds()) return known;
    const isFirst = known === undefined && defaults.reset !== undefined && defaults.reset > seconds();
    const fresh = isFirst
      ? { limit, remaining: defaults.remaining ?? limit, reset: defaults.reset ?? 0 }
      : { limit, remaining: known === undefined ? (defaults.remaining ?? limit) : limit, reset: seconds() + HOUR_S };
    buckets.set(credential, fresh);
    return fresh;
  };

  const spend = (credential: string, count: number): void => {
    const current = bucket(credential);
    const remaining = Math.min(current.limit, Math.max(0, current.remaining - count));
    buckets.set(credential, { ...current, remaining });
  };

  const secondary = (credential: string, method: string, route: string): Refused | undefined => {
    const { pointsPerMinute, concurrent } = world.settings;
    if (concurrent !== null && (running.get(credential) ?? 0) >= concurrent) {
      return { kind: 'secondary', retryAfterSeconds: 1 };
    }
    if (pointsPerMinute === null) return undefined;
    const key = `${credential} ${route}`;
    const now = Date.now();
    const recent = (points.get(key) ?? []).filter(({ at }) => now - at < MINUTE_MS);
    const cost = method === 'GET' || method === 'HEAD' ? 1 : WRITE_POINTS;
    const used = recent.reduce((sum, each) => sum + each.points, 0);
    points.set(key, used + cost > pointsPerMinute ? recent : [...recent, { at: now, points: cost }]);
    if (used + cost <= pointsPerMinute) return undefined;
    const wait = MINUTE_MS - (now - (recent[0]?.at ?? now));
    return { kind: 'secondary', retryAfterSeconds: Math.max(1, Math.ceil(wait / 1_000)) };
  };

  return {
    bucket,
    begin: (credential, method, route, free) => {
      const current = bucket(credential);
      if (!free && current.remaining <= 0) return { kind: 'primary', bucket: current };
      const refused = secondary(credential, method, route);
      if (refused !== undefined) return refused;
      running.set(credential, (running.get(credential) ?? 0) + 1);
      if (!free) spend(credential, 1);
      return undefined;
    },
    end: (credential) => void running.set(credential, Math.max(0, (running.get(credential) ?? 0) - 1)),
    giveBack: (credential) => spend(credential, -1),
    set: ({ credential, ...change }) => {
      if (credential === undefined) defaults = { ...defaults, ...change };
      for (const name of credential === undefined ? [...buckets.keys()] : [credential]) {
        buckets.set(name, { ...bucket(name), ...change });
      }
    },
  };
}
