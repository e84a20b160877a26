import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import type { Policy } from '../../jobs/policy.js';
import { unpackFleet } from '../../placement/carry.js';
import type { Packed } from '../../placement/pack.js';
import { ensureDispatcher } from '../../workers/orchestrator-dispatchers.js';
import type { DispatcherClient } from '../../workers/orchestrator-dispatchers.js';
import type { HostStatus } from '../../workflows/messages.js';
import { report } from '../placement/fixtures.js';

const log = pino({ level: 'silent' });
const FAIR: Policy = { ...DEFAULT_POLICY, order: 'fair' };

interface Open {
  readonly workflowId: string;
  readonly type: 'hostWatch' | 'githubJob';
  readonly startTime: Date;
  readonly state?: string;
}

interface Temporal {
  status: string | null;
  runId: string;
  startFails: Error | null;
  /** Workflows that end before they are told. */
  readonly ended: Set<string>;
  readonly open: Open[];
  readonly started: string[];
  readonly policies: unknown[];
  readonly told: { readonly workflowId: string; readonly at: number }[];
  /** What hosts' workflows answer; the others never do. */
  readonly statuses: Map<string, HostStatus | null | Error>;
  /** The books that it was started with. */
  books: Packed | undefined;
}

const notFound = (id: string): Error => new WorkflowNotFoundError('not found', id, undefined);

function clientOf(temporal: Temporal): DispatcherClient {
  const handle = (workflowId: string, runId?: string) => ({
    query: (name: string) => {
      expect(name).toBe('hostStatus');
      const status = temporal.statuses.get(workflowId);
      if (status === undefined) return new Promise(() => undefined);
      return status instanceof Error ? Promise.reject(status) : Promise.resolve(status);
    },
    describe: async () => {
      if (temporal.status === null) throw notFound(workflowId);
      return { status: { name: temporal.status }, runId: temporal.runId };
    },
    signal: async (name: string, policy?: unknown) => {
      if (name === 'policySet') {
        if (runId !== temporal.runId) throw notFound(workflowId);
        temporal.policies.push(policy);
        return;
      }
      expect(name).toBe('tellAgain');
      if (temporal.ended.has(workflowId)) throw notFound(workflowId);
      temporal.told.push({ workflowId, at: Date.now() });
    },
  });
  async function* list({ query = '' }: { readonly query?: string }): AsyncGenerator {
    for (const { type, state, ...info } of temporal.open) {
      if (query.includes(`'${type}'`)) yield { ...info, typedSearchAttributes: { get: () => state } };
    }
  }
  const start = async (
    _type: string,
    { workflowId, args }: { readonly workflowId: string; readonly args: unknown[] },
  ) => {
    if (temporal.startFails !== null) throw temporal.startFails;
    temporal.started.push(workflowId);
    const { policy, packed } = args[0] as { readonly policy: unknown; readonly packed?: Packed };
    temporal.policies.push(policy);
    temporal.books = packed;
    return { firstExecutionRunId: temporal.runId };
  };
  return { workflow: { getHandle: handle, list, start } } as unknown as DispatcherClient;
}

const job = (n: number, more: Partial<Open> = {}): Open => ({
  workflowId: `job/${n}`,
  type: 'githubJob',
  startTime: new Date(n * 1_000),
  ...more,
});

const hostNamed = (name: string): Open => ({ workflowId: `host/${name}`, type: 'hostWatch', startTime: new Date(1) });
const host = hostNamed('mini-1');

const status = (name: string, more: Partial<HostStatus> = {}): HostStatus => ({
  ...report(name),
  state: 'up',
  drain: null,
  overdue: false,
  ...more,
});

