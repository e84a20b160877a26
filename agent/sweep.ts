/**
 * Finds what was left: VMs with our prefix whose workflow is over, and holds nobody attends. Decides by Temporal's word
 * alone; while Temporal cannot be asked, nothing is touched. VMs of other names are never looked at. Where a workflow
 * gave its VM up although a job may run in it, the guest is asked, and a VM with a job in it stays until that job ends.
 */

import type { Logger } from 'pino';
import type { VmFinding, VmSweep } from '../activities/contracts.js';
import { isOurRunner, runnerWorkflowId } from '../jobs/names.js';
import type { Destroyer } from './destroyer.js';
import { failureType, messageOf } from './failure.js';
import type { AskGuest } from './guest-question.js';
import type { Holds } from './holds.js';
import type { Library } from './library.js';
import type { Workflows } from './workflows.js';

export interface SweepDeps {
  readonly namePrefix: string;
  readonly library: Library;
  readonly holds: Holds;
  readonly destroyer: Destroyer;
  readonly workflows: Workflows;
  readonly askGuest: AskGuest;
  readonly log: Logger;
}

/** A VM that no hold names must be seen this often before it is destroyed. */
const SIGHTINGS = 2;

/** A guest that may run a job and gives no answer is asked in so many sweeps; its VM is destroyed at the last. */
const SILENCES = 3;

/** By name, what the last look left for the next one to decide. */
export interface SweepNotes {
  readonly sightings: Map<string, number>;
  readonly silences: Map<string, number>;
}

export const newSweepNotes = (): SweepNotes => ({ sightings: new Map(), silences: new Map() });

/**
 * One sweep: one list, one question to Temporal for each VM in doubt. A finding `seen` waits for the next look.
 * @throws when either does not answer
 */
export type Sweep = (options: { readonly dryRun: boolean; readonly notes: SweepNotes }) => Promise<VmSweep>;

interface Suspect {
  readonly runner: string;
  readonly why: string;
  /** Whether no hold names it. */
  readonly isStray: boolean;
  /** Whether a runner may have been started in it, and it runs. */
  readonly mayRunJob: boolean;
}

export function createSweep(deps: SweepDeps): Sweep {
  const { namePrefix, library, holds, destroyer, workflows, askGuest, log } = deps;

  /** A VM that no hold names: made by an agent whose state folder is lost, or by a command that outlived its agent. */
  const strays = (names: readonly string[]): readonly { runner: string; workflowId: string }[] =>
    names
      .filter((name) => isOurRunner(namePrefix, name) && holds.find(name) === undefined)
      .map((runner) => ({ runner, workflowId: runnerWorkflowId(runner) }));

  const unattended = (): readonly { runner: string; workflowId: string; started: boolean }[] =>
    holds
      .all()
      .filter(({ attended }) => attended === 0)
      .map((held) => held.entry());

  async function suspects(): Promise<readonly Suspect[]> {
    const list = await library.read(0);
    const isRunning = (runner: string): boolean =>
      list.some(({ name, status }) => name === runner && status === 'running');
    const found: Suspect[] = [];
    for (const { runner, workflowId, started } of unattended()) {
      const state = await workflows.stateOf(workflowId);
      if (state === 'open') continue;
      const mayRunJob = state === 'left' && started && isRunning(runner);
      found.push({ runner, why: 'its workflow is closed', isStray: false, mayRunJob });
    }
    for (const { runner, workflowId } of strays(list.map(({ name }) => name))) {
      const state = await workflows.stateOf(workflowId);
      if (state === 'open') continue;
      const mayRunJob = state === 'left' && isRunning(runner);
      found.push({ runner, why: 'no hold names it and it has no open workflow', isStray: true, mayRunJob });
    }
    return found;
  }

  /** Why it stays for now; undefined: nothing speaks against its end. */
  async function whyKept({ runner, mayRunJob }: Suspect, silences: Map<string, number>): Promise<Kept | undefined> {
    if (!mayRunJob) return undefined;
    try {
      const { jobStarted, jobCompleted, exitCode } = await askGuest(runner);
      silences.delete(runner);
      const isAtWork = jobStarted !== null && !jobCompleted && exitCode === null;
      if (!isAtWork) return undefined;
      return {
        done: 'left',
        why: `its workflow is over, but a job of ${jobStarted.owner}/${jobStarted.repo} runs in it`,
      };
    } catch (err) {
      if (failureType(err) === 'VmGone') return undefined;
      const times = (silences.get(runner) ?? 0) + 1;
      silences.set(runner, times);
      if (times >= SILENCES) return undefined;
      return { done: 'left', why: `a job may run in it: its guest does not answer (${messageOf(err)})` };
    }
  }

  async function decide(suspect: Suspect, dryRun: boolean, notes: SweepNotes): Promise<VmFinding> {
    const { runner: vm, why, isStray } = suspect;
    const times = (notes.sightings.get(vm) ?? 0) + 1;
    if (isStray) notes.sightings.set(vm, times);
    const kept = await whyKept(suspect, notes.silences);
    if (kept !== undefined) return { vm, ...kept };
    if (isStray && times < SIGHTINGS) return { vm, why, done: 'seen' };
    return dryRun ? { vm, why, done: 'would' } : destroy(vm, why);
  }

  async function destroy(vm: string, why: string): Promise<VmFinding> {
    // Between the question and now its workflow may have taken it up after all.
    if ((holds.find(vm)?.attended ?? 0) > 0) return { vm, why: 'its workflow took it up again', done: 'left' };
    log.warn({ runner: vm, why }, 'vm left behind');
    try {
      await destroyer.destroy(vm, why);
      return { vm, why, done: 'destroyed' };
    } catch (err) {
      log.error({ err, runner: vm }, 'vm not destroyed');
      return { vm, why: `${why}; it could not be deleted: ${messageOf(err)}`, done: 'failed' };
    }
  }

  return async ({ dryRun, notes }) => {
    const found = await suspects();
    const names = new Set(found.map(({ runner }) => runner));
    for (const notedOf of [notes.sightings, notes.silences])
      for (const runner of notedOf.keys()) if (!names.has(runner)) notedOf.delete(runner);
    const findings = await Promise.all(found.map((suspect) => decide(suspect, dryRun, notes)));
    for (const { vm, why, done } of findings) if (done === 'left') log.warn({ runner: vm, why }, 'vm kept');
    return { looked: (library.last() ?? []).filter(({ name }) => isOurRunner(namePrefix, name)).length, findings };
  };
}

type Kept = Pick<VmFinding, 'why' | 'done'>;
