/** The arithmetic of the bench. Pure. */

/** A span of time; ms since 1970. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The smallest sample that `percent` per cent of the samples are not above (nearest rank): always one that was measured.
 * @throws RangeError when there is no sample
 */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  const value = sorted[rank - 1];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}

/** @throws RangeError when there is no sample */
export function mean(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('no samples');
  return samples.reduce((sum, value) => sum + value, 0) / samples.length;
}

/** How much time at least one of the spans covers, in ms: spans that overlap count once. */
export function coveredMs(spans: readonly Span[]): number {
  let covered = 0;
  let until = -Infinity;
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    covered += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return covered;
}

export interface Batch {
  /** From the first webhook to the end of the last `anka delete`, in ms. */
  readonly wallMs: number;
  readonly slots: number;
  readonly jobs: number;
  /** How long a job was told to last. */
  readonly jobMs: number;
  /** For each job: how long commands on its VM ran. */
  readonly vmMs: readonly number[];
  /** For each job: from the end of the command that starts the runner to `in_progress`. */
  readonly runnerStartMs: readonly number[];
}

/** What each job cost its slot beyond its own time, its VM's commands and the pretend runner's start, in ms. */
export function overheadMs({ wallMs, slots, jobs, jobMs, vmMs, runnerStartMs }: Batch): number {
  return (wallMs * slots) / jobs - jobMs - mean(vmMs) - mean(runnerStartMs);
}

/** Events a second in each window of `size` events, in the order of time; a last window that is not full is left out. */
export function ratesInWindows(startedAt: number, endedAt: readonly number[], size: number): readonly number[] {
  const sorted = [...endedAt].sort((a, b) => a - b);
  const rates: number[] = [];
  let from = startedAt;
  for (let last = size - 1; last < sorted.length; last += size) {
    const to = sorted[last] ?? from;
    rates.push((size * 1_000) / Math.max(1, to - from));
    from = to;
  }
  return rates;
}
