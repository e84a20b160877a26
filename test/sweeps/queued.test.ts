/** Against the simulated GitHub; Temporal is a list of what is known. */

import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { EVERYBODY } from '../../jobs/intake.js';
import { createQueuedSweep } from '../../activities/sweeps/queued.js';
import type { QueuedSweepDeps, QueuedSweepStarter } from '../../activities/sweeps/queued.js';
import { createRepositories } from '../../activities/sweeps/repositories.js';
import type { Repository } from '../../activities/sweeps/repositories.js';
import { MOST_REQUESTS } from '../../activities/sweeps/run-listing.js';
import { createGitHub } from '../../github/github.js';
import type { GitHub } from '../../github/github.js';
import type { JobEvent } from '../../jobs/event.js';
import type { Scope } from '../../jobs/scope.js';
import type { SweepLook, SweepReport } from '../../jobs/sweeps.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import { startSim } from '../simulators-github/helpers.js';
import type { Sim } from '../simulators-github/helpers.js';

const TERMS = { namePrefix: 'berth', intake: EVERYBODY };

const labels = ['self-hosted', 'anka-template:t1'];
const first: SweepLook = { dryRun: false, byHand: false, memory: null };
const ACME = { kind: 'org', owner: 'acme' } as const;
const after = ({ memory }: SweepReport): SweepLook => ({ ...first, memory });

interface Heard {
  readonly started: number[];
  readonly told: string[];
  readonly known: Set<number>;
}

function starterOf(heard: Heard): QueuedSweepStarter {
  return {
    accept: async ({ event }) => void heard.told.push(`${event.jobId} ${event.action}`),
    isKnown: async (jobId) => heard.known.has(jobId),
    startIfUnknown: async ({ event }) => {
      if (heard.known.has(event.jobId)) return 'known';
      heard.known.add(event.jobId);
      heard.started.push(event.jobId);
      return 'started';
    },
  };
}

const githubOf = (sim: Sim): GitHub =>
  createGitHub({
    apiUrl: `${sim.url}/api/v3`,
    credentialFor: () => ({ kind: 'token', token: DEFAULT_TOKEN }),
    log: pino({ level: 'silent' }),
  });

interface SetUp extends Partial<Pick<QueuedSweepDeps, 'follows' | 'now'>> {
  readonly scopes?: readonly Scope[];
  readonly seen?: readonly Repository[];
}

async function setUp({ scopes = [ACME], seen = [], follows = false, ...more }: SetUp = {}) {
  const sim = await startSim({ owners: [{ login: 'acme', repos: ['ios', 'web'] }, { login: 'other' }] });
  const heard: Heard = { started: [], told: [], known: new Set() };
  const github = githubOf(sim);
  const repositories = createRepositories({ github, scopes: async () => scopes, seen: async () => seen });
  const starter = starterOf(heard);
  const sweep = createQueuedSweep({ github, repositories, starter, terms: TERMS, follows, ...more });
  const queue = (repo = 'ios', over: object = {}): number => sim.queueJob({ owner: 'acme', repo, labels, ...over }).id;
  return { sim, heard, sweep, queue };
}

