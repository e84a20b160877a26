/** Failures that no other job on this host would escape: told in the report, so that no more jobs come for a while. */

import type { VmRef } from '../activities/contracts.js';
import { remedyFor } from '../jobs/failures.js';
import type { FailureType } from '../jobs/failures.js';
import { failureType, messageOf } from './failure.js';
import type { Held, Holds } from './holds.js';
import type { Library } from './library.js';
import { NEEDS_REBOOT } from './report.js';
import type { Reporter } from './report.js';
import type { VmSteps } from './vm-steps.js';

export interface ProblemDeps {
  readonly library: Library;
  readonly holds: Holds;
  readonly reporter: Reporter;
}

/** The same steps; a failure of the host itself is noted on its way out. */
export function noteProblems(steps: VmSteps, deps: ProblemDeps): VmSteps {
  const refused = new WeakSet<Held>();
  const noting =
    <In extends VmRef, Context, Out>(step: (input: In, context: Context) => Promise<Out>) =>
    async (input: In, context: Context): Promise<Out> => {
      try {
        return await step(input, context);
      } catch (err) {
        const type = failureType(err);
        const held = deps.holds.find(input.runner);
        if (type === 'VmLimit' && held !== undefined) refused.add(held);
        const problem = await problemOf(type, messageOf(err), { ...deps, refused });
        if (problem !== undefined) deps.reporter.noteProblem(problem.kind, problem.text);
        throw err;
      }
    };
  return {
    ensureTemplate: noting(steps.ensureTemplate),
    cloneVm: noting(steps.cloneVm),
    startVm: noting(steps.startVm),
    startRunner: noting(steps.startRunner),
    askGuest: noting(steps.askGuest),
  };
}

async function problemOf(
  type: FailureType | undefined,
  message: string,
  deps: RefusalDeps,
): Promise<{ readonly kind: string; readonly text: string } | undefined> {
  if (type !== undefined && remedyFor(type) === 'host-broken') return { kind: type, text: message };
  if (type !== 'VmLimit' || !(await isAlone(deps))) return undefined;
  // macOS counts VMs that have ended, now and then, until it is rebooted (tart#1217, #445).
  return { kind: NEEDS_REBOOT, text: `needs a reboot: macOS counts VMs that are gone (${message})` };
}

interface RefusalDeps extends ProblemDeps {
  /** Holds whose VM macOS refused to start. */
  readonly refused: WeakSet<Held>;
}

/**
 * No VM runs, and none is about to but such as were refused, too: of two jobs that try at once the later one tells.
 * Looked at now, for somebody may have started one since the last look.
 */
async function isAlone({ library, holds, refused }: RefusalDeps): Promise<boolean> {
  if (holds.all().some((held) => !refused.has(held))) return false;
  const now = await library.read(0).catch(() => undefined);
  return now !== undefined && now.every(({ status }) => status !== 'running');
}
