/** What a runner with no job does, on a clock of the test's: when it is a ghost, and that no job is killed by its going. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GuestState } from '../../activities/contracts.js';
import { DEFAULT_LIMITS } from '../../jobs/phases.js';
import type { Hold } from '../../workflows/hold.js';
import type { Life } from '../../workflows/runner-life.js';

const MINUTE = 60_000;
const NOTHING: GuestState = { jobStarted: null, jobCompleted: false, exitCode: null };
const STARTED: GuestState = { ...NOTHING, jobStarted: { owner: 'acme', repo: 'ios', runId: 9 } };

const temporal = vi.hoisted(() => ({
  handlers: new Map<string, (...args: never[]) => unknown>(),
  calls: [] as string[],
  removeRunner: (): unknown => 'removed',
  lookUpRunner: (): unknown => ({ state: 'online', busy: false }),
  askGuest: (): unknown => ({ jobStarted: null, jobCompleted: false, exitCode: null }),
}));

vi.mock('@temporalio/workflow', async (importOriginal) => {
  const original = await importOriginal<Record<string, unknown>>();
  const { polledCondition } = await import('./polled-condition.js');
  const activity = (name: 'removeRunner' | 'lookUpRunner' | 'askGuest') => async () => {
    temporal.calls.push(name);
    return temporal[name]();
  };
  return {
    ...original,
    condition: polledCondition(200),
    setHandler: ({ name }: { readonly name: string }, handler: () => unknown) => temporal.handlers.set(name, handler),
    CancellationScope: class {
      static nonCancellable = (run: () => unknown): unknown => run();
      run = (work: () => unknown): unknown => work();
      cancel = (): void => undefined;
    },
    getExternalWorkflowHandle: () => ({ signal: async () => undefined }),
    log: { debug: () => undefined },
    patched: () => true,
    proxyActivities: () => ({
      removeRunner: activity('removeRunner'),
      lookUpRunner: activity('lookUpRunner'),
      askGuest: activity('askGuest'),
      findJobOfRunner: async () => null,
    }),
    setCurrentDetails: () => undefined,
    sleep: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
});

const { CancellationScope } = await import('@temporalio/workflow');
const { listen } = await import('../../workflows/runner-orders.js');
const { serveOneJob } = await import('../../workflows/runner-service.js');

const HOLD: Hold = { lost: new Promise<never>(() => undefined), end: async () => undefined };
const JOB = { owner: 'acme', repo: 'ios', jobId: 1, workflowId: 'job/github.com/1' };

/** A registered runner whose process is up. */
function idleRunner(registrationTimeoutMs = MINUTE): Life {
  const scope = { kind: 'org', owner: 'acme' } as const;
  const slot = { name: 'left', scope, runnerGroup: null, registrationTimeoutMs, sleepInterval: 0, retryAttempts: 5 };
  const name = 'berth-1-1-0a1b';
  return {
    input: {
      name,
      grant: { runner: name, host: 'mini-1', slot, local: true },
      githubHost: 'github.com',
      pool: 'default',
      job: JOB,
      template: 'mac-15',
      tag: 'v1',
      labels: [],
      searchAttributes: false,
    },
    limits: DEFAULT_LIMITS,
    scope: new CancellationScope(),
    orders: listen(JOB),
    registration: { scope, runnerId: 7, inGuest: false },
    registering: null,
    isTakenOff: false,
    isStartable: true,
    isHostSilent: false,
    failure: null,
    step: null,
    telling: null,
    limited: null,
  };
}

const hear = (signal: string, ...args: readonly unknown[]): void => {
  temporal.handlers.get(signal)?.(...(args as never[]));
};

/** Serves, and notes when that was over. */
function serve(life: Life): { readonly endedAt: () => number | null } {
  const since = Date.now();
  let endedAt: number | null = null;
  void serveOneJob(life, HOLD).then(() => (endedAt = Date.now() - since));
  return { endedAt: () => endedAt };
}

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(temporal, {
    calls: [],
    removeRunner: () => 'removed',
    lookUpRunner: () => ({ state: 'online', busy: false }),
    askGuest: () => NOTHING,
  });
});
afterEach(() => vi.useRealTimers());

