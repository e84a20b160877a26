/** How a simulated GitHub is set up. Everything has a default that suits a test: `createGitHubSimulator({})` works. */

import type { Logger } from 'pino';
import type { AssignmentOptions } from './assignment.js';
import type { NastyOptions } from './nasty.js';

export interface OwnerOptions {
  readonly login: string;
  /** `Organization` unless given. */
  readonly type?: 'Organization' | 'User';
  /** Only these repositories exist; any repository when not given. */
  readonly repos?: readonly string[];
  /** Public repositories need a runner group that allows them; all others are private. */
  readonly publicRepos?: readonly string[];
  /** The enterprise it belongs to. */
  readonly enterprise?: string;
}

export interface GroupOptions {
  /** Above 2: 1 is `Default`, 2 is GitHub's own hosted group. */
  readonly id: number;
  readonly name: string;
  readonly owner?: string;
  readonly enterprise?: string;
  /** The repositories (`name` or `owner/name`) it admits; all when not given. */
  readonly repos?: readonly string[];
  readonly allowsPublic?: boolean;
}

export interface PatOptions {
  readonly token: string;
  readonly login?: string;
  /** The owners it can see; all when not given. Others are 404 for it. */
  readonly owners?: readonly string[];
  /** False: calls that need admin rights are 403. */
  readonly admin?: boolean;
}

export type Permissions = Readonly<Record<string, 'read' | 'write'>>;

export interface InstallationOptions {
  readonly id: number;
  readonly owner: string;
  /** All that runners, jobs and hooks need when not given. */
  readonly permissions?: Permissions;
}

export interface AppOptions {
  readonly id: number;
  readonly clientId?: string;
  readonly slug?: string;
  /** PEM of the App's public key: its JWTs are verified with it. */
  readonly publicKey: string;
  readonly installations: readonly InstallationOptions[];
}

export interface HookOptions {
  readonly id?: number;
  readonly url: string;
  /** Without it deliveries are not signed. */
  readonly secret?: string;
  /** `X-GitHub-Hook-Installation-Target-Type`. */
  readonly kind: 'repository' | 'organization' | 'business' | 'integration';
  /** Needed for `repository` and `organization`. */
  readonly owner?: string;
  readonly repo?: string;
  readonly enterprise?: string;
  readonly appId?: number;
  readonly contentType?: 'json' | 'form';
}

/** What GitHub's answers get wrong for a while; each in ms, 0 for never. Settable at run time. */
export interface ReadLags {
  /** `GET job` and `GET run` show what was true this long ago (terraform-aws-github-runner#4262). */
  readonly staleMs: number;
  /** A runner that took a job reads `busy: false` this long, and DELETE removes it (actions/runner#4422). */
  readonly busyMs: number;
  /** A new runner is missing from lists this long. */
  readonly listMs: number;
}

export interface GitHubSimulatorOptions {
  readonly owners?: readonly OwnerOptions[];
  readonly groups?: readonly GroupOptions[];
  readonly pats?: readonly PatOptions[];
  readonly apps?: readonly AppOptions[];
  readonly hooks?: readonly HookOptions[];
  readonly nasty?: NastyOptions;
  readonly assignment?: AssignmentOptions;
  readonly reads?: Partial<ReadLags>;
  /** A runner that does not call this long is offline and its job fails; 10 s, times `timeScale`. */
  readonly lostAfterMs?: number;
  /** A job given to a runner but not started this long is queued again; 60 s (GitHub docs), times `timeScale`. */
  readonly ackMs?: number;
  /** A running job that was cancelled ends after this, whether its runner obeys or not; 5 min, times `timeScale`. */
  readonly cancelGraceMs?: number;
  /** How long a receiver may take to answer; 10 s (GitHub docs; GHES 30 s), times `timeScale`. */
  readonly deliveryTimeoutMs?: number;
  readonly timeScale?: number;
  /** How long deliveries can be listed and repeated; 3 days (GitHub docs; GHES 7). Not scaled. */
  readonly deliveryWindowMs?: number;
  /** Life of an installation token; 1 h. Not scaled. */
  readonly installationTokenMs?: number;
  /** Life of a registration or remove token; 1 h. Not scaled. */
  readonly runnerTokenMs?: number;
  /** Calls an hour for each credential; 5,000. */
  readonly rateLimit?: number;
  /** Secondary limits, off unless given. GitHub's: 900 points a minute for one endpoint (POST 5, GET 1), 100 at once. */
  readonly secondary?: { readonly pointsPerMinute?: number; readonly concurrent?: number };
  /** The first job's id less one. Give another for each process when they share an orchestrator's state. */
  readonly idBase?: number;
  readonly log?: Logger;
}

export const DEFAULT_TOKEN = 'ghp_simulated';
export const DEFAULT_OWNER = 'acme';

const DEFAULT_ID_BASE = 40_000_000_000;

const DEFAULT_READS: ReadLags = { staleMs: 0, busyMs: 0, listMs: 0 };

/** Options with every default filled in and times scaled. */
export interface Settings {
  readonly owners: readonly OwnerOptions[];
  readonly groups: readonly GroupOptions[];
  readonly pats: readonly PatOptions[];
  readonly apps: readonly AppOptions[];
  readonly reads: ReadLags;
  readonly lostAfterMs: number;
  readonly ackMs: number;
  readonly cancelGraceMs: number;
  readonly deliveryTimeoutMs: number;
  readonly deliveryWindowMs: number;
  readonly installationTokenMs: number;
  readonly runnerTokenMs: number;
  readonly rateLimit: number;
  readonly pointsPerMinute: number | null;
  readonly concurrent: number | null;
  readonly idBase: number;
}

export function settingsOf(options: GitHubSimulatorOptions): Settings {
  const scale = options.timeScale ?? 1;
  return {
    owners: options.owners ?? [{ login: DEFAULT_OWNER }],
    groups: options.groups ?? [],
    pats: options.pats ?? [{ token: DEFAULT_TOKEN, login: 'octocat' }],
    apps: options.apps ?? [],
    reads: { ...DEFAULT_READS, ...options.reads },
    lostAfterMs: (options.lostAfterMs ?? 10_000) * scale,
    ackMs: (options.ackMs ?? 60_000) * scale,
    cancelGraceMs: (options.cancelGraceMs ?? 300_000) * scale,
    deliveryTimeoutMs: (options.deliveryTimeoutMs ?? 10_000) * scale,
    deliveryWindowMs: options.deliveryWindowMs ?? 3 * 86_400_000,
    installationTokenMs: options.installationTokenMs ?? 3_600_000,
    runnerTokenMs: options.runnerTokenMs ?? 3_600_000,
    rateLimit: options.rateLimit ?? 5_000,
    pointsPerMinute: options.secondary?.pointsPerMinute ?? null,
    concurrent: options.secondary?.concurrent ?? null,
    idBase: options.idBase ?? DEFAULT_ID_BASE,
  };
}
