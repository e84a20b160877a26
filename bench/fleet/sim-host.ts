/** A host that only waits where a real one works: the worker and its heartbeats are the agent's own. */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { HostReport } from '../../activities/contracts.js';
import type { HostActivitiesDeps } from '../../activities/host.js';
import { orAborted } from '../../agent/waiting.js';
import { announceHost } from '../../workers/host-announce.js';
import { createHostActivityWorker } from '../../workers/host.js';

export interface SimHostOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly name: string;
  readonly pool: string;
  readonly slots: number;
  readonly template: string;
  /** How long each step on a VM takes (milliseconds). */
  readonly stepMs: number;
  /** The runner in the VM has begun to call GitHub. */
  readonly onRunnerStarted: (runner: string) => void;
  readonly log: Logger;
}

/** A slot's VM, from the moment its host holds the slot until the VM is gone; milliseconds since 1970. */
export interface SlotUse {
  readonly slot: string;
  readonly runner: string;
  readonly from: number;
  until: number | null;
}

export interface SimHost {
  readonly name: string;
  readonly slots: readonly string[];
  readonly uses: readonly SlotUse[];
  /** Resolves when `hostWatch` has taken the announcement. */
  readonly announced: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The real agent says as late that only its holds have changed (`agent/report.ts`). */
const HOLDS_PAUSE_MS = 5_000;

export async function startSimHost(options: SimHostOptions): Promise<SimHost> {
  const { connection, namespace, name, log } = options;
  const slots = Array.from({ length: options.slots }, (_, index) => `${name}-${index + 1}`);
  const uses: SlotUse[] = [];
  const agent = createSimAgent(options, slots, uses);
  const worker = await createHostActivityWorker({ connection, namespace, config: { host: name } }, agent);
  const running = worker.run();
  const stopping = new AbortController();
  const client = new Client({ connection, namespace });
  const announced = announceHost(client, agent.report, log, stopping.signal).then((answer) => {
    if (!answer.accepted) throw new Error(`host ${name} refused: ${answer.reason}`);
  });
  announced.catch(() => undefined);
  return {
    name,
    slots,
    uses,
    announced,
    stop: async () => {
      stopping.abort();
      worker.shutdown();
      await running;
    },
  };
}

type SimAgent = HostActivitiesDeps['agent'] & { readonly report: () => Promise<HostReport> };

function createSimAgent(options: SimHostOptions, slots: readonly string[], uses: SlotUse[]): SimAgent {
  const { stepMs, onRunnerStarted } = options;
  const ends = new Map<string, () => void>();
  const identity = identityOf(options, slots);
  const waiters = new Set<() => void>();
  let sequence = 1;
  let timer: NodeJS.Timeout | undefined;

  const noteChange = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      sequence += 1;
      for (const wake of waiters) wake();
      waiters.clear();
    }, HOLDS_PAUSE_MS).unref();
  };
  const current = (): HostReport => {
    const open = uses.filter(({ until }) => until === null);
    const heldSlots = Object.fromEntries(open.map(({ runner, slot }) => [runner, slot]));
    return { ...identity, sequence, holds: Object.keys(heldSlots), heldSlots };
  };
  const step = async (): Promise<void> => void (await delay(stepMs));

  return {
    report: async () => current(),
    nextReport: async (known, signal) => {
      while (known.sessionId === identity.sessionId && known.sequence >= sequence) {
        await orAborted(new Promise<void>((resolve) => waiters.add(resolve)), signal);
      }
      return current();
    },
    holdSlot: async ({ runner, slot }, { signal }) => {
      uses.push({ slot, runner, from: Date.now(), until: null });
      noteChange();
      await orAborted(new Promise<void>((resolve) => ends.set(runner, resolve)), signal);
    },
    destroyVm: async (runner) => {
      await step();
      const use = uses.find((one) => one.runner === runner && one.until === null);
      if (use !== undefined) use.until = Date.now();
      ends.get(runner)?.();
      ends.delete(runner);
      noteChange();
      return { existed: use !== undefined };
    },
    sweepVms: async () => ({ looked: uses.length, findings: [] }),
    pullTemplate: async ({ tag }) => ({ tag, pulled: false }),
    steps: {
      ensureTemplate: async ({ tag }) => ({ tag, pulled: false }),
      cloneVm: step,
      startVm: async () => {
        await step();
        return { publicKey: { keyId: 'sim', key: '' } };
      },
      startRunner: async ({ runner }) => {
        await step();
        onRunnerStarted(runner);
      },
      askGuest: async () => ({ jobStarted: null, jobCompleted: false, exitCode: null }),
    },
  };
}

function identityOf({ name, pool, template }: SimHostOptions, slots: readonly string[]): HostReport {
  return {
    host: name,
    pool,
    agentId: randomUUID(),
    sessionId: randomUUID(),
    bootId: 'sim',
    sequence: 1,
    version: '0.0.0',
    provider: { kind: 'anka', version: '3.8.6', problems: [] },
    slots: slots.map((slot) => ({
      name: slot,
      scope: { kind: 'org', owner: 'acme' },
      runnerGroup: null,
      registrationTimeoutMs: 60_000,
      sleepInterval: 0,
      retryAttempts: 5,
    })),
    resources: { cpus: 12, memoryBytes: 64 * 2 ** 30, diskFreeBytes: 500 * 2 ** 30 },
    templates: [{ uuid: template, name: template, tag: 'v1', size: { cpus: 4, memoryBytes: 8 * 2 ** 30 } }],
    holds: [],
    foreignVms: [],
    vmLimit: slots.length,
    draining: false,
    drainedBy: [],
    pulling: null,
    needsReboot: false,
  };
}
