/** The fleet and the jobs of the simulation: the same in every run. */

import type { HostReport, SlotReport, TemplateReport } from '../../activities/contracts.js';
import type { Ask } from '../../placement/messages.js';

export const HOSTS = 1_000;
export const JOBS = 20_000;
/** All jobs are queued within this time (seconds). */
const ARRIVALS_S = 900;

const GB = 2 ** 30;

interface Kind {
  readonly template: string;
  readonly cpus: number;
  readonly gigabytes: number;
  /** How many of 100 jobs. */
  readonly share: number;
}

/** The last two find room on a larger host only, and there mostly alone. */
const KINDS: readonly Kind[] = [
  { template: 'small-15', cpus: 4, gigabytes: 7, share: 40 },
  { template: 'small-26', cpus: 4, gigabytes: 7, share: 40 },
  { template: 'medium-26', cpus: 6, gigabytes: 12, share: 14 },
  { template: 'big-26', cpus: 10, gigabytes: 28, share: 5 },
  { template: 'huge-26', cpus: 20, gigabytes: 96, share: 1 },
];

/** How many of 100 jobs each repository has; `matrix` sends its jobs 256 at a time. */
const REPOS: readonly (readonly [name: string, share: number])[] = [
  ['matrix', 36],
  ['monolith', 24],
  ['ios', 15],
  ['android', 10],
  ['web', 6],
  ['tools', 4],
  ['docs', 3],
  ['rare', 2],
];
export const REPO_NAMES: readonly string[] = REPOS.map(([name]) => name);
const MATRIX_LEGS = 256;

export type Random = () => number;

/** The generator of Park and Miller: from 0 to below 1, the same sequence each time. */
export function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

function pick<T>(random: Random, list: readonly T[], shareOf: (one: T) => number): T {
  let left = random() * list.reduce((sum, one) => sum + shareOf(one), 0);
  const found = list.find((one) => (left -= shareOf(one)) < 0) ?? list.at(-1);
  if (found === undefined) throw new RangeError('nothing to pick from');
  return found;
}

export const templateReport = (name: string): TemplateReport => {
  const kind = KINDS.find(({ template }) => template === name);
  if (kind === undefined) throw new RangeError(`no template is named ${name}`);
  const size = { cpus: kind.cpus, memoryBytes: kind.gigabytes * GB, imageBytes: 40 * GB };
  return { uuid: name, name, tag: 'v1', size };
};

const slot = (name: string): SlotReport => ({
  name,
  scope: { kind: 'org', owner: 'acme' },
  runnerGroup: null,
  registrationTimeoutMs: 60_000,
  sleepInterval: 1,
  retryAttempts: 5,
});

/** An idle host with two slots, without templates. */
export const idleHost = (name: string, resources: HostReport['resources']): HostReport => ({
  host: name,
  pool: 'default',
  agentId: `agent of ${name}`,
  sessionId: 'session',
  bootId: 'boot',
  sequence: 1,
  version: '0.0.0',
  provider: { kind: 'anka', version: '3.9.1', problems: [] },
  slots: [slot('a'), slot('b')],
  resources,
  templates: [],
  holds: [],
  foreignVms: [],
  vmLimit: 2,
  draining: false,
});

/** Of 100 hosts 70 have 8 CPUs and 16 GB, 25 have 12 and 32, 5 have 24 and 128. Each has half of the templates. */
export function hostReport(index: number, random: Random): HostReport {
  const place = index % 100;
  const [cpus, gigabytes] = place < 70 ? [8, 16] : place < 95 ? [12, 32] : [24, 128];
  return {
    ...idleHost(`host-${index}`, { cpus, memoryBytes: gigabytes * GB, diskFreeBytes: 400 * GB }),
    templates: KINDS.filter(() => random() < 0.5).map(({ template }) => templateReport(template)),
    pulling: null,
  };
}

/** A job, when it is queued, and how long it will run (seconds). */
export interface SceneJob {
  readonly ask: Ask;
  readonly atS: number;
  readonly runsS: number;
}

/** In the order in which they are queued. */
export function sceneJobs(random: Random): readonly SceneJob[] {
  const drafts: { readonly repo: string; readonly template: string; readonly atS: number; readonly runsS: number }[] =
    [];
  while (drafts.length < JOBS) {
    const [repo] = pick(random, REPOS, ([name, share]) => (name === 'matrix' ? share / MATRIX_LEGS : share));
    const atS = Math.floor(random() * ARRIVALS_S);
    for (let leg = repo === 'matrix' ? MATRIX_LEGS : 1; leg > 0 && drafts.length < JOBS; leg -= 1) {
      const { template } = pick(random, KINDS, ({ share }) => share);
      drafts.push({ repo, template, atS, runsS: 30 + Math.floor(random() * random() * 600) });
    }
  }
  return drafts
    .sort((a, b) => a.atS - b.atS)
    .map(({ repo, template, atS, runsS }, index) => ({ ask: askOf(index + 1, repo, template, atS), atS, runsS }));
}

function askOf(jobId: number, repo: string, template: string, atS: number): Ask {
  return {
    job: { owner: 'acme', repo, jobId },
    workflowId: `job/github.com/${jobId}`,
    namePrefix: 'berth',
    labels: [`anka-template:${template}`],
    template,
    tag: 'v1',
    createdAt: atS * 1_000,
    standing: null,
    made: 0,
    avoid: [],
    runner: null,
  };
}
