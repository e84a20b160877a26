/**
 * Which idle runner gets which queued job. Pure.
 *
 * Facts: a runner may take a job when it has all of the job's labels, compared without case, and when its scope and
 * runner group admit the repository (GitHub docs "Using self-hosted runners in a workflow"). Nothing binds a JIT
 * runner to the job it was made for.
 */

import { shuffled } from './random.js';
import type { Random } from './random.js';
import type { SimScope } from './types.js';

/**
 * - `oldest-first`: the oldest job gets the runner that has been idle longest;
 * - `random`: any of the possible pairs, by seed;
 * - `swap`: of two jobs that are equal to GitHub, a runner gets the younger one first, so that runners made for one
 *   job serve the other.
 */
export type AssignmentPolicy = 'oldest-first' | 'random' | 'swap';

export interface AssignmentOptions {
  readonly policy?: AssignmentPolicy;
  readonly seed?: number;
  /** How long GitHub takes to match, in ms; 0 unless given. */
  readonly delayMs?: number;
}

export interface AssignableJob {
  readonly id: number;
  readonly owner: string;
  readonly repo: string;
  readonly labels: readonly string[];
  /** The name of the runner group that `runs-on` asks for. */
  readonly group: string | null;
  readonly queuedAt: number;
}

export interface IdleRunner {
  readonly id: number;
  readonly labels: readonly string[];
  readonly scope: SimScope;
  readonly groupName: string;
  readonly idleSince: number;
}

export interface Pair {
  readonly jobId: number;
  readonly runnerId: number;
}

/** Whether group and scope let this runner serve the repository; enterprises are the caller's knowledge. */
export type Admits = (runner: IdleRunner, job: AssignableJob) => boolean;

const lower = (text: string): string => text.trim().toLowerCase();

/** Whether the runner has every label that the job asks for. */
export function hasLabels(runner: readonly string[], job: readonly string[]): boolean {
  const has = new Set(runner.map(lower));
  return job.every((label) => has.has(lower(label)));
}

/** Pairs jobs with runners, each at most once, until no runner left can serve any job left. */
export function assign(
  jobs: readonly AssignableJob[],
  runners: readonly IdleRunner[],
  policy: AssignmentPolicy,
  admits: Admits,
  random: Random,
): readonly Pair[] {
  const fits = (runner: IdleRunner, job: AssignableJob): boolean =>
    (job.group === null || lower(job.group) === lower(runner.groupName)) &&
    hasLabels(runner.labels, job.labels) &&
    admits(runner, job);
  const orderedJobs = inOrder(jobs, policy, random);
  const orderedRunners =
    policy === 'random'
      ? shuffled(runners, random)
      : [...runners].sort((a, b) => a.idleSince - b.idleSince || a.id - b.id);
  return pairUp(orderedJobs, orderedRunners, fits);
}

function inOrder(jobs: readonly AssignableJob[], policy: AssignmentPolicy, random: Random): readonly AssignableJob[] {
  const byAge = [...jobs].sort((a, b) => a.queuedAt - b.queuedAt || a.id - b.id);
  if (policy === 'random') return shuffled(byAge, random);
  return policy === 'swap' ? crossed(byAge) : byAge;
}

/** Two jobs with equal keys, next to each other in their key's queue, change places. */
function crossed(jobs: readonly AssignableJob[]): readonly AssignableJob[] {
  const result = [...jobs];
  const unpaired = new Map<string, number>();
  jobs.forEach((job, index) => {
    const key = JSON.stringify([lower(job.owner), lower(job.repo), job.group, job.labels.map(lower).sort()]);
    const partner = unpaired.get(key);
    if (partner === undefined) {
      unpaired.set(key, index);
      return;
    }
    unpaired.delete(key);
    result[index] = jobs[partner] ?? job;
    result[partner] = job;
  });
  return result;
}

function pairUp(
  jobs: readonly AssignableJob[],
  runners: readonly IdleRunner[],
  fits: (runner: IdleRunner, job: AssignableJob) => boolean,
): readonly Pair[] {
  const free = [...runners];
  const pairs: Pair[] = [];
  for (const job of jobs) {
    if (free.length === 0) break;
    const at = free.findIndex((runner) => fits(runner, job));
    if (at < 0) continue;
    const [runner] = free.splice(at, 1);
    if (runner !== undefined) pairs.push({ jobId: job.id, runnerId: runner.id });
  }
  return pairs;
}
