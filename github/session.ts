/** Calls to GitHub with one credential: its authorization, its gate, and the meaning of its answers. */

import type { LimitPause } from '../jobs/limits.js';
import type { Clock } from './clock.js';
import type { KeptAnswers } from './conditional.js';
import { GitHubError, GitHubRateLimited, safeText } from './errors.js';
import type { Gate } from './gate.js';
import type { HttpAnswer, HttpCall } from './http.js';
import type { Purpose } from './purpose.js';
import type { SharedCredential } from './sharing.js';

/** A call, with what an operator must know when it fails. */
export interface GitHubCall {
  /** Method and URL template, such as `GET /repos/{owner}/{repo}/actions/jobs/{job_id}`. */
  readonly route: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What it is for: `register a runner for acme/ios`. */
  readonly what: string;
  /** The right it needs, for the message when GitHub refuses. */
  readonly right: string;
  /** Statuses other than 2xx that the caller understands. */
  readonly accept?: readonly number[];
  /** What it is for: when few calls are left, the least important ones stop first. Default: `lookup`. */
  readonly purpose?: Purpose;
  /**
   * For a GET that is made again and again: what did not change costs nothing of the hour's limit, and the answer says
   * `unchanged`. Its answers are kept in memory, so not for what is asked once.
   */
  readonly conditional?: boolean;
}

export interface Authorization {
  /** The header's value. */
  readonly header: string;
  /** What must not appear in any message. */
  readonly secret: string;
  /** Made for this call, rather than kept from an earlier one. */
  readonly fresh: boolean;
}

/** Where the authorization comes from: fixed for a token, renewed for an App. */
export interface Authorizer {
  readonly get: () => Promise<Authorization>;
  /** GitHub answered 401: forget what was kept. Absent where there is nothing to renew. */
  readonly forget?: () => void;
}

export interface Session {
  /** As in logs and errors: `token 1f00aa21`, `app 12 installation 34`. */
  readonly credential: string;
  readonly gate: Gate;
  readonly shared: SharedCredential;
  /** Gets the authorization ready, so that a call that must not be repeated fails of nothing but itself. */
  prepare(): Promise<void>;
  /**
   * Makes the call once (after a 401 to an App's token once more: GitHub did nothing).
   * @throws GitHubRateLimited when the limits do not allow it now; nothing was done
   * @throws GitHubError `GitHubRefused` for 4xx outside `accept`, `GitHubUnavailable` for 5xx and no answer
   */
  call(call: GitHubCall): Promise<HttpAnswer>;
}

export interface SessionOptions {
  readonly credential: string;
  readonly authorizer: Authorizer;
  readonly gate: Gate;
  readonly shared: SharedCredential;
  readonly http: HttpCall;
  readonly clock: Clock;
  readonly answers: KeptAnswers;
}

/** A new installation token may be unknown to some of GitHub's servers for a moment (octokit/auth-app.js, README). */
const NEW_TOKEN_PAUSE_MS = 1_000;

const DEFAULT_PURPOSE: Purpose = 'lookup';

export function createSession(options: SessionOptions): Session {
  const { credential, authorizer, gate, shared, http, clock, answers } = options;
  const send = async (call: GitHubCall, by: Authorization): Promise<HttpAnswer> => {
    const known = call.conditional === true ? answers.find(credential, call) : undefined;
    const passage = gate.enter(call.purpose ?? DEFAULT_PURPOSE);
    try {
      const answer = await http(call.route, call.params, by.header, known?.etag);
      if (answer.status === null) {
        throw new GitHubError('GitHubUnavailable', `GitHub could not be asked to ${call.what}: ${answer.why}`);
      }
      const pause = passage.note({ ...answer, message: messageOf(answer.data) });
      if (pause !== null) throw limited(call, pause, answer.status);
      if (answer.status === 304 && known !== undefined) return { ...known.answer, unchanged: true };
      if (call.conditional === true) answers.keep(credential, call, answer);
      return answer;
    } finally {
      passage.leave();
    }
  };

  const once = async (call: GitHubCall): Promise<{ readonly answer: HttpAnswer; readonly by: Authorization }> => {
    await shared.ready;
    gate.check(call.purpose ?? DEFAULT_PURPOSE);
    const by = await authorizer.get();
    // Getting the authorization may have taken a while: the gate is asked again.
    return { answer: await send(call, by), by };
  };

  return {
    credential,
    gate,
    shared,
    prepare: async () => {
      await shared.ready;
      gate.check('registration');
      await authorizer.get();
    },
    call: async (call) => {
      let { answer, by } = await once(call);
      if (answer.status === 401 && authorizer.forget !== undefined) {
        if (by.fresh) await clock.sleep(NEW_TOKEN_PAUSE_MS);
        else authorizer.forget();
        ({ answer, by } = await once(call));
        if (answer.status === 401) authorizer.forget();
      }
      if (answer.status < 400 || call.accept?.includes(answer.status) === true) return answer;
      throw failureOf(call, answer, credential, by.secret);
    },
  };
}

function limited(call: GitHubCall, { until, why }: LimitPause, status: number): GitHubRateLimited {
  const when = new Date(until).toISOString();
  return new GitHubRateLimited(
    `GitHub refused to ${call.what} because of its limits; next try at ${when}`,
    until,
    why,
    status,
  );
}

function failureOf(call: GitHubCall, answer: HttpAnswer, credential: string, secret: string): GitHubError {
  const { status } = answer;
  const words = safeText(messageOf(answer.data), [secret]);
  if (status >= 500) {
    return new GitHubError('GitHubUnavailable', `GitHub failed to ${call.what} (${status} ${words})`.trim(), status);
  }
  const said = `GitHub refused to ${call.what} (${[status, words].join(' ').trim()})`;
  return new GitHubError('GitHubRefused', `${said}. ${whatToDo(call, answer, credential)}`, status);
}

function whatToDo(call: GitHubCall, { status, headers }: HttpAnswer, credential: string): string {
  if (status === 401) return `The credential "${credential}" is wrong, expired or revoked: replace it in the config.`;
  if (status !== 403 && status !== 404) return 'Check the settings of this repository or organization on GitHub.';
  // Fine-grained rights that would do, such as `organization_self_hosted_runners=write`.
  const wanted = headers['x-accepted-github-permissions'];
  const exact = wanted !== undefined && /^[\w=,;: ]{1,200}$/.test(wanted) ? ` GitHub names: ${wanted}.` : '';
  return `The credential "${credential}" needs ${call.right}, and access to it must be allowed there.${exact}`;
}

function messageOf(data: unknown): string {
  if (typeof data !== 'object' || data === null || !('message' in data)) return '';
  const errors = 'errors' in data && Array.isArray(data.errors) ? (data.errors as readonly unknown[]) : [];
  const details = errors.map((error) => (typeof error === 'string' ? error : JSON.stringify(error)));
  return [String(data.message), ...details].join('; ');
}
