/** Berth's GitHub client: everything that Berth asks of GitHub, and nothing else. */

import type { Logger } from 'pino';
import { systemClock } from './clock.js';
import type { Clock } from './clock.js';
import type { AppCredential, CredentialFor } from './credentials.js';
import { createDeliveries } from './deliveries.js';
import type { Deliveries } from './deliveries.js';
import type { LimitState } from './gate.js';
import { createHttp } from './http.js';
import { createJobs } from './jobs.js';
import type { Jobs } from './jobs.js';
import { createRegistrationTokens } from './registration-tokens.js';
import type { RegistrationTokens } from './registration-tokens.js';
import { createRunOrigins } from './run-origins.js';
import type { RunOrigins } from './run-origins.js';
import { createRunJobs } from './run-jobs.js';
import type { RunJobs } from './run-jobs.js';
import { createRunnerList } from './runner-list.js';
import type { RunnerList } from './runner-list.js';
import { createReruns } from './reruns.js';
import type { Reruns } from './reruns.js';
import { createRunners } from './runners.js';
import type { Runners } from './runners.js';
import { createRuns } from './runs.js';
import type { Runs } from './runs.js';
import { createSessions } from './sessions.js';
import type { ShareLimits } from './sharing.js';

/** All methods throw `GitHubError` or `GitHubRateLimited`, whose messages say what to do and hold no secret. */
export interface GitHub
  extends Runners, RunnerList, RegistrationTokens, Jobs, RunOrigins, Deliveries, Runs, RunJobs, Reruns {
  /** What each credential may still do; for metrics. */
  limits(): readonly LimitState[];
}

export interface GitHubOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` for GHES. */
  readonly apiUrl: string;
  readonly credentialFor: CredentialFor;
  /** The App whose own webhook is looked at. */
  readonly hookApp?: AppCredential | undefined;
  readonly log: Logger;
  /** Berth's version, for the user agent. */
  readonly version?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** For one HTTP call, in milliseconds. */
  readonly timeoutMs?: number;
  /** With whom the limits are shared; default: with nobody. */
  readonly shareLimits?: ShareLimits;
}

const CALL_TIMEOUT_MS = 10_000;

/** No call leaves before the first question. */
export function createGitHub(options: GitHubOptions): GitHub {
  const { apiUrl, credentialFor, log, version = 'dev', clock = systemClock, timeoutMs = CALL_TIMEOUT_MS } = options;
  const http = createHttp({ apiUrl, version, timeoutMs, log, fetch: options.fetch });
  const sessions = createSessions({ credentialFor, http, clock, log, shareLimits: options.shareLimits });
  const deps = { sessions, clock, log };
  const runs = createRuns(deps);
  return {
    ...createRunners(deps),
    ...createRegistrationTokens(deps),
    ...createJobs(deps),
    ...createRunOrigins(deps),
    ...createDeliveries({ sessions, hookApp: options.hookApp }),
    ...runs,
    ...createRunnerList(sessions),
    ...createRunJobs({ ...deps, runs }),
    ...createReruns(deps),
    limits: () => sessions.limits(),
  };
}
