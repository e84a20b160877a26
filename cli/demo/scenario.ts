/** What the demo shows: one plain job, a matrix of four with equal labels, and a job that is cancelled half-way. */

import type { AnkaDelays } from '../../simulators/anka/host.js';
import type { GitHubSimulator } from '../../simulators/github/simulator.js';
import type { SimJob } from '../../simulators/github/types.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';

/** A Mac boots a VM in ten to thirty seconds; a spectator waits less gladly. */
export const DELAYS: AnkaDelays = { clone: 250, start: 1_200, cp: 30, delete: 150 };

export const TEMPLATE = XCODE;

const OWNER = 'acme';
const LABELS = labelsFor(TEMPLATE);

/** How long the job that will be cancelled may run before that. */
const CANCEL_AFTER_MS = 2_000;

export interface DemoJob {
  readonly job: SimJob;
  readonly expected: 'success' | 'cancelled';
}

export function queueJobs(github: GitHubSimulator): readonly DemoJob[] {
  const build = github.queueJob({
    owner: OWNER,
    repo: 'ios',
    workflowName: 'build',
    name: 'compile',
    labels: LABELS,
    durationMs: 2_500,
  });
  const matrix = github.queueMatrix({
    owner: OWNER,
    repo: 'ios',
    workflowName: 'ui-tests',
    name: 'test',
    labels: LABELS,
    count: 4,
    durationMs: 2_000,
  });
  const nightly = github.queueJob({
    owner: OWNER,
    repo: 'tools',
    workflowName: 'nightly',
    name: 'soak',
    labels: LABELS,
    durationMs: 600_000,
  });
  return [
    { job: build, expected: 'success' },
    ...matrix.map((job) => ({ job, expected: 'success' as const })),
    { job: nightly, expected: 'cancelled' },
  ];
}

/** Cancels the endless job on GitHub once it has run for a while. */
export async function cancelHalfWay(
  github: GitHubSimulator,
  jobs: readonly DemoJob[],
  timeoutMs: number,
): Promise<void> {
  const doomed = jobs.find(({ expected }) => expected === 'cancelled');
  if (doomed === undefined) return;
  const { id } = doomed.job;
  await github.waitFor(({ jobs: all }) => all.some((job) => job.id === id && job.status === 'in_progress'), timeoutMs);
  await new Promise((resolve) => setTimeout(resolve, CANCEL_AFTER_MS));
  github.cancelJob(id);
}
