/** The secret that lets a runner in: opened here, handed to its guest, and kept out of what is said when that fails. */

import type { SealedSecret, StartRunnerInput } from '../activities/contracts.js';
import { open, SealStale } from '../secrets/seal.js';
import type { KeyPair } from '../secrets/seal.js';
import { AgentFailure, messageOf } from './failure.js';
import { INSTALL_FAILED, REGISTER_FAILED } from './guest-files.js';
import type { RunnerSecret } from './guest-files.js';

/**
 * @throws AgentFailure `SealStale` with the agent's present key in its details; `RunnerStartFailed` when it cannot be
 * opened for another reason
 */
export async function opened(keyPair: KeyPair, sealed: SealedSecret, runner: string): Promise<string> {
  try {
    return await open(keyPair, sealed, runner);
  } catch (err) {
    if (err instanceof SealStale) throw new AgentFailure('SealStale', err.message, { details: [err.current] });
    throw new AgentFailure('RunnerStartFailed', messageOf(err));
  }
}

export function secretOf(plaintext: string, byToken: StartRunnerInput['byToken']): RunnerSecret {
  if (byToken === null || byToken === undefined) return { kind: 'jit', jitConfig: plaintext };
  const { url, labels, runnerGroup } = byToken;
  return { kind: 'token', token: plaintext, url, labels, runnerGroup };
}

/** What `berth-guest.bash start` ended with, in words and without the secret. */
export function startFailure(
  runner: string,
  { exitCode, stderrTail }: { readonly exitCode: number; readonly stderrTail: string },
  secret: string,
): AgentFailure {
  // First the secret, then the length: a part of a secret would not be found any more.
  const hidden = secret === '' ? stderrTail : stderrTail.replaceAll(secret, '[secret]');
  const said = hidden.trim().slice(-1_000) || 'it said nothing';
  const [type, what] = meaningOf(exitCode);
  return new AgentFailure(type, `${what} in the guest of VM ${runner} (exit code ${exitCode}): ${said}`);
}

function meaningOf(exitCode: number): readonly ['InstallFailed' | 'RegisterFailed' | 'RunnerStartFailed', string] {
  switch (exitCode) {
    case INSTALL_FAILED:
      return ['InstallFailed', 'install-runner.bash failed'];
    case REGISTER_FAILED:
      return ['RegisterFailed', 'register-runner.bash failed'];
    default:
      return ['RunnerStartFailed', 'the runner could not be started'];
  }
}
