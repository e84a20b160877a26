/** The sweep of jobs: against the simulated GitHub, and against one that forgets. */

import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { OpenJob } from '../../activities/sweeps/fleet.js';
import { createJobsSweep } from '../../activities/sweeps/jobs.js';
import type { JobsSweepDeps } from '../../activities/sweeps/jobs.js';
import { GitHubError } from '../../github/errors.js';
import { createGitHub } from '../../github/github.js';
import type { SweepLook, SweepReport } from '../../jobs/sweeps.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { SimJob } from '../../simulators/github/types.js';
import { startSim } from '../simulators-github/helpers.js';
import { fakeFleet, jobEvent } from './fixtures.js';

const look: SweepLook = { dryRun: false, byHand: false, memory: null };
const HOUR = 3_600_000;
const deeds = ({ findings }: SweepReport) => findings.map(({ what, done }) => [what, done]);

const openJob = (jobId: number, more: Partial<OpenJob> = {}): OpenJob => ({
  workflowId: `job/github.com/${jobId}`,
  jobId,
  run: { owner: 'acme', repo: 'ios', runId: 10 },
  state: 'queued',
  startedAt: Date.now() - HOUR,
  ...more,
});

const ofSim = ({ id, owner, repo, runId }: SimJob, state: string): OpenJob =>
  openJob(id, { run: { owner, repo, runId }, state });

async function onSim() {
  const sim = await startSim();
  const fleet = fakeFleet();
  const github = createGitHub({
    apiUrl: `${sim.url}/api/v3`,
    credentialFor: () => ({ kind: 'token', token: DEFAULT_TOKEN }),
    log: pino({ level: 'silent' }),
  });
  const clock = { aheadMs: 60_000 };
  const sweep = createJobsSweep({ github, fleet, now: () => Date.now() + clock.aheadMs });
  return { sim, fleet, sweep, clock };
}

