import type { Logger } from 'pino';
import type { Config, SlotConfig } from '../config/types.js';
import { changedLimits } from '../jobs/phases.js';
import type { PhaseLimits } from '../jobs/phases.js';
import { createHostWorker } from './host.js';
import type { HostWorker, HostWorkerConfig } from './host.js';
import type { Role } from './role.js';
import { whileConnected } from './temporal-ready.js';
import type { WorkerTemporal } from './temporal-ready.js';

/** Apple's licence and kernel: two macOS VMs on a machine, whatever is configured. */
const MACOS_VM_LIMIT = 2;

/** Starts the agent of this machine and attends it until stopped. */
export function startHost(config: Config, version: string, log: Logger): Role {
  const aborter = new AbortController();
  let stopWorker = (): Promise<void> => Promise.resolve();
  let drainWorker: HostWorker['drain'] = () => Promise.resolve();
  const done = whileConnected(config.temporal, log, aborter.signal, run).catch((err: unknown) => {
    if (!aborter.signal.aborted) throw err;
  });

  async function run(temporal: WorkerTemporal): Promise<void> {
    const worker = await createHostWorker({ ...temporal, config: workerConfig(config, version), log });
    stopWorker = worker.stop;
    drainWorker = worker.drain;
    if (aborter.signal.aborted) await worker.stop();
    else await worker.run();
  }

  return {
    name: `host ${config.hostName}`,
    done,
    drain: {
      always: config.onStop === 'drain',
      // Whatever ends the worker meanwhile ends the wait.
      run: (cut) => Promise.race([drainWorker(cut, config.drainDeadlineMs), done.catch(() => undefined)]),
    },
    stop: async () => {
      aborter.abort();
      await stopWorker();
      await done;
    },
  };
}

function workerConfig(config: Config, version: string): HostWorkerConfig {
  const { hostName, pool, namePrefix, stateDir, pluginsPath, drainFiles, slots, templates, hostResources } = config;
  const { hostLabels, phaseLimits, sweep } = config;
  const isLimited = hostResources.cpus !== null || hostResources.memoryBytes !== null || process.platform === 'darwin';
  return {
    host: hostName,
    pool,
    namePrefix,
    stateDir,
    pluginsPath,
    drainFiles,
    vmLimit: MACOS_VM_LIMIT,
    version,
    resources: hostResources,
    slots: slots.map((slot) => toSlot(slot, isLimited, phaseLimits)),
    labels: hostLabels,
    limits: phaseLimits,
    templates,
    sweepEveryMs: sweep.vms,
  };
}

function toSlot(slot: SlotConfig, isLimited: boolean, phases: PhaseLimits): HostWorkerConfig['slots'][number] {
  const { name, scope, runnerGroup, registrationTimeoutMs, sleepInterval, retryAttempts, skipPull } = slot;
  const skipResourceChecks = slot.skipResourceChecks || !isLimited;
  const registry = slot.registryUrl === null ? {} : { registryUrl: slot.registryUrl };
  const limits = changedLimits(phases);
  const own = {
    skipPull,
    diskBufferPercent: slot.templateDiskBuffer,
    mounts: slot.mounts,
    ...registry,
    ...(limits && { limits }),
  };
  return { name, scope, runnerGroup, registrationTimeoutMs, sleepInterval, retryAttempts, skipResourceChecks, ...own };
}