describe('a runner that nobody gave a job', () => {
  it('goes: off GitHub first, then the guest is asked, and once more', async () => {
    const life = idleRunner();
    const run = serve(life);
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(temporal.calls).toEqual(['removeRunner', 'askGuest', 'askGuest']);
    expect(life.failure?.type).toBe('NotPickedUp');
    expect(run.endedAt()).toBeLessThan(70_000);
  });

  it('goes for want of a job, not for an error of its own, when its process ends because it was taken off GitHub', async () => {
    const life = idleRunner();
    temporal.askGuest = () => ({ ...NOTHING, exitCode: 1 });
    serve(life);
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(life.failure?.type).toBe('NotPickedUp');
  });

  it('is to blame when its process ended before that', async () => {
    const life = idleRunner();
    serve(life);
    await vi.advanceTimersByTimeAsync(MINUTE / 2);
    hear('guestReported', { ...NOTHING, exitCode: 1 });
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(life.failure?.type).toBe('RunnerExited');
  });

  it('is looked for on GitHub while it may wait for long; missing twice, it is a ghost', async () => {
    const life = idleRunner(60 * MINUTE);
    const states = ['online', 'absent', 'online', 'absent', 'absent'];
    temporal.lookUpRunner = () => ({ state: states.shift(), busy: false });
    temporal.removeRunner = () => 'absent';
    const run = serve(life);
    await vi.advanceTimersByTimeAsync(30 * MINUTE);
    expect(life.failure?.type).toBe('RegistrationGone');
    expect(run.endedAt()).toBeLessThan(26 * MINUTE);
  });

  it('is no ghost for a GitHub that does not answer', async () => {
    const life = idleRunner(20 * MINUTE);
    temporal.lookUpRunner = () => Promise.reject(new Error('no answer'));
    serve(life);
    await vi.advanceTimersByTimeAsync(25 * MINUTE);
    expect(life.failure?.type).toBe('NotPickedUp');
  });
});

describe('a job that comes while its runner goes', () => {
  const moments: readonly [string, () => void][] = [
    ['before GitHub removed the runner, and GitHub refuses', () => (temporal.removeRunner = () => 'busy')],
    ['before the guest is asked', () => (temporal.askGuest = () => STARTED)],
    [
      'between the two looks at the guest',
      () => {
        let looks = 0;
        temporal.askGuest = () => (++looks === 1 ? NOTHING : STARTED);
      },
    ],
    [
      'after the first look, told by the guest itself',
      () => {
        temporal.askGuest = () => {
          setTimeout(() => hear('guestReported', STARTED), 1_000);
          return NOTHING;
        };
      },
    ],
    [
      'while GitHub removes the runner, told by its webhook',
      () => {
        temporal.removeRunner = () => {
          hear('servesJob', JOB);
          return 'removed';
        };
      },
    ],
  ];

  it.each(moments)('%s: runs to its end', async (_, comes) => {
    const life = idleRunner();
    comes();
    const run = serve(life);
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(run.endedAt(), 'it is served').toBeNull();
    expect(life.failure).toBeNull();
    hear('servesJob', JOB);
    hear('jobOver', { jobId: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(run.endedAt()).not.toBeNull();
  });
});

describe('a runner that GitHub says is busy, and nothing else does', () => {
  it('is doubted, and goes when GitHub says so no more', async () => {
    const life = idleRunner();
    const answers = ['busy', 'busy', 'busy', 'removed'];
    temporal.removeRunner = () => answers.shift();
    const run = serve(life);
    await vi.advanceTimersByTimeAsync(6 * MINUTE);
    expect(run.endedAt(), 'busy for GitHub').toBeNull();
    await vi.advanceTimersByTimeAsync(6 * MINUTE);
    expect(run.endedAt()).not.toBeNull();
    expect(life.failure?.type).toBe('NotPickedUp');
  });

  it('stays for as long as GitHub says so, at a few questions an hour', async () => {
    const life = idleRunner();
    temporal.removeRunner = () => 'busy';
    const run = serve(life);
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(run.endedAt()).toBeNull();
    expect(temporal.calls.filter((name) => name === 'removeRunner').length).toBeLessThan(12);
    hear('jobOver', { jobId: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(run.endedAt()).not.toBeNull();
  });
});
