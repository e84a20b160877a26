import { setTimeout as delay } from 'node:timers/promises';
import type { DataConverter } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { temporalSettings } from '../config/temporal-settings.js';
import type { TemporalConfig } from '../config/types.js';
import { connectNative } from '../temporal/connect.js';
import type { TemporalSettings } from '../temporal/connect.js';
import { dataConverterFor } from '../temporal/data-converter.js';
import { TemporalSettingsError } from '../temporal/settings-error.js';
import { installRuntime } from '../temporal/runtime.js';

/** Between attempts to reach a Temporal that is away. */
const RETRY_MS = 1_000;

/** How often a long absence is logged. */
const TELL_EVERY_MS = 30_000;

/**
 * Connects to Temporal, however long that takes: a Mac that boots before its server must not need a person.
 * @throws the signal's reason when it is aborted first
 * @throws TemporalSettingsError at once: waiting would not mend the settings
 */
export async function connectWhenThere(
  settings: TemporalSettings,
  log: Logger,
  signal: AbortSignal,
): Promise<NativeConnection> {
  installRuntime(log);
  let toldAt = -Infinity;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await connectNative(settings);
    } catch (err) {
      if (err instanceof TemporalSettingsError) throw err;
      if (performance.now() - toldAt > TELL_EVERY_MS) {
        toldAt = performance.now();
        log.warn({ err, address: settings.address }, 'Temporal is away; trying again until it answers');
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}

/** What a worker, and a client beside it, need of Temporal. */
export interface WorkerTemporal {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Where payloads are encrypted. */
  readonly dataConverter?: DataConverter;
}

/**
 * Runs a role's work with a connection, got as by `connectWhenThere`, and closes that at the end.
 * @throws Error that names the codec's key file that cannot be used, and whatever `work` throws
 */
export async function whileConnected(
  config: TemporalConfig,
  log: Logger,
  signal: AbortSignal,
  work: (temporal: WorkerTemporal) => Promise<void>,
): Promise<void> {
  const settings = temporalSettings(config);
  const dataConverter = await dataConverterFor(settings.codec, log);
  const connection = await connectWhenThere(settings, log, signal);
  try {
    await work({ connection, namespace: settings.namespace, ...(dataConverter && { dataConverter }) });
  } finally {
    await connection.close();
  }
}