describe('the dispatcher of a pool', () => {
  let temporal: Temporal;
  let toldRuns: Map<string, string>;
  const stopping = new AbortController();
  const ensure = (signal = stopping.signal): Promise<void> =>
    ensureDispatcher({ client: clientOf(temporal), pool: 'default', policy: FAIR, told: toldRuns, log, signal });
  const told = (): string[] => temporal.told.map(({ workflowId }) => workflowId);

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    toldRuns = new Map();
    const nothing = { ended: new Set<string>(), open: [], started: [], policies: [], told: [], statuses: new Map() };
    temporal = { status: null, runId: 'run-1', startFails: null, books: undefined, ...nothing };
    temporal.statuses.set('host/mini-1', null);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each(['RUNNING', 'PAUSED'])('that is %s is left alone, and nobody is told anything', async (status) => {
    temporal.status = status;
    temporal.open.push(host, job(1));
    await ensure();
    expect(temporal).toMatchObject({ started: [], told: [] });
  });

  it.each([null, 'TERMINATED', 'COMPLETED'])(
    'that is %s is started, and told by hosts, then by the oldest jobs that may wait',
    async (status) => {
      temporal.status = status;
      temporal.open.push(job(3), job(2, { state: 'running' }), job(1, { state: 'queued' }), host, job(4));
      temporal.ended.add('job/3');
      const done = ensure();
      await vi.advanceTimersByTimeAsync(1_000);
      await done;
      expect(temporal.started).toEqual(['dispatcher/default']);
      expect(told()).toEqual(['host/mini-1', 'job/1', 'job/4']);
    },
  );

  it('is started with what the hosts of its pool said last, as lost ones', async () => {
    const labels = ['iPhone'];
    temporal.open.push(host, ...['mini-2', 'mini-3', 'mini-4'].map(hostNamed));
    const template = { uuid: 'u', name: 'mac-15', tag: null };
    temporal.statuses.set('host/mini-2', status('mini-2', { state: 'lost', labels, templates: [template] }));
    temporal.statuses.set('host/mini-3', status('mini-3', { pool: 'other' }));
    temporal.statuses.set('host/mini-4', notFound('host/mini-4'));
    const done = ensure();
    await vi.advanceTimersByTimeAsync(1_000);
    await done;
    const { hosts, ...rest } = unpackFleet(temporal.books ?? expect.fail('it was started with no books'));
    expect(rest).toEqual({ jobs: {}, runners: {}, gone: {} });
    expect(hosts).toEqual({ 'mini-2': { report: report('mini-2', { labels }), lost: true, seenAt: 0 } });
    expect(told()).toEqual(['host/mini-1', 'host/mini-2', 'host/mini-3', 'host/mini-4']);
  });

  it('is started after 5 s without the hosts that do not answer', async () => {
    temporal.open.push(...Array.from({ length: 50 }, (_, n) => hostNamed(`silent-${n}`)), host);
    const done = ensure();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(temporal.started).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(temporal.started).toEqual(['dispatcher/default']);
    expect(temporal.books).toBeUndefined();
    await vi.advanceTimersByTimeAsync(5_000);
    await done;
    expect(told()).toHaveLength(51);
  });

  it('is told the policy once, however often it is looked at', async () => {
    temporal.status = 'RUNNING';
    await ensure();
    await ensure();
    expect(temporal.policies).toEqual([FAIR]);
  });

  it('is started with the policy, and then need not be told it', async () => {
    await ensure();
    temporal.status = 'RUNNING';
    await ensure();
    expect(temporal.started).toEqual(['dispatcher/default']);
    expect(temporal.policies).toEqual([FAIR]);
  });

  it('is told again when it is another run: it was reset, or started anew by an orchestrator of another config', async () => {
    temporal.status = 'RUNNING';
    await ensure();
    temporal.runId = 'run-2';
    await ensure();
    expect(temporal.policies).toEqual([FAIR, FAIR]);
  });

  it('is told at the next look if it could not be told at this one', async () => {
    temporal.status = 'RUNNING';
    const client = clientOf(temporal);
    const broken = { signal: () => Promise.reject(new Error('unavailable')) };
    const getHandle = ((id: string) => ({ ...client.workflow.getHandle(id), ...broken })) as never;
    const options = { pool: 'default', policy: FAIR, told: toldRuns, log, signal: stopping.signal };
    const told = ensureDispatcher({ ...options, client: { workflow: { ...client.workflow, getHandle } } });
    await expect(told).rejects.toThrow('unavailable');
    await ensure();
    expect(temporal.policies).toEqual([FAIR]);
  });

  it('that another orchestrator started meanwhile is told by that one', async () => {
    temporal.startFails = new WorkflowExecutionAlreadyStartedError('there', 'dispatcher/default', 'dispatcher');
    temporal.open.push(host);
    await ensure();
    expect(temporal.told).toEqual([]);
  });

  it('does not drown in 5,000 jobs: 20 a second are told, for as long as they would not speak by themselves', async () => {
    for (let n = 5_000; n > 0; n -= 1) temporal.open.push(job(n));
    const done = ensure();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(temporal.told.length).toBeGreaterThanOrEqual(95);
    expect(temporal.told.length).toBeLessThanOrEqual(101);
    expect(told().slice(0, 2)).toEqual(['job/1', 'job/2']);
    await vi.advanceTimersByTimeAsync(120_000);
    await done;
    expect(temporal.told).toHaveLength(1_200);
    expect(temporal.told.at(-1)?.at).toBeLessThanOrEqual(61_000);
  });

  it('stops telling when the orchestrator stops', async () => {
    const stop = new AbortController();
    for (let n = 0; n < 100; n += 1) temporal.open.push(job(n));
    const done = ensure(stop.signal);
    await vi.advanceTimersByTimeAsync(1_000);
    stop.abort();
    await vi.advanceTimersByTimeAsync(100);
    await done;
    expect(temporal.told.length).toBeLessThan(30);
  });
});
