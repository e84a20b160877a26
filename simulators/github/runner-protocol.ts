/**
 * How a pretend actions-runner inside a VM talks to the simulator: plain HTTP and JSON, so that `curl` is enough.
 * Not GitHub's own protocol, which is undocumented; what a client of GitHub's REST and webhooks can see is the same.
 *
 * The life of an ephemeral runner:
 * 1. credentials: decode the JIT config ({@link decodeJitConfig}), or `POST /_runner/register` with a token;
 * 2. `POST   /_runner/session`                       {@link SessionRequest} → 201 {@link SessionReply}: online;
 * 3. `GET    /_runner/session/{id}/job?waitMs=20000` → 200 {@link JobMessage} | 204 ask again | 404 registration gone;
 *    (the same message is given again until the job is started, so an answer that got lost does no harm)
 * 4. `POST   /_runner/jobs/{jobId}/started`          → 200 {}: the job is `in_progress` | 409 it was cancelled or taken
 *    away in between: go back to 3;
 * 5. `GET    /_runner/jobs/{jobId}/cancelled?waitMs=5000` → 200 {@link CancelledReply}; call it again and again while the
 *    job runs: it is the job's heartbeat as well;
 * 6. `POST   /_runner/jobs/{jobId}/completed`        {@link CompletedRequest} → 200 {@link CompletedReply};
 * 7. `DELETE /_runner/session/{id}`                  → 204: offline. A job still running then ends with `failure`.
 *
 * Every request but `register` and `remove` carries `Authorization: Bearer <secret>`. An empty body counts as `{}`.
 * Errors are `{message}`: 401 unknown secret, 404 the registration (or session) is gone: end the process, 409 as above
 * or "a session exists for this runner" in step 2, 422 a body that is not understood.
 *
 * A runner that does not call for the simulator's `lostAfterMs` (10 s unless set otherwise) is offline, and its job ends
 * with `failure`; a long poll that hangs counts as a call. `waitMs` is capped at {@link MAX_WAIT_MS}.
 */

/** Where all of this is served, below the simulator's own URL (never below `/api/v3`). */
export const RUNNER_PREFIX = '/_runner';

/** The longest a poll is held, in ms. */
export const MAX_WAIT_MS = 55_000;

/** What the decoded `.runner` file says. Values are strings, as in a JIT config of GitHub. */
export interface RunnerFile {
  readonly AgentId: string;
  readonly AgentName: string;
  readonly PoolId: string;
  readonly PoolName: string;
  /** The simulator's URL without a slash at the end: put {@link RUNNER_PREFIX} behind it. */
  readonly ServerUrl: string;
  /** The repository, organisation or enterprise on the web. */
  readonly GitHubUrl: string;
  readonly WorkFolder: string;
  /** `true` for a runner that takes one job and is then deregistered. */
  readonly Ephemeral: 'true' | 'false';
}

/** What the decoded `.credentials` file says. `Data.Secret` is the bearer of every request. */
export interface CredentialsFile {
  readonly Scheme: 'OAuth';
  readonly Data: { readonly ClientId: string; readonly AuthorizationUrl: string; readonly Secret: string };
}

/** What a runner needs to know to talk to the simulator. Holds a secret: not for logs. */
export interface RunnerCredentials {
  readonly serverUrl: string;
  readonly runnerId: number;
  readonly name: string;
  readonly secret: string;
  readonly ephemeral: boolean;
}

/** The three files inside a JIT config, each base64 of JSON. */
interface JitFiles {
  readonly '.runner': string;
  readonly '.credentials': string;
  readonly '.credentials_rsaparams': string;
}

/**
 * `POST /_runner/register`, the call of `config.sh`: 201 {@link RegisterReply}.
 * 401 when the token is unknown or older than an hour; 409 when the name is taken and `replace` is not set; 404 when
 * the runner group is unknown.
 */