describe('the sweep of jobs, on GitHub', () => {
  it('ends what is over, tells what runs, and says nothing of the others', async () => {
    const { sim, fleet, sweep } = await onSim();
    const queue = (repo: string): SimJob => sim.queueJob({ owner: 'acme', repo, labels: ['a'], durationMs: 60_000 });
    const [over, waiting, running] = [queue('ios'), queue('ios'), queue('app')];
    sim.cancelJob(over.id);
    const labels = ['a'];
    sim.addForeignRunner({ name: 'theirs', scope: { kind: 'repo', owner: 'acme', repo: 'app' }, labels });
    await sim.waitFor(({ jobs }) => jobs.find(({ id, status }) => id === running.id && status === 'in_progress'));
    fleet.jobs.push(...[over, waiting, running].map((job) => ofSim(job, 'queued')));
    const report = await sweep(look);
    expect(report).toMatchObject({ looked: 3, found: 2, calls: 3, isComplete: true });
    expect(deeds(report)).toEqual([
      [`job ${over.id} of acme/ios`, 'ended'],
      [`job ${running.id} of acme/app`, 'told'],
    ]);
    expect(fleet.told.map(({ event: { action, source, jobId } }) => [action, source, jobId])).toEqual([
      ['completed', 'github-api', over.id],
      ['in_progress', 'github-api', running.id],
    ]);
  });

  it('asks once for all jobs of a run', async () => {
    const { sim, fleet, sweep } = await onSim();
    const matrix = sim.queueMatrix({ owner: 'acme', repo: 'ios', labels: ['a'], count: 30 });
    sim.cancelRun(matrix[0]?.runId ?? -1);
    fleet.jobs.push(...matrix.map((job) => ofSim(job, 'queued')));
    const report = await sweep(look);
    expect(report).toMatchObject({ looked: 30, found: 30, calls: 1 });
    expect(fleet.told).toHaveLength(30);
  });

  it('finds a job whose run was run again by itself', async () => {
    const { sim, fleet, sweep } = await onSim();
    const job = sim.queueJob({ owner: 'acme', repo: 'ios', labels: ['a'], durationMs: 60_000 });
    sim.cancelJob(job.id);
    sim.rerunRun(job.runId, 'all');
    fleet.jobs.push(ofSim(job, 'queued'));
    expect(deeds(await sweep(look))).toEqual([[`job ${job.id} of acme/ios`, 'ended']]);
  });

  it('waits for the webhook of what ended a moment ago', async () => {
    const { sim, fleet, sweep, clock } = await onSim();
    clock.aheadMs = 0;
    const job = sim.queueJob({ owner: 'acme', repo: 'ios', labels: ['a'], durationMs: 60_000 });
    sim.cancelJob(job.id);
    fleet.jobs.push(ofSim(job, 'queued'));
    expect(deeds(await sweep(look))).toEqual([[`job ${job.id} of acme/ios`, 'seen']]);
    clock.aheadMs = 15_000;
    expect(deeds(await sweep(look))).toEqual([[`job ${job.id} of acme/ios`, 'ended']]);
  });

  it('changes nothing in a dry run', async () => {
    const { sim, fleet, sweep } = await onSim();
    const job = sim.queueJob({ owner: 'acme', repo: 'ios', labels: ['a'], durationMs: 60_000 });
    sim.cancelJob(job.id);
    fleet.jobs.push(ofSim(job, 'queued'));
    expect(deeds(await sweep({ ...look, dryRun: true }))).toEqual([[`job ${job.id} of acme/ios`, 'would']]);
    expect(fleet.told).toEqual([]);
  });

  it('asks the workflow where no search attribute names the run', async () => {
    const { sim, fleet, sweep } = await onSim();
    const job = sim.queueJob({ owner: 'acme', repo: 'ios', labels: ['a'], durationMs: 60_000 });
    sim.cancelJob(job.id);
    fleet.jobs.push({ ...ofSim(job, 'queued'), run: null, state: null });
    fleet.runIds.set(job.id, job.runId);
    expect(deeds(await sweep(look))).toEqual([[`job ${job.id} of acme/ios`, 'ended']]);
  });
});

type GitHub = JobsSweepDeps['github'];

/** A GitHub that knows no job, unless a test says otherwise. */
function forgetful(more: Partial<GitHub> = {}) {
  const fleet = fakeFleet();
  const clock = { at: Date.now() };
  const github: GitHub = {
    jobsOfRun: () => Promise.resolve({ jobs: [], calls: 1 }),
    lookUpJob: () => Promise.resolve(null),
    seesRepository: () => Promise.resolve(true),
    ...more,
  };
  const sweep = createJobsSweep({ github, fleet, now: () => clock.at });
  const twice = async (apartMs: number, options: Partial<SweepLook> = {}): Promise<SweepReport> => {
    const { memory } = await sweep({ ...look, ...options });
    clock.at += apartMs;
    return sweep({ ...look, ...options, memory });
  };
  return { fleet, sweep, twice, clock };
}

