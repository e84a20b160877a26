/** The sweeps' workflow: how often it looks, what it remembers, and what it makes of two looks. */

import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { HostToSweep, VmSweep } from '../../activities/contracts.js';
import type { SweepFinding, SweepInput, SweepLook, SweepReport } from '../../jobs/sweeps.js';

const temporal = vi.hoisted(() => ({
  looks: [] as unknown[],
  reports: [] as unknown[],
  slept: [] as number[],
  details: '',
  lastResult: null as SweepReport | null,
  hosts: [] as unknown[],
  sweepHost: undefined as unknown as (queue: string, input: unknown) => Promise<unknown>,
}));

vi.mock('@temporalio/workflow', async (importOriginal) => ({
  ...(await importOriginal<Record<string, unknown>>()),
  proxyActivities: ({ taskQueue }: { readonly taskQueue: string }) => ({
    sweep: async (look: unknown) => {
      temporal.looks.push(look);
      return temporal.reports.shift();
    },
    hostsToSweep: async () => temporal.hosts,
    sweepVms: (input: unknown) => temporal.sweepHost(taskQueue, input),
  }),
  setCurrentDetails: (text: string) => (temporal.details = text),
  sleep: async (ms: number) => void temporal.slept.push(ms),
  workflowInfo: () => ({ lastResult: temporal.lastResult ?? undefined }),
}));

const { reconcile } = await import('../../workflows/reconcile.js');

const finding = (what: string, done: SweepFinding['done']): SweepFinding => ({ what, why: 'because', done });

function report(findings: readonly SweepFinding[], more: Partial<SweepReport> = {}): SweepReport {
  const counts = { looked: 4, found: findings.length, calls: 2, isComplete: true };
  return { part: 'runners', findings, memory: { at: findings.length }, ...counts, ...more };
}

const byHand: SweepInput = { part: 'runners', dryRun: false, byHand: true };
const scheduled: SweepInput = { ...byHand, byHand: false };
const looks = (): SweepLook[] => temporal.looks as SweepLook[];

beforeEach(() => {
  temporal.looks.length = 0;
  temporal.slept.length = 0;
  temporal.lastResult = null;
});

describe('a sweep', () => {
  it('looks once by schedule, with what the last one remembered', async () => {
    temporal.lastResult = report([], { memory: { seen: { a: 1 } } });
    const found = report([finding('a', 'seen')]);
    temporal.reports = [found];
    expect(await reconcile(scheduled)).toEqual(found);
    expect(looks()).toEqual([{ ...scheduled, memory: { seen: { a: 1 } } }]);
    expect(temporal.details).toBe('4 looked at, 1 found, 2 calls to GitHub\n- a: because (seen)');
  });

  it('looks once by hand when the first look leaves nothing to decide', async () => {
    temporal.reports = [report([finding('a', 'left')])];
    await reconcile(byHand);
    expect(looks()).toHaveLength(1);
    expect(looks()[0]?.memory).toBeNull();
  });

  it('looks twice by hand, and says what both looks did', async () => {
    const first = [finding('done at once', 'ended'), finding('stays', 'seen'), finding('goes by itself', 'seen')];
    temporal.reports = [
      report([...first, finding('kept', 'left')]),
      report([finding('stays', 'removed'), finding('kept', 'left')]),
    ];
    const { findings, found, calls } = await reconcile(byHand);
    expect(findings.map(({ what, done }) => [what, done])).toEqual([
      ['done at once', 'ended'],
      ['stays', 'removed'],
      ['kept', 'left'],
    ]);
    expect([found, calls, temporal.slept]).toEqual([3, 4, [15_000]]);
    expect(looks()[1]?.memory).toEqual({ at: 4 });
  });
});

describe('a sweep of VMs', () => {
  const host = (name: string, isLost = false): HostToSweep => ({ host: name, isLost });
  const sweepVms = (dryRun: boolean) => reconcile({ part: 'vms', dryRun, byHand: true });

  it('asks each host, and puts together what they say', async () => {
    temporal.hosts = [host('mini-1'), host('mini-2')];
    const asked: unknown[] = [];
    temporal.sweepHost = (queue, input) => {
      asked.push([queue, input]);
      const findings = queue === 'host/mini-2' ? [{ vm: 'berth-1-1-aaaa', why: 'left', done: 'would' }] : [];
      return Promise.resolve({ looked: 2, findings } as VmSweep);
    };
    expect(await sweepVms(true)).toEqual({
      part: 'vms',
      looked: 4,
      found: 1,
      findings: [{ what: 'VM berth-1-1-aaaa on mini-2', why: 'left', done: 'would' }],
      calls: 0,
      isComplete: true,
      memory: null,
    });
    expect(asked).toEqual([
      ['host/mini-1', { dryRun: true }],
      ['host/mini-2', { dryRun: true }],
    ]);
  });

  it('names hosts that cannot be asked, and those that fail', async () => {
    temporal.hosts = [host('gone', true), host('silent')];
    const cause = ApplicationFailure.nonRetryable('Temporal is away', 'HostLost');
    temporal.sweepHost = () =>
      Promise.reject(new ActivityFailure('failed', 'sweepVms', '1', 'NON_RETRYABLE_FAILURE', undefined, cause));
    const { findings } = await sweepVms(false);
    expect(findings).toEqual([
      { what: 'host gone', why: expect.stringContaining('no heartbeat') as string, done: 'left' },
      { what: 'host silent', why: expect.stringContaining('Temporal is away') as string, done: 'failed' },
    ]);
  });

  it('keeps the first hundred findings, and counts all', async () => {
    temporal.hosts = Array.from({ length: 130 }, (_, n) => host(`mini-${n}`, true));
    const { found, findings } = await sweepVms(false);
    expect([found, findings.length]).toEqual([130, 100]);
  });
});
