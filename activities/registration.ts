/** The two ways in which a runner is registered: by a JIT config, or by a token that its guest uses. */

import { ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import type { GitHub } from '../github/github.js';
import { scopeWebUrl } from '../github/scope-path.js';
import { labelArgument } from '../jobs/labels.js';
import type { GitHubActivities, PublicKey, RegisterInput, Registered, SealedSecret } from './contracts.js';

export type RegisterBy =
  | { readonly kind: 'jit' }
  /** `webUrl`: GitHub's web address, such as `https://github.com`. */
  | { readonly kind: 'token'; readonly webUrl: string };

/** Whether Temporal may repeat a call whose outcome is not known. */
export type Repeat = 'may-repeat' | 'one-try';

export interface Registration {
  readonly repeat: Repeat;
  readonly register: GitHubActivities['registerRunner'];
}

interface Deps {
  readonly github: GitHub;
  readonly seal: (to: PublicKey, plaintext: string, context: string) => Promise<SealedSecret>;
  readonly log: Logger;
  /** Whether nobody waits for this registration any more. */
  readonly isForgotten: () => boolean;
}

export function createRegistration(deps: Deps, by: RegisterBy): Registration {
  if (by.kind === 'jit') return { repeat: 'one-try', register: (input) => byJitConfig(deps, input) };
  // A token that nobody got does nothing.
  return { repeat: 'may-repeat', register: (input) => byToken(deps, input, by.webUrl) };
}

async function byJitConfig(deps: Deps, input: RegisterInput): Promise<Registered> {
  const { sealTo, ...wanted } = input;
  const { scope, runner } = wanted;
  const { runnerId, encodedJitConfig } = await deps.github.createJitConfig(wanted);
  if (deps.isForgotten()) throw await takenBack(deps, input, runnerId);
  const sealed = await sealedTo(deps, sealTo, encodedJitConfig, runner).catch(async (error: unknown) => {
    await deps.github.removeRunner({ scope, runner, runnerId }).catch(() => undefined);
    throw error;
  });
  deps.log.info({ runner, runnerId }, 'runner registered');
  return { runnerId, sealed, byToken: null };
}

async function takenBack({ github, log }: Deps, { scope, runner }: RegisterInput, runnerId: number) {
  const result = await github.removeRunner({ scope, runner, runnerId });
  log.warn({ runner, runnerId, result }, 'runner taken back, nobody waits for it');
  const message = `The workflow of ${runner} was terminated while GitHub registered it: it was removed again.`;
  return ApplicationFailure.create({ type: 'VmGone', message, nonRetryable: true });
}

async function byToken(deps: Deps, input: RegisterInput, webUrl: string): Promise<Registered> {
  const { scope, runner, runnerGroup, sealTo } = input;
  const labels = labelArgument(input.labels);
  if (labels === undefined) throw labelWithComma();
  const { token, expiresAt } = await deps.github.createRegistrationToken({ scope, hasWaited: input.hasWaited });
  const sealed = await sealedTo(deps, sealTo, token, runner);
  deps.log.info({ runner }, 'registration token made');
  const url = scopeWebUrl(webUrl, scope);
  // A repository has no groups: its runners are refused when they name one.
  const group = scope.kind === 'repo' ? null : runnerGroup;
  return { runnerId: null, sealed, byToken: { url, labels, runnerGroup: group, expiresAt } };
}

async function sealedTo({ seal, log }: Deps, to: PublicKey, secret: string, runner: string): Promise<SealedSecret> {
  try {
    return await seal(to, secret, runner);
  } catch {
    // Without the cause: it may hold what should have been sealed.
    log.error({ runner, keyId: to.keyId }, 'secret not sealed');
    throw ApplicationFailure.create({
      type: 'HostBroken',
      message: `The secret of ${runner} could not be encrypted to its host: the host's key is not usable. Restart its agent.`,
      nonRetryable: true,
    });
  }
}

const labelWithComma = (): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'BadJob',
    message:
      'one of its labels contains a comma, which a runner cannot be given when it is registered by a token. ' +
      'Change the label, or set `runner_registration: jit` for the orchestrator.',
    nonRetryable: true,
  });