describe('the sweep of jobs that GitHub does not know', () => {
  it('ends one at the second look, with the reason', async () => {
    const { fleet, twice } = forgetful();
    fleet.jobs.push(openJob(1));
    const report = await twice(60_000);
    expect(report.findings).toMatchObject([{ what: 'job 1 of acme/ios', done: 'ended' }]);
    expect(fleet.told).toMatchObject([{ event: { action: 'completed', conclusion: 'gone from GitHub', jobId: 1 } }]);
  });

  it.each([
    ['at the first look', 0, {}, undefined],
    ['less than a minute later', 59_000, {}, undefined],
    ['in a dry run', 60_000, { dryRun: true }, undefined],
    ['in a repository that GitHub does not show', 60_000, {}, { seesRepository: () => Promise.resolve(false) }],
  ] as const)('ends none %s', async (_, apartMs, options, github) => {
    const { fleet, sweep, twice } = forgetful(github);
    fleet.jobs.push(openJob(1));
    await (apartMs === 0 ? sweep(look) : twice(apartMs, options));
    expect(fleet.told).toEqual([]);
  });

  it('ends none whose runner works', async () => {
    const { fleet, twice } = forgetful();
    fleet.jobs.push(openJob(1, { state: 'running' }));
    fleet.runnersOf.set(1, 'berth-1-1-aaaa');
    fleet.runners.add('berth-1-1-aaaa');
    expect((await twice(60_000)).findings).toMatchObject([{ done: 'left' }]);
    expect(fleet.told).toEqual([]);
    fleet.runners.clear();
    expect((await twice(60_000)).findings).toMatchObject([{ done: 'ended' }]);
  });

  it('forgets what it saw when GitHub knows the job again', async () => {
    let isKnown = false;
    const { fleet, sweep } = forgetful({ lookUpJob: () => Promise.resolve(isKnown ? jobEvent() : null) });
    fleet.jobs.push(openJob(1));
    const { memory } = await sweep(look);
    expect(memory).toMatchObject({ unknown: { 1: expect.any(Number) as number } });
    isKnown = true;
    expect((await sweep({ ...look, memory })).memory).toEqual({ unknown: {}, after: null });
  });
});

describe('the sweep of jobs goes easy', () => {
  const manyRuns = (count: number): OpenJob[] =>
    Array.from({ length: count }, (_, n) => openJob(n + 1, { run: { owner: 'acme', repo: 'ios', runId: n + 1 } }));
  const queued: Partial<GitHub> = {
    jobsOfRun: ({ runId }) => Promise.resolve({ jobs: [jobEvent({ jobId: runId, runId })], calls: 1 }),
  };

  it('on calls: a hundred in one sweep, oldest first, and the next goes on behind them', async () => {
    const asked: number[] = [];
    const { fleet, sweep } = forgetful({
      jobsOfRun: (run) => {
        asked.push(run.runId);
        return Promise.resolve({ jobs: [jobEvent({ jobId: run.runId, runId: run.runId })], calls: 1 });
      },
    });
    fleet.jobs.push(...manyRuns(250).reverse());
    let memory: SweepReport['memory'] = null;
    const complete: boolean[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const report = await sweep({ ...look, memory });
      complete.push(report.isComplete);
      memory = report.memory;
      expect(report.calls).toBeLessThanOrEqual(100);
    }
    expect(complete).toEqual([false, false, false]);
    expect(asked.slice(0, 250)).toEqual(Array.from({ length: 250 }, (_, n) => n + 1));
    expect(asked).toHaveLength(300);
  });

  it('on jobs that have just begun, unless a person asks', async () => {
    const { fleet, sweep, clock } = forgetful(queued);
    fleet.jobs.push(openJob(1, { startedAt: clock.at - 59_000 }));
    expect((await sweep(look)).looked).toBe(0);
    expect((await sweep({ ...look, byHand: true })).looked).toBe(1);
  });

  it('on a repository that refuses: one question, one finding', async () => {
    let asked = 0;
    const { fleet, sweep } = forgetful({
      jobsOfRun: () => {
        asked += 1;
        return Promise.reject(new GitHubError('GitHubRefused', 'it needs a right', 403));
      },
    });
    fleet.jobs.push(...manyRuns(5));
    expect((await sweep(look)).findings).toEqual([
      { what: 'jobs of acme/ios', why: 'it needs a right', done: 'failed' },
    ]);
    expect(asked).toBe(1);
  });

  it('on a GitHub that is not well: three questions, and it goes on behind them', async () => {
    let asked = 0;
    const { fleet, sweep } = forgetful({
      jobsOfRun: () => {
        asked += 1;
        return Promise.reject(new GitHubError('GitHubUnavailable', 'no answer'));
      },
    });
    fleet.jobs.push(...manyRuns(9));
    expect(await sweep(look)).toMatchObject({ isComplete: false, memory: { after: 3 } });
    expect(asked).toBe(3);
  });
});
