/** What a guest's own files say of its runner and job, asked by a command in the guest. */

import type { GuestState } from '../activities/contracts.js';
import type { Provider } from '../providers/provider.js';
import { AgentFailure } from './failure.js';
import { GUEST_STATE } from './guest-files.js';
import { NOTHING_YET, parseGuestState } from './guest-state.js';
import type { Library } from './library.js';

const ASK_MS = 20_000;

/**
 * @throws AgentFailure `VmGone` when the VM does not run; `BadOutput` when the guest's answer is none
 * @throws ProviderError when the guest could not be asked
 */
export type AskGuest = (runner: string, signal?: AbortSignal) => Promise<GuestState>;

export function createGuestQuestion(provider: Provider, library: Library): AskGuest {
  return async (runner, signal) => {
    // `anka run` starts a VM that doesn't run, and an empty guest would answer.
    const why = await library.whyNotRunning(runner);
    if (why !== undefined) throw new AgentFailure('VmGone', `VM ${runner} does not run any more: ${why}`);
    let state: GuestState | undefined;
    const onLine = (line: string): void => {
      state = parseGuestState(line) ?? state;
    };
    const options = { timeoutMs: ASK_MS, onLine, ...(signal && { signal }) };
    const { exitCode } = await provider.run(runner, GUEST_STATE, options);
    // The program is not there yet: nothing has been started.
    if (exitCode === 127) return NOTHING_YET;
    if (state === undefined)
      throw new AgentFailure(
        'BadOutput',
        `the guest of VM ${runner} did not say how its runner is (exit code ${exitCode})`,
      );
    return state;
  };
}
