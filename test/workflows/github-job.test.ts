/** The waits of `githubJob` that take minutes or hours, on a clock of the test's; what it tells others is written down. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobAction, JobEvent } from '../../jobs/event.js';
import type { JobInput } from '../../jobs/job-input.js';

const MINUTE = 60_000;
const T0 = 1_700_000_000_000;

const temporal = vi.hoisted(() => ({
  handlers: new Map<string, (...args: never[]) => unknown>(),
  lookUpJob: (): Promise<unknown> => Promise.resolve(null),
  rerunLostJob: (): Promise<unknown> => Promise.resolve('off'),
  cancelRun: (): Promise<unknown> => Promise.resolve('cancelled'),
  started: [] as string[],
  alerts: [] as unknown[],
  isDispatcherThere: true,
  /** "name of the signal → workflow", with the time in ms since the start. */
  told: [] as { readonly at: number; readonly what: string }[],
}));

vi.mock('@temporalio/workflow', async (importOriginal) => {
  const original = await importOriginal<Record<string, unknown>>();
  const { polledCondition } = await import('./polled-condition.js');
  const setHandler = (definition: { readonly name: string }, handler: () => unknown): void => {
    temporal.handlers.set(definition.name, handler);
  };
  const signal = (workflowId: string) => async (definition: { readonly name: string }) => {
    temporal.told.push({ at: Date.now() - T0, what: `${definition.name} → ${workflowId}` });
    if (!temporal.isDispatcherThere) throw new Error('not found');
  };
  return {
    ...original,
    condition: polledCondition(500),
    setHandler,
    CancellationScope: { nonCancellable: (run: () => unknown) => run() },
    getExternalWorkflowHandle: (workflowId: string) => ({ signal: signal(workflowId) }),
    log: {
      debug: () => undefined,
      warn: () => undefined,
      error: (_: string, { code }: { readonly code: unknown }) => temporal.alerts.push(code),
    },
    patched: () => true,
    proxyActivities: () => ({
      lookUpJob: () => temporal.lookUpJob(),
      rerunLostJob: () => temporal.rerunLostJob(),
      cancelRun: () => temporal.cancelRun(),
    }),
    sleep: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
    startChild: async (_: unknown, { workflowId }: { readonly workflowId: string }) => {
      temporal.started.push(workflowId);
      return { result: () => new Promise(() => undefined) };
    },
    setCurrentDetails: () => undefined,
    upsertSearchAttributes: () => undefined,
    workflowInfo: () => ({ workflowId: 'job/github.com/1' }),
  };
});

const { githubJob } = await import('../../workflows/github-job.js');

const INPUT: JobInput = {
  githubHost: 'github.com',
  pool: 'default',
  namePrefix: 'berth',
  jobId: 1,
  verdict: 'ours',
  reason: null,
  template: 'mac-15',
  tag: 'v1',
  labels: ['anka-template:mac-15'],
  recheck: false,
  searchAttributes: false,
};

function event(action: JobAction, source: JobEvent['source'] = 'webhook'): JobEvent {
  return {
    source,
    action,
    jobId: 1,
    runId: 2,
    runAttempt: 1,
    name: 'deploy',
    workflowName: 'release',
    owner: 'acme',
    repo: 'ios',
    labels: INPUT.labels,
    createdAt: T0,
    startedAt: null,
    completedAt: null,
    conclusion: action === 'completed' ? 'cancelled' : null,
    runnerName: null,
    runnerId: null,
    htmlUrl: 'https://github.com/acme/ios',
    deploymentUpdatedAt: null,
    deliveryId: null,
    receivedAt: T0,
  };
}

const hear = (signal: string, ...args: readonly unknown[]): void => {
  const handler = temporal.handlers.get(signal);
  if (handler === undefined) throw new Error(`nobody hears ${signal}`);
  handler(...(args as never[]));
};
const asksAt = (): number[] => temporal.told.filter(({ what }) => what.startsWith('askForSlot')).map(({ at }) => at);

let result: Promise<unknown>;

beforeEach(async () => {
  vi.useFakeTimers({ now: T0 });
  Object.assign(temporal, { told: [], started: [], alerts: [], isDispatcherThere: true });
  Object.assign(temporal, { lookUpJob: () => Promise.resolve(null), rerunLostJob: () => Promise.resolve('off') });
  result = githubJob(INPUT);
});

afterEach(() => vi.useRealTimers());

/** For tests that leave the job as it was. */
const endsCancelled = async (): Promise<void> => {
  hear('jobEvent', event('completed'));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await result).toMatchObject({ outcome: 'cancelled' });
};

const HOUR = 60 * MINUTE;
const RUNNER = 'berth-1-1-0a1b';
const slot = { name: 'left', scope: { kind: 'org', owner: 'acme' }, retryAttempts: 5, registrationTimeoutMs: 60_000 };
const GRANT = { runner: RUNNER, host: 'mini-1', slot, local: true };

