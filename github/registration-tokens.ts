/** Registration tokens, with which `config.sh` registers a runner by itself. */

import { scopeText } from '../jobs/names.js';
import type { Scope } from '../jobs/scope.js';
import { parseAnswer, registrationTokenSchema } from './answers.js';
import type { Clock } from './clock.js';
import { runnerRight } from './rights.js';
import { scopePath } from './scope-path.js';
import type { Sessions } from './sessions.js';
import { createPlaces } from './spacing.js';

export interface RegistrationToken {
  /** A secret: lets any number of runners in, for an hour. */
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

export interface TokenToCreate {
  readonly scope: Scope;
  /** It was sent away before, because too many were being made. */
  readonly hasWaited?: boolean | undefined;
}

export interface RegistrationTokens {
  /**
   * A new token for each call: none is kept (docs/decisions/0012-registration-tokens.md).
   * @throws GitHubError `GitHubUnavailable`, `GitHubRefused`, `GitHubNoCredential`; nothing was made, so it may be repeated
   */
  createRegistrationToken(input: TokenToCreate): Promise<RegistrationToken>;
}

export function createRegistrationTokens(deps: {
  readonly sessions: Sessions;
  readonly clock: Clock;
}): RegistrationTokens {
  const waitForPlace = createPlaces(deps.clock);
  return {
    createRegistrationToken: async ({ scope, hasWaited }) => {
      const session = await deps.sessions.forScope(scope);
      await waitForPlace(session, hasWaited === true);
      const { template, params } = scopePath(scope);
      const route = `POST ${template}/actions/runners/registration-token`;
      const what = `get a registration token for ${scopeText(scope)}`;
      const answer = await session.call({ route, params, what, right: runnerRight(scope), purpose: 'registration' });
      const { token, expires_at: expiresAt } = parseAnswer(registrationTokenSchema, answer, what);
      return { token, expiresAt: Date.parse(expiresAt) };
    },
  };
}
