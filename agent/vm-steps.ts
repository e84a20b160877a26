/** What is done to a VM, step by step. Each step may be asked for twice: after a lost answer, or an agent's restart. */

import type { GuestState, PublicKey, StartRunnerInput, TemplateInput, VmRef } from '../activities/contracts.js';
import { DEFAULT_LIMITS } from '../jobs/phases.js';
import type { PhaseLimits } from '../jobs/phases.js';
import type { KeyPair } from '../secrets/seal.js';
import { createCloning } from './cloning.js';
import type { CloningDeps } from './cloning.js';
import { AgentFailure, failureType } from './failure.js';
import { GUEST_START } from './guest-files.js';
import type { GuestFiles } from './guest-files.js';
import { createGuestQuestion } from './guest-question.js';
import type { Held, Holds } from './holds.js';
import type { Library } from './library.js';
import { mountAll } from './mounts.js';
import { opened, secretOf, startFailure } from './runner-secret.js';
import { withNews } from './step-news.js';
import type { StepNewsDeps } from './step-news.js';
import { orAborted, pause } from './waiting.js';

/** What a step may do besides its work. */
export interface StepContext {
  /** Aborted when the workflow cancels the step or is gone. */
  readonly signal: AbortSignal;
  /** Tells whoever looks at the activity what it does right now. */
  readonly progress: (what: string) => void;
}

export interface StepsDeps extends CloningDeps {
  readonly news: StepNewsDeps;
  readonly library: Library;
  readonly holds: Holds;
  readonly guestFiles: GuestFiles;
  readonly keyPair: KeyPair;
  /** What is mounted in the VMs of a slot: `host_path[:guest_folder]`. */
  readonly mountsOf: (slot: string) => readonly string[];
  /** The runner of this hold is up: follow it. */
  readonly onStarted: (held: Held) => void;
  /** How long the guest may boot, and its runner start; default: `DEFAULT_LIMITS`. */
  readonly limits?: Pick<PhaseLimits, 'guestMs' | 'startRunnerMs'>;
}

export interface VmSteps {
  readonly ensureTemplate: (
    input: TemplateInput,
    context: StepContext,
  ) => Promise<{ readonly tag: string; readonly pulled: boolean }>;
  readonly cloneVm: (input: TemplateInput, context: StepContext) => Promise<void>;
  readonly startVm: (input: VmRef, context: StepContext) => Promise<{ readonly publicKey: PublicKey }>;
  readonly startRunner: (input: StartRunnerInput, context: StepContext) => Promise<void>;
  readonly askGuest: (input: VmRef, context: StepContext) => Promise<GuestState>;
}

/** The hold is asked for at the same time as the first step; after a restart it is there from the start. */
const HOLD_WITHIN_MS = 10_000;

/** Between two attempts to reach a guest that boots; suspended templates answer within a second. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** A VM whose guest is silent this long is looked for: it may have ended while it booted. */
const LOOK_AFTER_MS = 5_000;

