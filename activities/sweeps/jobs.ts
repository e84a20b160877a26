/** The part `jobs`: open `githubJob` workflows hear what GitHub says about their jobs where no webhook told them. */

import { z } from 'zod';
import { GitHubError, GitHubRateLimited } from '../../github/errors.js';
import type { GitHub } from '../../github/github.js';
import type { RunLook } from '../../github/run-jobs.js';
import type { JobEvent } from '../../jobs/event.js';
import type { SweepLook } from '../../jobs/sweeps.js';
import type { Fleet, OpenJob, RunOfJob } from './fleet.js';
import { judgeJob, judgeUnknownJob } from './job-verdict.js';
import { createReport } from './part.js';
import type { ReportBuilder, SweepOfOnePart } from './part.js';

export interface JobsSweepDeps {
  readonly github: Pick<GitHub, 'jobsOfRun' | 'lookUpJob' | 'seesRepository'>;
  readonly fleet: Pick<Fleet, 'openJobs' | 'askJob' | 'tellJob' | 'isRunnerOpen'>;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** Calls to GitHub in one sweep; the next one goes on where it ended. */
const MOST_CALLS = 100;

/** Webhooks of a job that is younger are on their way. */
const YOUNG_MS = 60_000;

const SIGHTINGS_APART_MS = 60_000;

/** So many unanswered questions end a sweep: GitHub is not well. */
const MOST_UNANSWERED = 3;

const memorySchema = z.object({
  /** When GitHub first did not know a job, by its id. */
  unknown: z.record(z.string(), z.number()).default({}),
  /** The job that the last sweep came to when it ended early. */
  after: z.number().nullable().default(null),
});
type Memory = z.infer<typeof memorySchema>;

const EMPTY: Memory = { unknown: {}, after: null };
const MOST_UNKNOWN = 1_000;

interface Turn {
  readonly after: number | null;
  readonly isComplete: boolean;
}

interface Sweep {
  readonly look: SweepLook;
  readonly report: ReportBuilder;
  readonly before: Memory['unknown'];
  readonly unknown: Map<string, number>;
  readonly runs: Map<string, RunLook>;
  readonly repos: Map<string, boolean>;
  /** Why a repository is not asked about again in this sweep. */
  readonly refused: Map<string, string>;
  readonly spent: { calls: number };
  readonly now: number;
}

export function createJobsSweep(deps: JobsSweepDeps): SweepOfOnePart {
  const { github, fleet, now = Date.now } = deps;

  return async (look) => {
    const memory = memorySchema.safeParse(look.memory ?? EMPTY).data ?? EMPTY;
    const report = createReport('jobs');
    const open = await fleet.openJobs();
    const unknown = new Map(
      Object.entries(memory.unknown).filter(([id]) => open.some(({ jobId }) => String(jobId) === id)),
    );
    const sweep: Sweep = {
      look,
      report,
      before: memory.unknown,
      unknown,
      runs: new Map(),
      repos: new Map(),
      refused: new Map(),
      spent: { calls: 0 },
      now: now(),
    };
    const { after, isComplete } = await inTurn(oldestFirst(open, memory), memory.after, sweep);
    for (const [repo, why] of sweep.refused) report.found(`jobs of ${repo}`, why, 'failed');
    if (!isComplete) report.incomplete();
    return report.report({ unknown: Object.fromEntries([...unknown].slice(-MOST_UNKNOWN)), after });
  };

  /** @returns where the next sweep goes on */
  async function inTurn(jobs: readonly OpenJob[], from: number | null, sweep: Sweep): Promise<Turn> {
    let after = from;
    let unanswered = 0;
    for (const job of jobs) {
      if (sweep.spent.calls >= MOST_CALLS || unanswered >= MOST_UNANSWERED) return { after, isComplete: false };
      if (!sweep.look.byHand && sweep.now - job.startedAt < YOUNG_MS) continue;
      try {
        await one(job, sweep);
      } catch (err) {
        if (err instanceof GitHubRateLimited) return { after, isComplete: false };
        if (!(err instanceof GitHubError)) throw err;
        unanswered += 1;
        sweep.report.found(nameOf(job, null), err.message, 'failed');
      }
      if (sweep.before[String(job.jobId)] === undefined) after = job.jobId;
    }
    return { after: null, isComplete: true };
  }

  async function one(job: OpenJob, sweep: Sweep): Promise<void> {
    const asked = job.run === null || job.state === null ? await fleet.askJob(job.workflowId) : null;
    const run = job.run ?? asked?.run ?? null;
    // Closed meanwhile, or nothing of it has arrived yet.
    if (run === null) return;
    const repo = `${run.owner}/${run.repo}`;
    if (sweep.refused.has(repo)) return;
    sweep.report.looked();
    try {
      const event = await lookUp(job.jobId, run, sweep);
      if (event === null) await unknownJob(job, run, sweep);
      else await knownJob(job, { state: job.state ?? asked?.state ?? null, event }, sweep);
    } catch (err) {
      if (!(err instanceof GitHubError) || err.type === 'GitHubUnavailable') throw err;
      // It would be the same for each of its jobs.
      sweep.refused.set(repo, err.message);
    }
  }

  /** One question answers for all jobs of a run; jobs of an earlier attempt are not in the answer. */
  async function lookUp(jobId: number, run: RunOfJob, sweep: Sweep): Promise<JobEvent | null> {
    const key = `${run.owner}/${run.repo}/${run.runId}`;
    let found = sweep.runs.get(key);
    if (found === undefined) {
      found = await github.jobsOfRun(run);
      spend(found.calls, sweep);
      sweep.runs.set(key, found);
    }
    const event = found.jobs.find((job) => job.jobId === jobId);
    if (event !== undefined) return event;
    spend(1, sweep);
    return github.lookUpJob({ owner: run.owner, repo: run.repo, jobId });
  }

  async function knownJob(
    job: OpenJob,
    { state, event }: { readonly state: string | null; readonly event: JobEvent },
    { look, report, unknown, now: at }: Sweep,
  ): Promise<void> {
    unknown.delete(String(job.jobId));
    const verdict = judgeJob(state, event, at);
    if (verdict.is === 'fine') return;
    const what = nameOf(job, event);
    if (verdict.is === 'seen') return report.found(what, verdict.why, 'seen');
    if (look.dryRun) return report.found(what, verdict.why, 'would');
    // A webhook that was quicker leaves nothing to say.
    if ((await fleet.tellJob(job.workflowId, event)) === 'closed') return;
    report.found(what, verdict.why, verdict.ends ? 'ended' : 'told');
  }

  async function unknownJob(job: OpenJob, run: RunOfJob, sweep: Sweep): Promise<void> {
    const { look, report, unknown, now: at } = sweep;
    const id = String(job.jobId);
    const seenAt = sweep.before[id];
    const wasSeen = seenAt !== undefined && (look.byHand || at - seenAt >= SIGHTINGS_APART_MS);
    unknown.set(id, seenAt ?? at);
    const verdict = judgeUnknownJob({
      wasSeen,
      isRepoThere: wasSeen && (await isRepoThere(run, sweep)),
      runsOn: wasSeen ? await runsOn(job) : null,
      ageMs: at - job.startedAt,
    });
    const what = `job ${id} of ${run.owner}/${run.repo}`;
    if (verdict.is !== 'gone') return report.found(what, verdict.why, verdict.is);
    if (look.dryRun) return report.found(what, verdict.why, 'would');
    const told = await fleet.tellJob(job.workflowId, goneEvent(job.jobId, run, at));
    if (told === 'told') report.found(what, verdict.why, 'ended');
  }

  async function isRepoThere({ owner, repo }: RunOfJob, sweep: Sweep): Promise<boolean> {
    const key = `${owner}/${repo}`;
    const known = sweep.repos.get(key);
    if (known !== undefined) return known;
    spend(1, sweep);
    const isThere = await github.seesRepository({ owner, repo });
    sweep.repos.set(key, isThere);
    return isThere;
  }

  /** A job is never ended under a runner that works: its VM would go. */
  async function runsOn({ workflowId }: OpenJob): Promise<string | null> {
    const job = await fleet.askJob(workflowId);
    if (job?.state !== 'running' || job.runner === null) return null;
    return (await fleet.isRunnerOpen(job.runner)) ? job.runner : null;
  }
}

function spend(calls: number, { spent, report }: Sweep): void {
  spent.calls += calls;
  report.called(calls);
}

const nameOf = (job: OpenJob, event: JobEvent | null): string => {
  const { owner, repo } = event ?? job.run ?? {};
  return owner === undefined ? `job ${job.jobId}` : `job ${job.jobId} of ${owner}/${String(repo)}`;
};

/** Those in doubt; then the rest: ids grow with time, from behind the mark on, and round again. */
function oldestFirst(jobs: readonly OpenJob[], { after, unknown }: Memory): readonly OpenJob[] {
  const sorted = [...jobs].sort((a, b) => a.jobId - b.jobId);
  const index =
    after === null
      ? 0
      : Math.max(
          0,
          sorted.findIndex(({ jobId }) => jobId > after),
        );
  const inOrder = [...sorted.slice(index), ...sorted.slice(0, index)];
  const isInDoubt = ({ jobId }: OpenJob): boolean => unknown[String(jobId)] !== undefined;
  return [...inOrder.filter(isInDoubt), ...inOrder.filter((job) => !isInDoubt(job))];
}

/** The end of a job that GitHub does not know any more, as the event that GitHub never sent. */
function goneEvent(jobId: number, { owner, repo, runId }: RunOfJob, at: number): JobEvent {
  return {
    source: 'github-api',
    action: 'completed',
    jobId,
    runId,
    runAttempt: 1,
    name: '',
    workflowName: null,
    owner,
    repo,
    labels: [],
    createdAt: at,
    startedAt: null,
    completedAt: at,
    conclusion: 'gone from GitHub',
    runnerName: null,
    runnerId: null,
    htmlUrl: '',
    deploymentUpdatedAt: null,
    deliveryId: null,
    receivedAt: at,
  };
}
