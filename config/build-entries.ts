import type { Scope } from '../jobs/scope.js';
import type { CredentialReader } from './credentials.js';
import type { Findings } from './findings.js';
import { absolutePath } from './home.js';
import type { Path } from './problems.js';
import type { Entry, Root } from './schema.js';
import { Secret } from './secret.js';
import type { Credential, ReceiverConfig, SlotConfig } from './types.js';

/** anklet's 80 s checked once was 78 s in practice; a runner that is up gets its job within seconds or not at all. */
const REGISTRATION_TIMEOUT_SECONDS = 60;

/** Entries whose schema is satisfied, with their place in the file. */
export interface LocatedEntry {
  readonly entry: Entry;
  readonly path: Path;
}

export interface EntryContext {
  readonly home: string;
  readonly root: Root;
  readonly findings: Findings;
  readonly credentials: CredentialReader;
}

/** The slot of a `github` entry; undefined when it cannot be one, and then its problems have been reported. */
export function buildSlot({ entry, path }: LocatedEntry, context: EntryContext): SlotConfig | undefined {
  const { root } = context;
  const scope = scopeOf(entry, path, context.findings);
  const credentials = credentialsOf(entry, path, context);
  if (scope === null) {
    context.findings.problem([...path, 'owner'], '`owner`, `owner` with `repo`, or `enterprise`', 'none of them');
  }
  if (!scope) return undefined;
  warnOfRegistration(entry, scope, path, context.findings);
  return {
    name: entry.name,
    scope,
    ...credentials,
    registryUrl: entry.registry_url ?? null,
    skipPull: entry.skip_pull ?? false,
    runnerGroup: entry.runner_group ?? null,
    registrationTimeoutMs: (entry.registration_timeout_seconds || REGISTRATION_TIMEOUT_SECONDS) * 1000,
    sleepInterval: entry.sleep_interval ?? 0,
    retryAttempts: entry.job_retry_attempts || 5,
    templateDiskBuffer: entry.template_disk_buffer ?? root.global_template_disk_buffer ?? 10,
    skipResourceChecks:
      (root.global_skip_cpu_and_memory_resource_checks ?? false) ||
      (entry.skip_cpu_and_memory_resource_checks ?? false),
    mounts: mountsOf(entry, context),
  };
}

function mountsOf(entry: Entry, { root, home }: EntryContext): readonly string[] {
  const all = [...(root.global_host_to_guest_folder_mounts ?? []), ...(entry.host_to_guest_folder_mounts ?? [])];
  const absolute = all.map((mount) => {
    const [path = '', ...guest] = mount.split(':');
    return [absolutePath(path, home), ...guest].join(':');
  });
  return [...new Set(absolute)];
}

/** The receiver of a `github_receiver` entry; undefined when it cannot be one. */
export function buildReceiver({ entry, path }: LocatedEntry, context: EntryContext): ReceiverConfig | undefined {
  const { root, findings } = context;
  const scope = scopeOf(entry, path, findings);
  const credentials = credentialsOf(entry, path, context);
  const secret = root.global_receiver_secret ?? entry.secret;
  if (secret === undefined) findings.problem([...path, 'secret'], '`secret`, or `global_receiver_secret`', 'neither');
  if (entry.port === undefined) findings.problem([...path, 'port'], 'the port for webhooks', 'nothing');
  warnOfHook(entry, scope, path, findings);
  if (scope === undefined || secret === undefined || entry.port === undefined) return undefined;
  return {
    name: entry.name,
    port: entry.port,
    secret: new Secret(secret),
    hookId: entry.hook_id || null,
    scope,
    ...credentials,
    redeliverHours: entry.redeliver_hours || 24,
    skipRedeliver: entry.skip_redeliver ?? false,
  };
}

/** Webhooks whose deliveries cannot be looked at. */
function warnOfHook(entry: Entry, scope: Scope | null | undefined, path: Path, findings: Findings): void {
  if (typeof entry.hook_id !== 'number' || entry.hook_id === 0) return;
  if (scope === undefined || scope?.kind === 'org' || scope?.kind === 'repo') return;
  const why =
    scope === null
      ? '`owner`, or `owner` and `repo`, must say where the webhook is'
      : "GitHub does not show the deliveries of an enterprise's webhook";
  findings.warn('hook_id', [...path, 'hook_id'], `hook_id: nothing is redelivered: ${why}`);
}

/** Null: the entry names none. Undefined: it names one that cannot be. */
function scopeOf(entry: Entry, path: Path, findings: Findings): Scope | null | undefined {
  const { owner, repo, enterprise } = entry;
  if (enterprise !== undefined && (owner !== undefined || repo !== undefined)) {
    findings.problem([...path, 'enterprise'], 'either `enterprise`, or `owner` with or without `repo`', 'both');
    return undefined;
  }
  if (repo !== undefined && owner === undefined) {
    findings.problem([...path, 'owner'], '`owner` with `repo`', 'only `repo`');
    return undefined;
  }
  if (enterprise !== undefined) return { kind: 'enterprise', enterprise };
  if (owner === undefined) return null;
  return repo === undefined ? { kind: 'org', owner } : { kind: 'repo', owner, repo };
}

/** An App has higher limits than a token; on an enterprise's own runners only a token has rights. */
function credentialsOf(
  entry: Entry,
  path: Path,
  { credentials }: EntryContext,
): { credential?: Credential; organisationCredential?: Credential } {
  const { app, token } = credentials.ofEntry(entry, path);
  const isEnterprise = entry.enterprise !== undefined;
  const credential = isEnterprise ? (token ?? app) : (app ?? token);
  return {
    ...(credential && { credential }),
    ...(isEnterprise && app && token && { organisationCredential: app }),
  };
}

function warnOfRegistration(entry: Entry, scope: Scope, path: Path, findings: Findings): void {
  if (entry.registration === undefined || entry.registration === scope.kind) return;
  const what = { repo: 'the repository', org: 'the organisation', enterprise: 'the enterprise' }[scope.kind];
  const message = `registration: ${entry.registration} is not followed: by \`owner\`, \`repo\` and \`enterprise\` it is ${what}`;
  findings.warn(`registration ${entry.name}`, [...path, 'registration'], message);
}
