import { ApplicationFailure } from '@temporalio/activity';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReconcileActivities } from '../../activities/reconcile.js';
import { createReport } from '../../activities/sweeps/part.js';
import type { SweepOfOnePart } from '../../activities/sweeps/part.js';
import { GitHubError, GitHubRateLimited } from '../../github/errors.js';
import { MOST_FINDINGS } from '../../jobs/sweeps.js';
import { fakeFleet } from './fixtures.js';

const LOOK = { part: 'queued', dryRun: false, byHand: false, memory: null } as const;

function setUp(queued: SweepOfOnePart) {
  const lines: { readonly level: number; readonly msg: string; readonly [field: string]: unknown }[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as (typeof lines)[number]);
  const none: SweepOfOnePart = async () => createReport('jobs').report(null);
  let beats = 0;
  const fleet = fakeFleet();
  const activities = createReconcileActivities({
    parts: { deliveries: none, queued, runners: none, jobs: none },
    fleet,
    log: pino({ level: 'debug' }, { write }),
    heartbeat: () => void (beats += 1),
    now: () => 1_000_000,
  });
  return { lines, beats: () => beats, activities, fleet, sweep: () => activities.sweep(LOOK) };
}

describe('the activity of the sweeps', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('leaves VMs to their hosts, and names these', async () => {
    const { activities, fleet } = setUp(async () => createReport('queued').report(null));
    await expect(activities.sweep({ ...LOOK, part: 'vms' })).rejects.toThrow('by their hosts');
    fleet.hostsThere.push({ host: 'mini-1', isLost: true, vms: ['a'], scopes: [] });
    expect(await activities.hostsToSweep()).toEqual([{ host: 'mini-1', isLost: true }]);
  });

  it('has a pulse while it looks, and none afterwards', async () => {
    const { beats, sweep } = setUp(async () => {
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return createReport('queued').report(null);
    });
    const done = sweep();
    await vi.advanceTimersByTimeAsync(60_000);
    await done;
    const during = beats();
    expect(during).toBeGreaterThan(10);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(beats()).toBe(during);
  });

  it('says what it found; nothing found is a line for debugging', async () => {
    const report = createReport('queued');
    const { lines, sweep } = setUp(async () => report.report(null));
    await sweep();
    report.found('job 7 of acme/ios', 'unheard', 'started');
    await sweep();
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      [20, 'sweep found nothing'],
      [30, 'sweep found something'],
    ]);
  });

  const failures: readonly (readonly [string, Error, object])[] = [
    ['a refusal is not repeated', new GitHubError('GitHubRefused', 'no', 403), { nonRetryable: true }],
    ['a failing GitHub is asked again', new GitHubError('GitHubUnavailable', '502', 502), { nonRetryable: false }],
  ];
  it.each(failures)('%s, and both are logged with the part', async (_what, error, expected) => {
    const { lines, sweep } = setUp(async () => Promise.reject(error));
    const failed = await sweep().catch((err: unknown) => err);
    expect(failed).toBeInstanceOf(ApplicationFailure);
    expect(failed).toMatchObject({ type: (error as GitHubError).type, ...expected });
    expect(lines).toEqual([expect.objectContaining({ level: 40, part: 'queued', msg: 'sweep failed' })]);
  });

  it('a limit says when to come again', async () => {
    const limited = new GitHubRateLimited('wait', 1_060_000, 'asked');
    const failed = await setUp(async () => Promise.reject(limited))
      .sweep()
      .catch((err: unknown) => err as ApplicationFailure);
    const delay = Number((failed as ApplicationFailure).nextRetryDelay);
    expect(delay).toBeGreaterThanOrEqual(60_000);
    expect(delay).toBeLessThan(70_000);
  });
});

it('a report keeps the first findings and counts them all', () => {
  const report = createReport('deliveries');
  for (let index = 0; index < MOST_FINDINGS + 5; index += 1) report.found(`delivery ${index}`, 'missed', 'would');
  report.looked(7);
  report.called(3);
  report.called();
  report.incomplete();
  const { findings, ...rest } = report.report({ mark: 1 });
  expect(findings).toHaveLength(MOST_FINDINGS);
  expect(rest).toEqual({
    part: 'deliveries',
    looked: 7,
    found: MOST_FINDINGS + 5,
    calls: 4,
    isComplete: false,
    memory: { mark: 1 },
  });
});
