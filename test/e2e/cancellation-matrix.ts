/**
 * The matrix of cancellation: the steps of a job at which it can be struck, and the ways in which somebody can strike
 * it. What each way must come to is in `cancellation-checks.ts`.
 */

import { randomUUID } from 'node:crypto';
import type { AnkaDelays, AnkaTemplate } from '../../simulators/anka/host.js';
import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { Stack, StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { hostNamed } from './hosts.js';
import {
  at,
  during,
  handleOf,
  isRegistering,
  ownHost,
  runs,
  terminateJob,
  terminateRunner,
  waitsForGitHub,
} from './sites.js';
import type { Moment, Site } from './sites.js';
import { untilConclusion } from './support.js';

/** Slow enough that there is time to strike while a command runs, or GitHub answers. */
const SLOW_MS = 2_000;

export interface Step {
  /** Ends "a job …". */
  readonly name: string;
  /** The name of its host and of the only repository that this host serves. */
  readonly repo: string;
  /** What of the host is slow until the blow. */
  readonly slow?: AnkaDelays;
  /** GitHub answers the registration late. */
  readonly isJitSlow?: boolean;
  /** Another job has the slot until the end. */
  readonly isSlotTaken?: boolean;
  /** Its template has to be pulled. */
  readonly isPulled?: boolean;
  /** Its runner is there, and GitHub gives it no job. */
  readonly isIdle?: boolean;
  readonly at: Moment;
}

export const STEPS: readonly Step[] = [
  { name: 'waits for a slot', repo: 'waits', isSlotTaken: true, at: at(/waiting for a slot/) },
  {
    name: 'has a slot that its host has not taken yet',
    repo: 'holds',
    slow: { list: SLOW_MS },
    // The host's sweep lists its VMs, too: the runner's own list is certain once it is on the job's page.
    at: async (site) => {
      await at(/granted|cloning/)(site);
      await during('list')(site);
    },
  },
  {
    name: 'has its template pulled',
    repo: 'pulls',
    slow: { 'registry-pull': SLOW_MS },
    isPulled: true,
    at: during('pull'),
  },
  { name: 'has its VM cloned', repo: 'clones', slow: { clone: SLOW_MS }, at: during('clone') },
  { name: 'has its VM started', repo: 'starts', slow: { start: SLOW_MS }, at: during('start') },
  { name: 'has its runner registered', repo: 'registers', isJitSlow: true, at: isRegistering },
  { name: 'waits for GitHub to give it to its runner', repo: 'idles', isIdle: true, at: waitsForGitHub },
  { name: 'runs', repo: 'runs', at: runs },
];

/**
 * - `let go`: Berth does nothing more for the job, and its page says so;
 * - `new runner`: the job is served by another runner, or ended by GitHub if it ran;
 * - `all the same`: the job is served by the runner it has, if any.
 */
export type Meaning = 'let go' | 'new runner' | 'all the same';

export interface Way {
  /** Ends "is struck by …". */
  readonly name: string;
  readonly means: Meaning;
  /** Resolves with the moment of the blow (epoch ms). */
  readonly strike: (site: Site) => Promise<number>;
  /** The outcome on the job's page. */
  readonly outcome?: string;
}

const afterwards =
  (blow: (site: Site) => Promise<unknown>) =>
  async (site: Site): Promise<number> => {
    await blow(site);
    return Date.now();
  };

const BY_OPERATOR = { means: 'let go', outcome: 'cancelled-by-operator' } as const;

const WAYS: readonly Way[] = [
  {
    name: "GitHub's event",
    means: 'let go',
    outcome: 'cancelled',
    // A runner at work obeys before GitHub says that its job is over.
    strike: async ({ stack, job }) => {
      stack.github.cancelJob(job.id);
      return (await untilConclusion(stack, job, 'cancelled')).completedAt ?? 0;
    },
  },
  {
    ...BY_OPERATOR,
    name: 'the cancel signal',
    strike: afterwards((site) => handleOf(site).signal('cancel', { by: 'an operator' })),
  },
  {
    ...BY_OPERATOR,
    name: 'the cancelJob update',
    strike: afterwards((site) => handleOf(site).executeUpdate<string, []>('cancelJob')),
  },
  { ...BY_OPERATOR, name: "Temporal's own cancel", strike: afterwards((site) => handleOf(site).cancel()) },
  { name: "termination of its runner's workflow", means: 'new runner', strike: afterwards(terminateRunner) },
  { name: 'termination of its own workflow', means: 'all the same', strike: afterwards(terminateJob) },
];

/** A job that waits for a slot has no runner. */
export const waysAt = (step: Step): readonly Way[] =>
  WAYS.filter(({ means }) => means !== 'new runner' || step.isSlotTaken !== true);

/** Only the registry has it. One for each cell: a pull that went through is there for the next. */
const absent = (way: Way): AnkaTemplate => ({ ...XCODE, uuid: uuidOf(way), name: `pulled-${WAYS.indexOf(way)}` });

const uuids = new Map<string, string>();

function uuidOf({ name }: Way): string {
  const uuid = uuids.get(name) ?? randomUUID();
  uuids.set(name, uuid);
  return uuid;
}

export const hostFor = ({ repo }: Step): StackHostOptions =>
  ownHost(repo, repo, { templates: [XCODE], registry: [XCODE, ...WAYS.map(absent)], delays: {} });

/** How long a job works that was not at its work when it was struck (ms). */
const QUICK_MS = 200;

/** After the blow GitHub may give the job to a runner, and a job that works may end. */
export function letGo({ stack, job }: Site): void {
  if (stack.github.snapshot().jobs.find(({ id }) => id === job.id)?.status === 'queued')
    stack.github.releaseJob(job.id);
  stack.github.finishJob(job.id);
}

/**
 * Slows down what must last until the blow; then the job of this cell. It begins at no other step than the one at which
 * it runs, and does not end before {@link letGo}, however late the blow comes.
 */
export async function prepare(stack: Stack, step: Step, way: Way): Promise<Partial<QueueJobOptions>> {
  await hostNamed(stack, step.repo).anka.setDelays(step.slow ?? {});
  if (step.isJitSlow === true) {
    stack.github.addFault({ kind: 'latency', ms: SLOW_MS, path: `/${step.repo}/.*generate-jitconfig`, times: 1 });
  }
  return {
    durationMs: step.at === runs ? null : QUICK_MS,
    held: step.at !== runs,
    labels: labelsFor(step.isPulled === true ? absent(way) : XCODE),
  };
}
