/** When the sweep runs: at the start, every minute or as configured, soon after something was left, and when asked. */

import type { Logger } from 'pino';
import type { VmFinding, VmSweep } from '../activities/contracts.js';
import type { ProviderInfo } from '../providers/provider.js';
import { messageOf } from './failure.js';
import type { Reporter } from './report.js';
import { newSweepNotes } from './sweep.js';
import type { Sweep, SweepNotes } from './sweep.js';
import { createSerial, pause } from './waiting.js';

export interface Sweeper {
  readonly start: () => void;
  /** In a few seconds, because something may have been left just now. */
  readonly soon: () => void;
  /** Now, and once more where the first look leaves something to decide. A dry run changes nothing. @throws as `Sweep` */
  readonly sweepNow: (options: { readonly dryRun: boolean }, signal: AbortSignal) => Promise<VmSweep>;
  readonly stop: () => void;
}

export interface SweeperDeps {
  readonly sweep: Sweep;
  /** Looks anew at what a person must mend. */
  readonly probe: () => Promise<ProviderInfo>;
  readonly reporter: Reporter;
  readonly log: Logger;
  /** Null: only at the start, soon after something was left, and when asked. */
  readonly everyMs?: number | null | undefined;
  /** Between the two looks at a VM that nobody answers for. */
  readonly lookAgainMs?: number | undefined;
}

/** One list a minute is what an idle host costs. */
const EVERY_MS = 60_000;

/** The second look at a VM that nobody answers for: until then it takes a slot. */
const LOOK_AGAIN_MS = 15_000;

/** A workflow that lets go of its hold is closed a moment later. */
const SOON_MS = 5_000;

export function createSweeper(deps: SweeperDeps): Sweeper {
  const { sweep, probe, reporter, log, everyMs = EVERY_MS, lookAgainMs = LOOK_AGAIN_MS } = deps;
  const serial = createSerial();
  const notes = newSweepNotes();
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Infinity;
  let isRunning = false;
  let isStopped = false;
  let hasProblem = false;

  function schedule(inMs: number): void {
    const at = performance.now() + inMs;
    if (isStopped || at >= dueAt) return;
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(() => void run(), inMs);
  }

  async function run(): Promise<void> {
    dueAt = Infinity;
    if (!isRunning) {
      isRunning = true;
      const isInDoubt = await once().finally(() => (isRunning = false));
      if (isInDoubt) schedule(lookAgainMs);
    }
    if (everyMs !== null) schedule(everyMs);
  }

  async function once(): Promise<boolean> {
    let isInDoubt = false;
    try {
      const { findings } = await serial.run(() => sweep({ dryRun: false, notes }));
      isInDoubt = findings.some(({ done }) => done === 'seen');
    } catch (err) {
      log.warn({ err: messageOf(err) }, 'sweep put off');
    }
    await probeAgain().catch((err: unknown) => log.warn({ err }, 'provider not probed'));
    return isInDoubt;
  }

  /** While something must be mended, each sweep looks whether it has been. */
  async function probeAgain(): Promise<void> {
    const { provider: known } = await reporter.current();
    if (known.problems.length === 0 && !hasProblem) return;
    const info = await probe();
    hasProblem = info.problems.length > 0;
    reporter.setProvider(info);
  }

  /** Nothing else sweeps between its looks, so that its answer has all that was done. */
  async function lookTwice(dryRun: boolean, mind: SweepNotes, signal: AbortSignal): Promise<VmSweep> {
    const first = await sweep({ dryRun, notes: mind });
    const isInDoubt = ({ done }: VmFinding): boolean => done === 'seen';
    if (!first.findings.some(isInDoubt)) return first;
    await pause(lookAgainMs, signal);
    const second = await sweep({ dryRun, notes: mind });
    const seenAgain = new Set(second.findings.map(({ vm }) => vm));
    const done = first.findings.filter((finding) => !isInDoubt(finding) && !seenAgain.has(finding.vm));
    return { looked: first.looked, findings: [...done, ...second.findings] };
  }

  return {
    start: () => schedule(0),
    soon: () => schedule(SOON_MS),
    sweepNow: ({ dryRun }, signal) =>
      serial.run(() => lookTwice(dryRun, dryRun ? newSweepNotes() : notes, signal), signal),
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