/** Counts the questions about the job, in hours since the start. */
function askedAt(answer: () => unknown = () => null): number[] {
  const asked: number[] = [];
  temporal.lookUpJob = async () => {
    asked.push(Math.round((Date.now() - T0) / HOUR));
    return answer();
  };
  return asked;
}

const inProgress = (): JobEvent => ({ ...event('in_progress'), runnerName: RUNNER, runnerId: 7 });
const failed = (): JobEvent => ({ ...inProgress(), action: 'completed', conclusion: 'failure' });
const left = (lost?: object) => hear('runnerLeft', { runner: RUNNER, ...lost });
const HOST_LOST = { lost: { type: 'HostLost', message: 'host mini-1 stopped answering' } };

describe('a job behind an environment gate', () => {
  afterEach(endsCancelled);

  it('asks GitHub after ten minutes, then ever more rarely, and needs no webhook to go on once it is approved', async () => {
    const asked: number[] = [];
    const answers: JobAction[] = ['waiting', 'waiting', 'waiting', 'waiting', 'waiting', 'queued'];
    temporal.lookUpJob = async () => {
      asked.push(Math.round((Date.now() - T0) / MINUTE));
      return event(answers[asked.length - 1] ?? 'queued', 'github-api');
    };
    hear('jobEvent', event('waiting'));
    await vi.advanceTimersByTimeAsync(9 * MINUTE);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(8 * 60 * MINUTE);
    expect(asked).toEqual([10, 30, 70, 150, 270, 390]);
    expect(Math.floor((asksAt()[0] ?? 0) / MINUTE)).toBe(390);
  });

  it('costs no further question once its `queued` came', async () => {
    let asked = 0;
    temporal.lookUpJob = async () => {
      asked += 1;
      return null;
    };
    hear('jobEvent', event('waiting'));
    await vi.advanceTimersByTimeAsync(MINUTE);
    hear('jobEvent', event('queued'));
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(asked).toBe(0);
    expect(asksAt().length).toBeGreaterThan(50);
  });
});

describe('a waiting job', () => {
  afterEach(endsCancelled);

  it('asks each minute', async () => {
    hear('jobEvent', event('queued'));
    await vi.advanceTimersByTimeAsync(2.5 * MINUTE);
    expect(asksAt().map((at) => Math.round(at / MINUTE))).toEqual([0, 1, 2]);
  });

  it('that finds no dispatcher asks again after seconds', async () => {
    temporal.isDispatcherThere = false;
    hear('jobEvent', event('queued'));
    await vi.advanceTimersByTimeAsync(12_000);
    expect(asksAt()).toHaveLength(3);
    temporal.isDispatcherThere = true;
    await vi.advanceTimersByTimeAsync(40_000);
    expect(asksAt(), 'one that is heard').toHaveLength(4);
  });

  it('asks at once, and once, when the dispatcher was started anew', async () => {
    hear('jobEvent', event('queued'));
    await vi.advanceTimersByTimeAsync(20_000);
    hear('tellAgain');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(asksAt()).toHaveLength(2);
    expect(asksAt()[1]).toBeLessThan(21_000);
  });
});

