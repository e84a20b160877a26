import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

export interface RunFacts {
  /** The machine's load average (1 minute) before the first measure: what else it was doing. */
  readonly loadBefore: number;
  readonly temporal: string;
  readonly startedAt: Date;
  readonly tookMs: number;
}

/** What was measured on, and when, in two lines. */
export function machineOf({ temporal, startedAt, tookMs, loadBefore }: RunFacts): string {
  const [cpu] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const cores = `${availableParallelism()} × ${cpu?.model.trim() ?? process.arch}`;
  const system = `${type()} ${release()} ${process.arch}, Node ${process.versions.node}, Temporal CLI ${temporal}`;
  const seconds = Math.round(tookMs / 1_000);
  const took = `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${cores}, ${gigabytes} GB, ${system}.\nMeasured ${startedAt.toISOString().slice(0, 10)} in ${took}; load before ${loadBefore.toFixed(1)}.`;
}