describe('the sweep of queued jobs', () => {
  it('starts those that nobody heard of, and says so', async () => {
    const { heard, sweep, queue } = await setUp();
    const [unheard, known, elsewhere] = [queue(), queue(), queue('web')];
    heard.known.add(known);
    const report = await sweep(first);
    expect(heard.started.sort()).toEqual([unheard, elsewhere].sort());
    expect(report).toMatchObject({ part: 'queued', looked: 3, found: 2, isComplete: true });
    expect(report.findings[0]).toMatchObject({
      done: 'started',
      what: expect.stringMatching(/^job \d+ of acme\//) as string,
    });
    expect(heard.told).toEqual([]);
  });

  it('leaves alone what is not Berth’s, runs already, is over, or waits for an approval', async () => {
    const { sim, heard, sweep, queue } = await setUp();
    queue('ios', { labels: ['ubuntu-latest'] });
    queue('ios', { labels: ['anka-template:$(reboot)'] });
    const running = queue('ios', { labels, durationMs: 60_000 });
    sim.addForeignRunner({ scope: ACME, labels });
    await sim.waitFor(({ jobs }) => jobs.find(({ id }) => id === running)?.status === 'in_progress', 10_000);
    const over = queue();
    sim.cancelJob(over);
    queue('ios', { environmentGate: {} });
    await sweep(first);
    expect(heard.started).toEqual([]);
  });

  it('finds queued jobs in runs that are in progress', async () => {
    const { sim, heard, sweep } = await setUp();
    const jobs = sim.queueMatrix({ owner: 'acme', repo: 'ios', labels, count: 3, durationMs: 60_000 });
    sim.addForeignRunner({ scope: ACME, labels });
    await sim.waitFor((all) => all.jobs.some(({ status }) => status === 'in_progress'), 10_000);
    await sweep(first);
    expect(heard.started).toHaveLength(2);
    expect(jobs.map(({ id }) => id)).toEqual(expect.arrayContaining(heard.started));
  });

  it('what has not changed costs no call', async () => {
    const { sweep, queue } = await setUp();
    queue();
    const report = await sweep(first);
    // The list of repositories; four lists of runs for each of two; the jobs of one run.
    expect(report.calls).toBe(1 + 2 * 4 + 1);
    expect(await sweep(after(report))).toMatchObject({ calls: 0, looked: 1, found: 0 });
  });

  it('a dry run says what it would start', async () => {
    const { heard, sweep, queue } = await setUp();
    queue();
    const report = await sweep({ ...first, dryRun: true });
    expect(report.findings.map(({ done }) => done)).toEqual(['would']);
    expect([heard.started, report.memory]).toEqual([[], null]);
  });

  it('looks at repositories of its scopes only; in an enterprise at those it had jobs of', async () => {
    const seen = [
      { owner: 'acme', repo: 'web' },
      { owner: 'other', repo: 'x' },
    ];
    const repo = await setUp({ scopes: [{ kind: 'repo', owner: 'acme', repo: 'ios' }], seen });
    const [inScope] = [repo.queue('ios'), repo.queue('web')];
    await repo.sweep(first);
    expect(repo.heard.started).toEqual([inScope]);
    const enterprise = await setUp({ scopes: [{ kind: 'enterprise', enterprise: 'big' }], seen });
    const [, seenBefore] = [enterprise.queue('ios'), enterprise.queue('web')];
    await enterprise.sweep(first);
    expect(enterprise.heard.started).toEqual([seenBefore]);
  });

  it('one repository that GitHub refuses does not keep it from the others', async () => {
    const { sim, heard, sweep, queue } = await setUp();
    sim.addFault({ kind: 'status', status: 403, path: '^/repos/acme/ios/' });
    queue('ios');
    const there = queue('web');
    const report = await sweep(first);
    expect(heard.started).toEqual([there]);
    expect(report.findings).toContainEqual(expect.objectContaining({ what: 'acme/ios', done: 'failed' }));
  });

  it('many repositories: ends at its bound, and goes on from there', async () => {
    const many = Array.from({ length: 200 }, (_, index) => ({ owner: 'acme', repo: `r${index}` }));
    const asked: string[] = [];
    const empty = { items: [], isLast: true, calls: 1 };
    const github: QueuedSweepDeps['github'] = {
      listRuns: async ({ repo }) => {
        asked.push(repo);
        return empty;
      },
      listJobs: async () => empty,
    };
    const starter = starterOf({ started: [], told: [], known: new Set() });
    const repositories = { find: async () => many };
    const sweep = createQueuedSweep({ github, repositories, starter, terms: TERMS, follows: false });
    let report = await sweep(first);
    expect(report).toMatchObject({ isComplete: false, calls: MOST_REQUESTS });
    for (let looks = 0; looks < 10 && new Set(asked).size < many.length; looks += 1)
      report = await sweep(after(report));
    expect(new Set(asked).size).toBe(many.length);
  });
});

describe('by polling', () => {
  const step = async (sweep: (look: SweepLook) => Promise<SweepReport>, last: SweepReport | null) =>
    sweep(last === null ? first : after(last));

  it('what becomes of a job is told, each thing once', async () => {
    const { sim, heard, sweep, queue } = await setUp({ follows: true });
    const job = queue('ios', { durationMs: 2_000 });
    let last = await step(sweep, null);
    expect(heard.started).toEqual([job]);
    last = await step(sweep, last);
    sim.addForeignRunner({ scope: ACME, labels });
    await sim.waitFor(({ jobs }) => jobs.some(({ status }) => status === 'in_progress'), 10_000);
    last = await step(sweep, last);
    last = await step(sweep, last);
    await sim.waitFor(({ jobs }) => jobs.every(({ status }) => status === 'completed'), 10_000);
    last = await step(sweep, last);
    await step(sweep, last);
    expect(heard.told).toEqual([`${job} in_progress`, `${job} completed`]);
    expect(heard.started).toEqual([job]);
  });

  it('a job that is cancelled while it waits ends', async () => {
    const { sim, heard, sweep, queue } = await setUp({ follows: true });
    const job = queue();
    const last = await step(sweep, null);
    sim.cancelJob(job);
    await step(sweep, last);
    expect(heard.told).toEqual([`${job} completed`]);
  });

  it('a job of somebody else that one of our runners took is told of', async () => {
    const { sim, heard, sweep } = await setUp({ follows: true });
    const other = sim.queueJob({ owner: 'acme', repo: 'ios', labels: ['self-hosted'], durationMs: 60_000 });
    sim.addForeignRunner({ scope: ACME, labels, name: 'berth-5-1-ab12' });
    await sim.waitFor(({ jobs }) => jobs.some(({ status }) => status === 'in_progress'), 10_000);
    const last = await step(sweep, null);
    await step(sweep, last);
    expect(heard.told).toEqual([`${other.id} in_progress`]);
  });

  it('a job is followed to its end, though no slot is for its repository any more', async () => {
    const scopes: Scope[] = [ACME];
    const { sim, heard, sweep, queue } = await setUp({ follows: true, scopes });
    const job = queue();
    const last = await step(sweep, null);
    scopes.pop();
    sim.cancelJob(job);
    const end = await step(sweep, last);
    expect(heard.told).toEqual([`${job} completed`]);
    expect(end.memory).toMatchObject({ told: {} });
  });

  it('while others of its run go on, a job that is over is not told of again', async () => {
    const { sim, heard, sweep } = await setUp({ follows: true });
    const [one] = sim.queueMatrix({ owner: 'acme', repo: 'ios', labels, count: 2 });
    let last = await step(sweep, null);
    sim.cancelJob(one?.id ?? 0);
    for (let looks = 0; looks < 3; looks += 1) last = await step(sweep, last);
    expect(heard.told).toEqual([`${one?.id} completed`]);
  });
});

it('events say that they come from the API, with what the job has', async () => {
  const sim = await startSim({});
  const { id, runId } = sim.queueJob({ owner: 'acme', repo: 'ios', labels });
  const { items } = await githubOf(sim).listJobs({ owner: 'acme', repo: 'ios', runId }, 1);
  const expected: Partial<JobEvent> = {
    source: 'github-api',
    action: 'queued',
    jobId: id,
    runId,
    labels,
    runnerName: null,
  };
  expect(items).toEqual([expect.objectContaining(expected)]);
});