describe('a job that waits for long', () => {
  it('asks GitHub before a VM is made for it, and needs none when it was cancelled unheard', async () => {
    hear('jobEvent', event('queued'));
    await vi.advanceTimersByTimeAsync(11 * MINUTE);
    const asked = askedAt(() => event('completed', 'github-api'));
    hear('slotGranted', GRANT);
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(await result).toMatchObject({ outcome: 'cancelled', attempts: 0 });
    expect(asked).toHaveLength(1);
    expect(temporal.started).toEqual([]);
  });

  it('gets its VM when GitHub does not answer, and without a question when it waited for a short time', async () => {
    hear('jobEvent', event('queued'));
    await vi.advanceTimersByTimeAsync(9 * MINUTE);
    const asked = askedAt(() => Promise.reject(new Error('no answer')));
    hear('slotGranted', GRANT);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual([]);
    expect(temporal.started).toEqual([`runner/${RUNNER}`]);
    hear('pairingChanged', { kind: 'taken', runner: RUNNER, by: 'job 2', standing: { position: T0, taken: 0 } });
    await vi.advanceTimersByTimeAsync(3 * MINUTE);
    hear('slotGranted', { ...GRANT, runner: 'berth-1-2-0a1b' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveLength(1);
    expect(temporal.started).toHaveLength(2);
    await endsCancelled();
  });

  it('costs GitHub four questions a day; then it is let go, and its run is not cancelled', async () => {
    const asked = askedAt(() => event('queued', 'github-api'));
    const cancelled = vi.fn(async () => 'cancelled');
    temporal.cancelRun = cancelled;
    hear('jobEvent', event('queued'));
    await vi.advanceTimersByTimeAsync(24.9 * HOUR);
    expect(asked).toEqual([2, 8, 16, 24]);
    await vi.advanceTimersByTimeAsync(0.3 * HOUR);
    expect(await result).toMatchObject({
      outcome: 'unrunnable',
      reason: expect.stringContaining('BERTH-J005') as string,
    });
    expect(cancelled).not.toHaveBeenCalled();
    expect(temporal.alerts).toEqual(['BERTH-J005']);
  }, 60_000);
});

describe('a job that fails again and again for reasons that are not its own', () => {
  it('is an alert from the fifth time on', async () => {
    hear('jobEvent', event('queued'));
    for (let turn = 1; turn <= 6; turn++) {
      const runner = `berth-1-${turn}-0a1b`;
      await vi.advanceTimersByTimeAsync(6 * MINUTE);
      hear('slotGranted', { ...GRANT, runner });
      await vi.advanceTimersByTimeAsync(1_000);
      const failure = { type: 'GitHubRefused', message: 'GitHub refused to register the runner' };
      const standing = { position: T0, taken: 0 };
      hear('pairingChanged', { kind: 'ended', runner, host: 'mini-1', failure, standing });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(temporal.alerts).toEqual(['BERTH-W002', 'BERTH-W002']);
    await endsCancelled();
  });
});

describe('a job whose host or VM is lost while it runs', () => {
  beforeEach(async () => {
    hear('jobEvent', event('queued'));
    hear('slotGranted', GRANT);
    await vi.advanceTimersByTimeAsync(1_000);
    hear('jobEvent', inProgress());
    await vi.advanceTimersByTimeAsync(1_000);
  });

  it('waits until GitHub has ended it, and is run again once other jobs of its run are over', async () => {
    const answers = ['not-yet', 'not-yet', 'rerun'];
    const rerun = vi.fn(async () => answers.shift());
    temporal.rerunLostJob = rerun;
    left(HOST_LOST);
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(rerun).not.toHaveBeenCalled();
    hear('jobEvent', failed());
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(await result).toMatchObject({
      outcome: 'infra_lost',
      reason: 'host mini-1 stopped answering (BERTH-H002)',
      servedBy: RUNNER,
    });
    expect(rerun).toHaveBeenCalledTimes(3);
  });

  it('is asked for no longer than a day, when its run goes on and on', async () => {
    const rerun = vi.fn(async () => 'not-yet');
    temporal.rerunLostJob = rerun;
    left(HOST_LOST);
    hear('jobEvent', failed());
    await vi.advanceTimersByTimeAsync(25 * HOUR);
    expect(await result).toMatchObject({ outcome: 'infra_lost' });
    expect(rerun.mock.calls.length).toBeLessThan(110);
  });

  it.each(['success', 'cancelled'])('was not lost when GitHub says %s', async (conclusion) => {
    const rerun = vi.fn(async () => 'rerun');
    temporal.rerunLostJob = rerun;
    left(HOST_LOST);
    hear('jobEvent', { ...failed(), conclusion });
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(await result).toMatchObject({ outcome: conclusion });
    expect(rerun).not.toHaveBeenCalled();
  });

  it('fails while its host is silent: its runner has the last word on what that was', async () => {
    hear('serverSilent', { runner: RUNNER, host: 'mini-1', silent: true });
    hear('jobEvent', failed());
    await vi.advanceTimersByTimeAsync(16_000);
    left(HOST_LOST);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await result).toMatchObject({ outcome: 'infra_lost' });
  });

  it('fails while its host is silent, and the host is back: its own failure', async () => {
    hear('serverSilent', { runner: RUNNER, host: 'mini-1', silent: true });
    hear('jobEvent', failed());
    await vi.advanceTimersByTimeAsync(5_000);
    left();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await result).toMatchObject({ outcome: 'failure' });
  });

  it('fails while its host is silent, and nobody ever says more: it does not wait for ever', async () => {
    hear('serverSilent', { runner: RUNNER, host: 'mini-1', silent: true });
    hear('jobEvent', failed());
    await vi.advanceTimersByTimeAsync(61_000);
    expect(await result).toMatchObject({ outcome: 'failure' });
  });

  it('is closed after a day when GitHub never says how it ended', async () => {
    const asked = askedAt();
    left();
    await vi.advanceTimersByTimeAsync(25 * HOUR);
    expect(await result).toMatchObject({ outcome: 'unknown', reason: expect.stringContaining('BERTH-W003') as string });
    expect(temporal.alerts).toEqual(['BERTH-W003']);
    expect(asked.length).toBeLessThan(160);
  });

  it('that only runs for long is asked for every six hours, and no longer than six days', async () => {
    const asked = askedAt();
    await vi.advanceTimersByTimeAsync(13 * HOUR);
    expect(asked).toEqual([6, 12]);
    hear('jobEvent', failed());
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(await result).toMatchObject({ outcome: 'failure' });
  });
});
