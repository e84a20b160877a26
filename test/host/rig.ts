import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import pino from 'pino';
import { afterEach, expect } from 'vitest';
import { createHostActivities } from '../../activities/host.js';
import type { ActivityContext } from '../../activities/host.js';
import type { GuestState, HostActivities } from '../../activities/contracts.js';
import { createHostAgent } from '../../agent/host-agent.js';
import type { HostAgent, HostAgentConfig } from '../../agent/host-agent.js';
import type { WorkflowState } from '../../agent/workflows.js';
import { runnerWorkflowId } from '../../jobs/names.js';
import { seal } from '../../secrets/seal.js';
import { FakeProvider, TEMPLATE } from './fake-provider.js';

/** Temporal, as far as the agent sees it. */
export class FakeTemporal {
  /** Ids of open workflows. */
  readonly open = new Set<string>();
  readonly reports: { workflowId: string; state: GuestState }[] = [];
  readonly progress: { workflowId: string; what: string }[] = [];
  isAway = false;

  /** How those that are not open ended. */
  ended: Exclude<WorkflowState, 'open'> = 'stopped';

  stateOf = (workflowId: string): Promise<WorkflowState> =>
    this.isAway ? Promise.reject(new Error('away')) : Promise.resolve(this.open.has(workflowId) ? 'open' : this.ended);

  reportGuest = (workflowId: string, state: GuestState): Promise<'told' | 'gone'> => {
    if (this.isAway) return Promise.reject(new Error('away'));
    if (!this.open.has(workflowId)) return Promise.resolve('gone');
    this.reports.push({ workflowId, state });
    return Promise.resolve('told');
  };

  reportProgress = (workflowId: string, what: string): Promise<void> => {
    if (!this.open.has(workflowId)) return Promise.reject(new Error('closed'));
    this.progress.push({ workflowId, what });
    return Promise.resolve();
  };
}

/** One activity under way, with what its worker could do to it. */
export interface Running<T> {
  readonly result: Promise<T>;
  /** Ends it from outside, by one of the SDK's reasons. */
  readonly cancel: (reason: 'CANCELLED' | 'NOT_FOUND' | 'WORKER_SHUTDOWN') => void;
  readonly beats: unknown[];
}

