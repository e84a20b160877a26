/** What each part of a sweep is, and how it collects what it reports. */

import { MOST_FINDINGS } from '../../jobs/sweeps.js';
import type { SweepDeed, SweepFinding, SweepLook, SweepMemory, SweepPart, SweepReport } from '../../jobs/sweeps.js';

/** One look of one part. @throws GitHubError, or whatever keeps it from looking at all */
export type SweepOfOnePart = (look: SweepLook) => Promise<SweepReport>;

/** Collects what one look comes to. */
export interface ReportBuilder {
  /** So many things more were looked at. */
  looked(count?: number): void;
  found(what: string, why: string, done: SweepDeed): void;
  /** So many more calls to GitHub. */
  called(count?: number): void;
  /** Something ended the look early: the next one goes on. */
  incomplete(): void;
  report(memory: SweepMemory | null): SweepReport;
}

/** Findings beyond `MOST_FINDINGS` are counted and not kept: reports stay in history. */
export function createReport(part: SweepPart): ReportBuilder {
  const findings: SweepFinding[] = [];
  let looked = 0;
  let found = 0;
  let calls = 0;
  let isComplete = true;
  return {
    looked: (count = 1) => void (looked += count),
    found: (what, why, done) => {
      found += 1;
      if (findings.length < MOST_FINDINGS) findings.push({ what, why, done });
    },
    called: (count = 1) => void (calls += count),
    incomplete: () => void (isComplete = false),
    report: (memory) => ({ part, looked, found, findings: [...findings], calls, isComplete, memory }),
  };
}