export function createVmSteps(deps: StepsDeps): VmSteps {
  const { provider, library, holds, guestFiles, keyPair, log, limits = DEFAULT_LIMITS } = deps;
  const cloning = createCloning(deps);
  const ask = createGuestQuestion(provider, library);
  /** Per VM: the secret its runner was started with. */
  const startedWith = new WeakMap<Held, string>();

  /** Runs one step of a VM that is held, after the steps before it, until it is aborted by either side. */
  async function inVm<T>(
    runner: string,
    { signal }: StepContext,
    work: (held: Held, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const held = await holds.awaited(runner, HOLD_WITHIN_MS, signal);
    const either = AbortSignal.any([signal, held.abort.signal]);
    return held.steps.run(() => {
      either.throwIfAborted();
      return work(held, either);
    }, either);
  }

  /** An earlier attempt may have got through. */
  async function start(runner: string, signal: AbortSignal): Promise<void> {
    try {
      await provider.start(runner, { signal });
    } catch (err) {
      const entry = failureType(err) === 'CommandFailed' ? await entryOf(runner) : undefined;
      if (entry?.status !== 'running') throw err;
      log.info({ runner }, 'vm was running already');
    }
  }

  const entryOf = async (runner: string): Promise<{ readonly status: string } | undefined> =>
    (await library.read(0)).find(({ name }) => name === runner);

  /** The first copy that gets through shows that the guest is up. */
  async function copyWhenUp(
    runner: string,
    file: string,
    signal: AbortSignal,
    progress: (what: string) => void,
  ): Promise<void> {
    const until = performance.now() + limits.guestMs;
    let lookAt = performance.now() + LOOK_AFTER_MS;
    for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
      try {
        return await provider.copyIn(runner, file, { signal });
      } catch (err) {
        const type = failureType(err);
        if (type !== 'GuestUnreachable' && type !== 'CommandTimeout') throw err;
        if (performance.now() + wait > until) {
          throw new AgentFailure(
            'GuestUnreachable',
            `the guest of VM ${runner} did not answer in time: ${String(err)}`,
            { cause: err },
          );
        }
      }
      if (performance.now() > lookAt) {
        const why = await library.whyNotRunning(runner).catch(() => undefined);
        if (why !== undefined) throw new AgentFailure('VmGone', `VM ${runner} ended while its guest started: ${why}`);
        lookAt = performance.now() + LOOK_AFTER_MS;
      }
      progress('waits for the guest to answer');
      await pause(wait, signal);
    }
  }

  async function startRunner(
    held: Held,
    { runner, sealed, byToken }: StartRunnerInput,
    signal: AbortSignal,
  ): Promise<void> {
    // The same secret again: the answer of the first time was lost.
    if (startedWith.get(held) === sealed.ciphertext) return;
    const plaintext = await opened(keyPair, sealed, runner);
    const secret = secretOf(plaintext, byToken);
    await holds.noteStarted(held);
    await guestFiles.withSecret(runner, secret, (file) => provider.copyIn(runner, file, { signal }));
    const result = await provider.run(runner, GUEST_START, { timeoutMs: limits.startRunnerMs, signal });
    if (result.exitCode !== 0) throw startFailure(runner, result, plaintext);
    startedWith.set(held, sealed.ciphertext);
    deps.onStarted(held);
  }

  return {
    ensureTemplate: (input, context) =>
      inVm(input.runner, context, (held, signal) =>
        withNews(deps.news, held.entry().workflowId, context.progress, (progress) =>
          cloning.ensure(held, input, signal, progress),
        ),
      ),
    cloneVm: (input, context) =>
      inVm(input.runner, context, async (held, signal) => {
        await cloning.clone(held, input, signal, context.progress);
        log.info({ runner: input.runner, template: input.template, tag: input.tag }, 'vm cloned');
      }),
    startVm: ({ runner }, context) =>
      inVm(runner, context, async (held, signal) => {
        // The limit of running VMs is kept by this.
        await orAborted(held.confirmed, signal);
        context.progress('starts the VM');
        await start(runner, signal);
        await guestFiles.withProgram(runner, (file) => copyWhenUp(runner, file, signal, context.progress));
        await mountAll(provider, runner, deps.mountsOf(held.entry().slot), signal);
        log.info({ runner }, 'vm started');
        return { publicKey: keyPair.publicKey };
      }),
    startRunner: (input, context) =>
      inVm(input.runner, context, async (held, signal) => {
        context.progress('starts the runner');
        await startRunner(held, input, signal);
        log.info({ runner: input.runner }, 'runner started');
      }),
    askGuest: ({ runner }, context) =>
      // Beside whatever step runs: the question is asked because something takes long.
      holds.awaited(runner, HOLD_WITHIN_MS, context.signal).then((held) => {
        const either = AbortSignal.any([context.signal, held.abort.signal]);
        return orAborted(ask(runner, either), either);
      }),
  };
}
