/** The configuration as the rest of Berth sees it: checked, complete, frozen. Durations are milliseconds. */

import type { PoolRule } from '../jobs/pools.js';
import type { Intake } from '../jobs/intake.js';
import type { Policy } from '../jobs/policy.js';
import type { PhaseLimits } from '../jobs/phases.js';
import type { Scope } from '../jobs/scope.js';
import type { SweepPart } from '../jobs/sweeps.js';
import type { Secret } from './secret.js';

/** What Berth authenticates to GitHub with: a personal access token, or a GitHub App. */
export type Credential =
  | { readonly kind: 'token'; readonly token: Secret }
  | {
      readonly kind: 'app';
      readonly appId: number;
      /** Null: looked up by owner. */
      readonly installationId: number | null;
      /** PEM text. */
      readonly privateKey: Secret;
    };

/** One `plugin: github` entry: the right to run one VM. */
export interface SlotConfig {
  readonly name: string;
  readonly scope: Scope;
  /** The entry's own credential; the global ones are used where it is absent. */
  readonly credential?: Credential;
  /** Only in entries of an enterprise, which may have both: a token for the enterprise, an App for its organisations. */
  readonly organisationCredential?: Credential;
  readonly registryUrl: string | null;
  readonly skipPull: boolean;
  readonly runnerGroup: string | null;
  readonly registrationTimeoutMs: number;
  /** Breaks ties between slots: the lower one first. Any unit. */
  readonly sleepInterval: number;
  readonly retryAttempts: number;
  /** Percent of the disk that must stay free. */
  readonly templateDiskBuffer: number;
  readonly skipResourceChecks: boolean;
  /** `host_path[:guest_folder_name]`, absolute, the global ones first. */
  readonly mounts: readonly string[];
}

/** The `plugin: github_receiver` entry. */
export interface ReceiverConfig {
  readonly name: string;
  /** 0: any free port. */
  readonly port: number;
  readonly secret: Secret;
  /** `app`: the GitHub App's own webhook. */
  readonly hookId: number | 'app' | null;
  /** Where the hook is, for redelivery; null when the entry doesn't say. */
  readonly scope: Scope | null;
  readonly credential?: Credential;
  readonly redeliverHours: number;
  readonly skipRedeliver: boolean;
}

export interface TemporalConfig {
  /** `host:port` */
  readonly address: string;
  readonly namespace: string;
  readonly apiKey: Secret | null;
  /** False: a plain connection. */
  readonly tls: false | TlsConfig;
  /** Null: payloads are written in clear. */
  readonly codec: CodecConfig | null;
}

/** Encryption of payloads. */
export interface CodecConfig {
  /** The id of the key that encrypts; all of them decrypt. */
  readonly currentId: string;
  /** `file` holds 32 bytes in base64. */
  readonly keys: readonly { readonly id: string; readonly file: string }[];
}

/** All absent: TLS with the system's authorities and no client certificate. */
export interface TlsConfig {
  readonly serverName?: string;
  /** Paths of PEM files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface GitHubConfig {
  /** Without a slash at the end. */
  readonly apiUrl: string;
  readonly webUrl: string;
  /** `github.com`, or a GHES name: part of workflow ids. */
  readonly webHost: string;
}

export interface MetricsConfig {
  readonly aggregator: boolean;
  /** Null: 8080, or the next free port. */
  readonly port: number | null;
  readonly sleepIntervalMs: number;
}

/** Redis, for the metrics aggregator only. */
export interface DatabaseConfig {
  readonly url: string;
  readonly port: number;
  readonly user: string | null;
  readonly password: Secret | null;
  readonly database: number;
  readonly clusterMode: boolean;
  readonly tls: boolean;
  /** TLS without checking the certificate. */
  readonly tlsInsecure: boolean;
}

export interface Config {
  /** Where it was read from. */
  readonly file: string;
  readonly hostName: string;
  /** What VMs may have together there; null: on a Mac what it has, elsewhere no limit. */
  readonly hostResources: { readonly cpus: number | null; readonly memoryBytes: number | null };
  /** What not every host has: a job with such a label goes to a host with it only. As written, each once. */
  readonly hostLabels: readonly string[];
  readonly pool: string;
  /** Jobs of other pools; the first one that fits decides. */
  readonly poolRules: readonly PoolRule[];
  readonly namePrefix: string;
  readonly stateDir: string;
  /** While one of these is there, the host takes no jobs. */
  readonly drainFiles: readonly string[];
  readonly onStop: 'stop' | 'drain';
  readonly drainDeadlineMs: number;
  readonly pidFileDir: string | null;
  readonly pluginsPath: string;
  readonly temporal: TemporalConfig;
  readonly github: GitHubConfig;
  readonly runnerRegistration: 'jit' | 'token';
  /** What happens on GitHub to a job that can never run. */
  readonly onUnrunnable: 'cancel-run' | 'leave';
  /** What happens on GitHub to a job that was lost with its host or VM. */
  readonly onInfraLost: 'nothing' | 'rerun-once';
  /** How long each phase of a VM may last on this host. */
  readonly phaseLimits: PhaseLimits;
  /** How long a job waits for a host that is large enough before it is given up (milliseconds). */
  readonly unplaceableAfterMs: number;
  readonly intake: Intake;
  readonly forkPullRequests: 'allow' | 'refuse';
  /** How jobs are heard of. */
  readonly jobSource: 'webhook' | 'poll' | 'both';
  readonly pollIntervalMs: number;
  /** Between two sweeps of each part; null: never. */
  readonly sweep: Readonly<Record<SweepPart, number | null>>;
  readonly placement: Policy;
  readonly receiver: ReceiverConfig | null;
  readonly slots: readonly SlotConfig[];
  /** Pulled when the host starts. */
  readonly templates: readonly { readonly template: string; readonly tag: string }[];
  readonly globalCredential?: Credential;
  readonly metrics: MetricsConfig;
  readonly database: DatabaseConfig | null;
  readonly log: { readonly fileDir: string | null };
}
