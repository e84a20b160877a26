/** What is concluded from what is known, as tables. */

import { describe, expect, it } from 'vitest';
import { judgeJob, judgeUnknownJob } from '../../activities/sweeps/job-verdict.js';
import { judgeRunner } from '../../activities/sweeps/runner-verdict.js';
import type { RunnerFacts } from '../../activities/sweeps/runner-verdict.js';
import { jobEvent } from './fixtures.js';

const offline: RunnerFacts = { isOnline: false, isBusy: false, hasWorkflow: false, vmOn: null, wasSeen: true };

describe('a runner', () => {
  it.each<[string, Partial<RunnerFacts>, string, RegExp]>([
    ['offline, without workflow and VM, for the second time', {}, 'condemned', /^offline, with no open workflow/],
    ['the same for the first time', { wasSeen: false }, 'seen', /no VM on any host/],
    ['with a workflow', { hasWorkflow: true }, 'fine', /^$/],
    ['with a workflow, online and busy', { hasWorkflow: true, isOnline: true, isBusy: true }, 'fine', /^$/],
    ['online', { isOnline: true }, 'left', /its VM runs somewhere/],
    ['online and busy', { isOnline: true, isBusy: true }, 'left', /online without an open workflow/],
    ['online, its VM known', { isOnline: true, vmOn: 'mini-1' }, 'left', /its VM runs on mini-1/],
    ['offline, its VM still there', { vmOn: 'mini-1' }, 'left', /still on mini-1/],
    ['busy and offline, its VM still there', { isBusy: true, vmOn: 'mini-1' }, 'left', /still on mini-1/],
    ['busy and offline, its VM gone, first seen', { isBusy: true, wasSeen: false }, 'seen', /GitHub calls it busy/],
    ['busy and offline, its VM gone, seen twice', { isBusy: true }, 'condemned', /GitHub calls it busy/],
  ])('%s', (_, facts, is, why) => {
    const verdict = judgeRunner({ ...offline, ...facts });
    expect(verdict.is).toBe(is);
    expect('why' in verdict ? verdict.why : '').toMatch(why);
  });

  it('is never condemned with a workflow, a VM or a connection, nor at first sight', () => {
    const flags = [true, false];
    for (const isOnline of flags)
      for (const isBusy of flags)
        for (const hasWorkflow of flags)
          for (const vmOn of ['mini-1', null])
            for (const wasSeen of flags) {
              const { is } = judgeRunner({ isOnline, isBusy, hasWorkflow, vmOn, wasSeen });
              const mayGo = !isOnline && !hasWorkflow && vmOn === null && wasSeen;
              expect(is === 'condemned').toBe(mayGo);
            }
  });
});

const NOW = Date.parse('2026-11-21T12:00:00Z');
const LONG_AGO = NOW - 60_000;

const over = jobEvent({ action: 'completed', conclusion: 'failure', completedAt: LONG_AGO });
const running = jobEvent({ action: 'in_progress', runnerName: 'berth-1-1-aaaa', startedAt: LONG_AGO });

describe('a job that GitHub knows', () => {
  it.each([
    ['over, its workflow waits', 'queued', over, 'unheard', true],
    ['over, its workflow starts a VM', 'starting', over, 'unheard', true],
    ['over, its workflow thinks it runs', 'running', over, 'unheard', true],
    ['over, its workflow unknown', null, over, 'unheard', true],
    ['over, its workflow is about to close', 'over', over, 'fine', undefined],
    ['over for a moment only', 'running', { ...over, completedAt: NOW - 2_000 }, 'seen', undefined],
    ['over with its run, without a time of its own', 'queued', { ...over, completedAt: null }, 'unheard', true],
    ['running, its workflow waits', 'queued', running, 'unheard', false],
    ['running, its workflow starts a VM', 'starting', running, 'unheard', false],
    ['running, and so its workflow says', 'running', running, 'fine', undefined],
    ['running for a moment only', 'queued', { ...running, startedAt: NOW - 2_000 }, 'seen', undefined],
    ['queued', 'queued', jobEvent({ action: 'queued' }), 'fine', undefined],
    [
      'queued again in GitHub’s late view of a running one',
      'running',
      jobEvent({ action: 'queued' }),
      'fine',
      undefined,
    ],
    ['waiting for approval', 'queued', jobEvent({ action: 'waiting' }), 'fine', undefined],
  ] as const)('%s', (_, state, event, is, ends) => {
    const verdict = judgeJob(state, event, NOW);
    expect(verdict.is).toBe(is);
    expect('ends' in verdict ? verdict.ends : undefined).toBe(ends);
  });
});

describe('a job that GitHub does not know', () => {
  const DAY = 86_400_000;
  const unknown = { wasSeen: true, isRepoThere: true, runsOn: null, ageMs: DAY };
  it.each([
    ['for the first time', { wasSeen: false }, 'seen'],
    ['twice, in a repository that is there', {}, 'gone'],
    ['twice, while its runner works', { runsOn: 'berth-1-1-aaaa' }, 'left'],
    ['twice, while its runner works and its repository is hidden', { runsOn: 'a', isRepoThere: false }, 'left'],
    ['twice, in a repository that GitHub hides', { isRepoThere: false }, 'left'],
    ['for longer than any job lives', { isRepoThere: false, ageMs: 7 * DAY }, 'gone'],
    ['for longer than any job lives, while its runner works', { runsOn: 'a', ageMs: 7 * DAY }, 'left'],
  ] as const)('%s', (_, facts, is) => {
    expect(judgeUnknownJob({ ...unknown, ...facts }).is).toBe(is);
  });
});