export interface RegisterRequest {
  /** From `registration-token`. */
  readonly token: string;
  readonly name: string;
  /** As `--labels`. The default labels (`self-hosted`, os, architecture) are the script's to add. */
  readonly labels: readonly string[];
  readonly ephemeral?: boolean;
  readonly replace?: boolean;
  /** As `--runnergroup`: a group's name; `Default` unless given. */
  readonly runnergroup?: string;
  /** As `--url`: `<any host>/<owner>/<repo>`, `…/<org>` or `…/enterprises/<name>`. Must fit the token's scope. */
  readonly url: string;
}

export interface RegisterReply extends RunnerCredentials {
  /** The same credentials as a JIT config would carry, for scripts that know only that form. */
  readonly encodedJitConfig: string;
}

/** `POST /_runner/remove`, the call of `config.sh remove`: 204; 401 bad token; 404 no such runner; 422 it is busy. */
export interface RemoveRequest {
  /** From `remove-token`. */
  readonly token: string;
  readonly name: string;
}

export interface SessionRequest {
  readonly runnerId: number;
  /** Shown in `snapshot()`, nothing else. */
  readonly version?: string;
  /** `Linux`, `macOS` or `Windows`: what GitHub lists as the runner's `os`; `unknown` until given. */
  readonly os?: string;
}

export interface SessionReply {
  readonly sessionId: string;
  readonly runnerName: string;
}

/** One job for this runner. */
export interface JobMessage {
  readonly jobId: number;
  readonly runId: number;
  readonly runAttempt: number;
  readonly owner: string;
  readonly repo: string;
  readonly name: string;
  /** How long the job pretends to work, in ms; null: until it is told that it has finished. */
  readonly durationMs: number | null;
  /** How it shall end unless it is cancelled. */
  readonly conclusion: 'success' | 'failure';
  /**
   * What the job and the hooks (`ACTIONS_RUNNER_HOOK_JOB_STARTED`, `…_COMPLETED`) find in their environment:
   * `GITHUB_REPOSITORY`, `GITHUB_RUN_ID`, `GITHUB_RUN_ATTEMPT`, `GITHUB_JOB`, `GITHUB_WORKFLOW`, `RUNNER_NAME`.
   */
  readonly env: Readonly<Record<string, string>>;
}

export interface CancelledReply {
  readonly cancelled: boolean;
  /** It has worked long enough: it is to end as it wanted. */
  readonly finished: boolean;
}

export interface CompletedRequest {
  readonly conclusion: 'success' | 'failure' | 'cancelled';
}

export interface CompletedReply {
  /** True when the runner was ephemeral: nothing of it is left on GitHub, so the process ends with code 0. */
  readonly deregistered: boolean;
}

const toBase64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const fromBase64 = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64').toString('utf8'));

/** Packs the three files as GitHub's `encoded_jit_config` does. */
export function encodeJitConfig(runner: RunnerFile, credentials: CredentialsFile, rsaParams: unknown): string {
  const files: JitFiles = {
    '.runner': toBase64(runner),
    '.credentials': toBase64(credentials),
    '.credentials_rsaparams': toBase64(rsaParams),
  };
  return toBase64(files);
}

/** Reads an `encoded_jit_config` of the simulator. Throws when it is not one. */
export function decodeJitConfig(encoded: string): RunnerCredentials {
  const files = fromBase64(encoded) as Partial<JitFiles>;
  if (files['.runner'] === undefined || files['.credentials'] === undefined) {
    throw new Error('not a JIT config: it has no .runner or no .credentials');
  }
  const runner = fromBase64(files['.runner']) as RunnerFile;
  const credentials = fromBase64(files['.credentials']) as CredentialsFile;
  return {
    serverUrl: runner.ServerUrl,
    runnerId: Number(runner.AgentId),
    name: runner.AgentName,
    secret: credentials.Data.Secret,
    ephemeral: runner.Ephemeral === 'true',
  };
}
