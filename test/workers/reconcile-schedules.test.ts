/** On the real dev server: that Temporal hands a sweep what the one before it left is Temporal's promise, and ours. */

import { ApplicationFailure } from '@temporalio/activity';
import type { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ORCHESTRATOR_QUEUE, reconcileWorkflowId } from '../../jobs/names.js';
import type { SweepLook, SweepPart, SweepReport } from '../../jobs/sweeps.js';
import { connectClient } from '../../temporal/connect.js';
import { startDevServer } from '../../temporal/dev-server.js';
import type { DevServer } from '../../temporal/dev-server.js';
import { findTemporalCli } from '../../temporal/find-cli.js';
import { createReconcileSchedules } from '../../workers/reconcile-schedules.js';
import type { SchedulesOptions, SweepIntervals } from '../../workers/reconcile-schedules.js';
import { currentBundle } from '../replay/workflow-bundle.js';

const namespace = 'berth-schedules-test';
const log = pino({ level: 'silent' });
const NEVER: SweepIntervals = { deliveries: null, queued: null, runners: null, jobs: null, vms: null };

let server: DevServer;
let client: Client;
let native: NativeConnection;
let worker: Worker;
let running: Promise<void>;

/** What each look got, by part. */
const looks: (SweepLook & { readonly part: SweepPart })[] = [];
let fails = false;

async function sweep(look: SweepLook & { readonly part: SweepPart }): Promise<SweepReport> {
  looks.push(look);
  if (fails) throw ApplicationFailure.nonRetryable('told to fail');
  const count = Number(look.memory?.['count'] ?? 0) + 1;
  return { part: look.part, looked: 0, found: 0, findings: [], calls: 0, isComplete: true, memory: { count } };
}

beforeAll(async () => {
  const cli = (await findTemporalCli({ progress: (line) => process.stderr.write(`${line}\n`) })).file;
  server = await startDevServer({ cli, namespace, searchAttributes: [], log, headless: true });
  client = await connectClient({ address: server.address, namespace });
  native = await NativeConnection.connect({ address: server.address });
  worker = await Worker.create({
    connection: native,
    namespace,
    taskQueue: ORCHESTRATOR_QUEUE,
    workflowBundle: { code: await currentBundle() },
    activities: { sweep },
  });
  running = worker.run();
}, 900_000);

afterAll(async () => {
  worker?.shutdown();
  await running;
  await native?.close();
  await (client?.connection as Connection | undefined)?.close();
  await server?.stop();
});

const schedules = (intervals: Partial<SweepIntervals>, over: Partial<SchedulesOptions> = {}) =>
  createReconcileSchedules({ client, intervals: { ...NEVER, ...intervals }, log, ...over });

const counts = (part: SweepPart): unknown[] =>
  looks.filter((look) => look.part === part).map(({ memory }) => memory?.['count'] ?? null);

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await isSo(), what).toBe(true), { timeout: 30_000, interval: 100 });
}

const every = async (part: SweepPart): Promise<number | undefined> => {
  const { spec } = await client.schedule.getHandle(reconcileWorkflowId(part)).describe();
  return spec.intervals?.[0]?.every;
};

const exists = async (part: SweepPart): Promise<boolean> => {
  const known = client.schedule.getHandle(reconcileWorkflowId(part)).describe();
  return known.then(
    () => true,
    () => false,
  );
};

describe('the schedules of the sweeps', () => {
  it('hand each sweep what the last one remembered: after a failure, and after they were changed, too', async () => {
    await schedules({ deliveries: 1_000 }).ensure();
    await until('the second look has the memory of the first', () => counts('deliveries').includes(1));
    fails = true;
    const before = looks.length;
    await until('two looks failed', () => looks.length >= before + 2);
    fails = false;
    const failed = looks.length;
    await until('one more', () => looks.length > failed + 1);
    const remembered = counts('deliveries').filter((count) => count !== null);
    // The same memory until a look succeeded; none is lost.
    expect(remembered).toEqual(remembered.toSorted((a, b) => Number(a) - Number(b)));
    expect(counts('deliveries').slice(1)).not.toContain(null);

    await schedules({ deliveries: 2_000 }).ensure();
    expect(await every('deliveries')).toBe(2_000);
    const changed = looks.length;
    await until('two looks after the change', () => looks.length >= changed + 2);
    expect(counts('deliveries').slice(1)).not.toContain(null);
    await schedules({}).ensure();
  });

  it('are made again when somebody deleted one, and deleted when the config says off', async () => {
    const ours = schedules({ runners: 3_600_000, jobs: 7_200_000 });
    await ours.ensure();
    expect([await every('runners'), await every('jobs')]).toEqual([3_600_000, 7_200_000]);
    await client.schedule.getHandle(reconcileWorkflowId('jobs')).delete();
    await ours.ensure();
    expect(await every('jobs')).toBe(7_200_000);
    await schedules({ jobs: 7_200_000 }).ensure();
    expect([await exists('runners'), await exists('jobs')]).toEqual([false, true]);
    await schedules({}).ensure();
    expect(await exists('jobs')).toBe(false);
  });

  it('are made by several orchestrators at once; the one with the older config leaves the newer one its own', async () => {
    const [older, ...others] = [1, 2, 3].map(() => schedules({ vms: 3_600_000 }));
    await Promise.all([older?.ensure(), ...others.map((each) => each.ensure())]);
    expect(await every('vms')).toBe(3_600_000);
    await schedules({ vms: 1_800_000 }).ensure();
    await older?.ensure();
    expect(await every('vms')).toBe(1_800_000);
  });

  it('keep an operator’s pause', async () => {
    const handle = client.schedule.getHandle(reconcileWorkflowId('runners'));
    await schedules({ runners: 3_600_000 }).ensure();
    await handle.pause('not today');
    await schedules({ runners: 1_800_000 }).ensure();
    expect((await handle.describe()).state).toMatchObject({ paused: true, note: 'not today' });
  });

  it('without the right to have any: one warning, and nothing more is tried', async () => {
    const denied = Object.assign(new Error('7 PERMISSION_DENIED: Request unauthorized.'), { code: 7 });
    const asked: string[] = [];
    const warned: string[] = [];
    const refuse = async (): Promise<never> => {
      asked.push('once more');
      throw new Error('Failed to describe schedule', { cause: denied });
    };
    const handle = { describe: refuse, delete: refuse, update: refuse };
    const refusing = { schedule: { getHandle: () => handle, create: refuse } } as unknown as SchedulesOptions['client'];
    const destination = { write: (line: string) => void warned.push((JSON.parse(line) as { msg: string }).msg) };
    const ours = schedules({ vms: 60_000 }, { client: refusing, log: pino({ level: 'warn' }, destination) });
    await ours.ensure();
    await ours.ensure();
    expect(warned).toEqual([expect.stringContaining('gives Berth no schedules')]);
    expect(asked).toHaveLength(1);
  });
});