/** An agent with its activities, on a fake provider and a fake Temporal. */
export interface Rig {
  readonly provider: FakeProvider;
  readonly temporal: FakeTemporal;
  readonly config: HostAgentConfig;
  agent: HostAgent;
  readonly call: <K extends keyof HostActivities>(
    name: K,
    input: Parameters<HostActivities[K]>[0],
  ) => Running<Awaited<ReturnType<HostActivities[K]>>>;
  /** Hold, clone, start, runner: as its workflow would. Resolves when the guest is watched. */
  readonly bringUp: (runner: string, slot?: string) => Promise<Running<void>>;
  /** A hold whose workflow is open. */
  readonly hold: (runner: string, slot?: string, adopt?: boolean) => Running<void>;
  /** As a kill -9: nothing of the old agent acts any more; a new one starts on its state folder. */
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const slot = (name: string): HostAgentConfig['slots'][number] => ({
  name,
  scope: { kind: 'org', owner: 'acme' },
  runnerGroup: null,
  registrationTimeoutMs: 60_000,
  sleepInterval: 0,
  retryAttempts: 5,
  skipPull: false,
});

export interface RigOptions {
  readonly slots?: readonly string[];
  readonly vmLimit?: number;
  readonly sweepEveryMs?: number;
  readonly lookAgainMs?: number;
  readonly provider?: FakeProvider;
  readonly templates?: NonNullable<HostAgentConfig['templates']>;
  readonly labels?: readonly string[];
  /** In every VM. */
  readonly mounts?: readonly string[];
}

export async function createRig(options: RigOptions = {}): Promise<Rig> {
  const { slots = ['a', 'b'], vmLimit = 2, sweepEveryMs = 60_000, provider = new FakeProvider() } = options;
  const folder = await mkdtemp(join(tmpdir(), 'berth-agent-'));
  const temporal = new FakeTemporal();
  const config: HostAgentConfig = {
    host: 'mac-1',
    pool: 'default',
    namePrefix: 'berth',
    stateDir: join(folder, 'state'),
    pluginsPath: join(folder, 'plugins'),
    drainFiles: [join(folder, 'state', 'drain')],
    vmLimit,
    version: '1.0.0',
    sweepEveryMs,
    slots: slots.map((name) => ({ ...slot(name), ...(options.mounts && { mounts: options.mounts }) })),
    ...(options.templates && { templates: options.templates }),
    ...(options.labels && { labels: options.labels }),
  };
  const log = pino({ level: process.env['BERTH_TEST_LOG'] ?? 'silent' });
  const make = (): Promise<HostAgent> =>
    createHostAgent({
      config,
      provider,
      workflows: temporal,
      log,
      ...(options.lookAgainMs !== undefined && { lookAgainMs: options.lookAgainMs }),
      drainFileEveryMs: 20,
      watchPausesMs: [5, 20],
      newsPausesMs: [20, 20],
    });
  const rig: Rig = {
    provider,
    temporal,
    config,
    agent: await make(),
    call: (name, input) => callActivity(rig.agent, name, input),
    hold: (runner, slotName = 'a', adopt = false) => {
      temporal.open.add(runnerWorkflowId(runner));
      return rig.call('holdSlot', { runner, slot: slotName, adopt });
    },
    bringUp: async (runner, slotName = 'a') => {
      const hold = rig.hold(runner, slotName);
      await rig.call('ensureTemplate', vmInput(runner, { slot: slotName })).result;
      await rig.call('cloneVm', vmInput(runner, { slot: slotName })).result;
      const { publicKey } = await rig.call('startVm', { runner }).result;
      const sealed = await seal(publicKey, JIT, runner);
      await rig.call('startRunner', { runner, sealed }).result;
      return hold;
    },
    restart: async () => {
      await rig.agent.close();
      rig.agent = await make();
    },
    close: async () => {
      await rig.agent.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return rig;
}

/**
 * Makes rigs for the tests of a file, and closes them after each test.
 * Hooks for after a test run last one first: what was registered before this sees closed rigs, what comes later open ones.
 */
export function useRigs(): (options?: RigOptions) => Promise<Rig> {
  const rigs: Rig[] = [];
  afterEach(async () => {
    await Promise.all(rigs.splice(0).map((rig) => rig.close()));
  });
  return async (options) => {
    const rig = await createRig(options);
    rigs.push(rig);
    return rig;
  };
}

function callActivity<K extends keyof HostActivities>(
  agent: HostAgent,
  name: K,
  input: Parameters<HostActivities[K]>[0],
): Running<Awaited<ReturnType<HostActivities[K]>>> {
  const abort = new AbortController();
  const beats: unknown[] = [];
  const workflowId = 'runner' in input ? runnerWorkflowId(input.runner) : 'host/mac-1';
  const context: ActivityContext = {
    info: { workflowExecution: { workflowId, runId: 'run-1' } },
    cancellationSignal: abort.signal,
    heartbeat: (details) => beats.push(details),
  };
  const activities = createHostActivities({ agent, context: () => context });
  const activity = activities[name] as (input: unknown) => Promise<Awaited<ReturnType<HostActivities[K]>>>;
  const result = activity(input);
  result.catch(() => undefined);
  return { result, beats, cancel: (reason) => abort.abort(new CancelledFailure(reason)) };
}

export { TEMPLATE };

/** What an activity ends with that Temporal must not repeat. */
export const failure = (type: string, message: RegExp = /./): unknown =>
  expect.objectContaining({ type, nonRetryable: true, message: expect.stringMatching(message) as string });

export const JIT = 'the-jit-config-of-one-runner';

/** The input of the steps that need a template. */
export const vmInput = (runner: string, more: { slot?: string; tag?: string } = {}) => ({
  runner,
  slot: 'a',
  template: TEMPLATE,
  tag: 'v1',
  ...more,
});
