/**
 * Jobs that wait on GitHub and that Berth never heard of are started, by the code that takes webhooks. Where jobs come
 * by polling, what becomes of them is told, too.
 */

import { z } from 'zod';
import { GitHubError, GitHubRateLimited } from '../../github/errors.js';
import type { Runs } from '../../github/runs.js';
import { rankOf } from '../../jobs/event.js';
import type { JobEvent } from '../../jobs/event.js';
import { startOf } from '../../jobs/job-start.js';
import type { Terms } from '../../jobs/job-start.js';
import type { JobStart } from '../../jobs/job-start.js';
import { isOurRunner } from '../../jobs/names.js';
import type { SweepMemory } from '../../jobs/sweeps.js';
import { createFollowed } from './followed.js';
import type { Followed } from './followed.js';
import { createReport } from './part.js';
import type { ReportBuilder, SweepOfOnePart } from './part.js';
import { repoText } from './repositories.js';
import type { Repositories, Repository } from './repositories.js';
import { createRunListing } from './run-listing.js';
import type { RunListing } from './run-listing.js';

/** Hands events to Temporal, as the receiver does. */
export interface QueuedSweepStarter {
  accept(start: JobStart): Promise<void>;
  isKnown(jobId: number): Promise<boolean>;
  startIfUnknown(start: JobStart): Promise<'started' | 'known'>;
}

export interface QueuedSweepDeps {
  readonly github: Pick<Runs, 'listRuns' | 'listJobs'>;
  readonly repositories: Repositories;
  readonly starter: QueuedSweepStarter;
  readonly terms: Terms;
  /** Jobs come by polling: what becomes of them is told. */
  readonly follows: boolean;
  readonly now?: () => number;
}

/** Runs are created some time before GitHub lists them, and clocks differ. */
const LOOK_BACK_MS = 5 * 60_000;
/** How often all newer runs are looked through, where polling is more frequent. */
const WHOLE_LOOK_MS = 4 * 60_000;
/** Jobs known to have a workflow, so that Temporal is asked once. */
const MOST_KNOWN = 50_000;

const memorySchema = z.object({
  /** The repository that the next look begins with; null: the first. */
  next: z.string().nullable(),
  /** When a look through all newer runs began that came to its end (epoch ms). */
  wholeAt: z.number(),
  told: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.number()))),
});
type Memory = z.infer<typeof memorySchema>;

interface Look {
  readonly deps: QueuedSweepDeps;
  readonly report: ReportBuilder;
  readonly listing: RunListing;
  readonly followed: Followed;
  readonly known: Set<number>;
  readonly dryRun: boolean;
  readonly since: number | null;
}

export function createQueuedSweep(deps: QueuedSweepDeps): SweepOfOnePart {
  const { github, repositories, now = Date.now } = deps;
  const known = new Set<number>();
  return async ({ dryRun, memory: kept }) => {
    const report = createReport('queued');
    const before = memoryOf(kept);
    const startedAt = now();
    const isWhole = before === null || startedAt - before.wholeAt >= WHOLE_LOOK_MS;
    const since = isWhole ? (before?.wholeAt ?? startedAt) - LOOK_BACK_MS : null;
    const listing = createRunListing({ github, report, now });
    const followed = createFollowed(before?.told ?? {});
    if (known.size > MOST_KNOWN) known.clear();
    const look: Look = { deps, report, listing, followed, known, dryRun, since };
    const all = inOrder(await repositories.find(report), before?.next ?? null, followed);
    const next = await lookThrough(look, all);
    if (next !== null) report.incomplete();
    const wholeAt = isWhole && next === null ? startedAt : (before?.wholeAt ?? startedAt);
    const memory: Memory = { next, wholeAt, told: followed.memory() };
    return report.report(dryRun ? kept : memory);
  };
}

function memoryOf(kept: SweepMemory | null): Memory | null {
  const { success, data } = memorySchema.safeParse(kept);
  return success ? data : null;
}

/** On from where the last look ended; with those that have jobs to follow, whatever became of the slots they are for. */
function inOrder(found: readonly Repository[], next: string | null, followed: Followed): readonly Repository[] {
  const names = new Set(found.map((each) => repoText(each).toLowerCase()));
  const all = [...found, ...followed.repositories().filter((each) => !names.has(repoText(each).toLowerCase()))];
  const from = Math.max(
    0,
    all.findIndex((each) => repoText(each) === next),
  );
  return [...all.slice(from), ...all.slice(0, from)];
}

/** @returns the repository that the next look has to begin with; null: all were looked at */
async function lookThrough(look: Look, all: readonly Repository[]): Promise<string | null> {
  for (const repository of all) {
    if (look.listing.isSpent()) return repoText(repository);
    try {
      await lookAt(look, repository);
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      const mayGoOn = error.type === 'GitHubRefused' || error.type === 'GitHubNoCredential';
      // At a limit nothing failed: the next sweep goes on from here.
      if (!(error instanceof GitHubRateLimited)) look.report.found(repoText(repository), error.message, 'failed');
      if (!mayGoOn) return repoText(repository);
    }
  }
  return null;
}

async function lookAt(look: Look, repository: Repository): Promise<void> {
  const { listing, followed, since, deps } = look;
  const open = new Set(await listing.openRuns(repository, since));
  // A run that is no longer among them is looked at once more, for the ends of its jobs.
  for (const runId of new Set([...open, ...followed.runsOf(repository)])) {
    const jobs = await listing.jobsOf(repository, runId);
    for (const event of jobs) await consider(look, event);
    if (deps.follows && !look.dryRun) followed.settle(repository, runId, { isOpen: open.has(runId), jobs });
  }
}

async function consider(look: Look, event: JobEvent): Promise<void> {
  const verdict = startOf(event, event.labels, look.deps.terms);
  if (verdict.kind !== 'start') return;
  look.report.looked();
  if (event.action === 'queued') await considerQueued(look, verdict.start);
  else if (look.deps.follows && !look.dryRun) await tellProgress(look, verdict.start);
}

async function considerQueued({ deps, report, known, dryRun, followed }: Look, start: JobStart): Promise<void> {
  const { event } = start;
  if (known.has(event.jobId)) return follow();
  const found = (deed: 'started' | 'would'): void =>
    report.found(
      `job ${event.jobId} of ${repoText(event)}`,
      `queued on GitHub since ${new Date(event.createdAt).toISOString()}, and Berth has not heard of it`,
      deed,
    );
  if (dryRun) {
    if (!(await deps.starter.isKnown(event.jobId))) found('would');
    return;
  }
  if ((await deps.starter.startIfUnknown(start)) === 'started') found('started');
  known.add(event.jobId);
  follow();

  function follow(): void {
    if (deps.follows && !dryRun && followed.toldOf(event) === 0) followed.note(event);
  }
}

/** Told once; and of jobs that Berth may have something to do with only. */
async function tellProgress({ deps, followed }: Look, start: JobStart): Promise<void> {
  const { event } = start;
  const told = followed.toldOf(event);
  if (event.action === 'waiting' || told >= rankOf(event.action)) return;
  const isOnOurs = event.runnerName !== null && isOurRunner(deps.terms.namePrefix, event.runnerName);
  if (told === 0 && !isOnOurs) return;
  await deps.starter.accept(start);
  followed.note(event);
}
