/** From the recorded calls of `anka`: which VMs ran when, and what was done to them. */

import type { AnkaCall } from '../../simulators/anka/host.js';
import type { JobTransition } from '../../simulators/github/types.js';

/** From the start of its `start` until it was deleted; for ever when it was not. */
interface Run {
  readonly vm: string;
  readonly from: number;
  readonly until: number;
}

/** The VM that the call is about: its name is the last word of `start` and `delete`. */
const vmOf = ({ argv }: AnkaCall): string => argv.at(-1) ?? '';

const isStart = ({ argv }: AnkaCall): boolean => argv.includes('start') && !argv.includes('run');
const isDelete = ({ argv }: AnkaCall): boolean => argv.includes('delete');
/** One that was killed has no end; there is a later one then, or the VM is left, which another check finds. */
const endOf = ({ end, start }: AnkaCall): number => end ?? start;

function runsOf(calls: readonly AnkaCall[]): readonly Run[] {
  const names = new Set(calls.filter(isStart).map(vmOf));
  return [...names].map((vm) => {
    const from = Math.min(...calls.filter((call) => isStart(call) && vmOf(call) === vm).map(({ start }) => start));
    const deletes = calls.filter((call) => isDelete(call) && vmOf(call) === vm);
    return { vm, from, until: deletes.length === 0 ? Infinity : Math.max(...deletes.map(endOf)) };
  });
}

/** Moments at which more VMs ran than there are slots; one line each. */
export function overlapsBeyond(slots: number, calls: readonly AnkaCall[]): readonly string[] {
  const runs = runsOf(calls);
  return runs.flatMap(({ vm, from }) => {
    const others = runs.filter((other) => other.vm !== vm && other.from <= from && from < other.until);
    if (others.length < slots) return [];
    return [`${vm} was started while there were ${others.map((other) => other.vm).join(', ')}`];
  });
}

/** Jobs whose VM was deleted, or told to stop, while they ran; one line each. */
export function killedAtWork(
  calls: readonly AnkaCall[],
  history: readonly JobTransition[],
  isExempt: (jobId: number) => boolean,
): readonly string[] {
  return history
    .filter(({ step, jobId }) => step === 'in_progress' && !isExempt(jobId))
    .flatMap(({ jobId, runnerName, at }) => {
      const over = history.find((each) => each.jobId === jobId && each.step === 'completed')?.at ?? Infinity;
      return calls
        .filter((call) => isDelete(call) || call.argv.includes('stop') || call.argv.includes('suspend'))
        .filter((call) => vmOf(call) === runnerName && call.start >= at && call.start < over)
        .map((call) => `\`${call.argv.join(' ')}\` ${call.start - at} ms after job ${jobId} began there`);
    });
}
