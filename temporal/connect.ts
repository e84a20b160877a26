/** Connections to Temporal. */

import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { ClientOptions, ConnectionOptions } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { dataConverterFor } from './data-converter.js';
import type { CodecSettings } from './data-converter.js';
import { TemporalSettingsError } from './settings-error.js';
import { tlsConfig } from './tls-files.js';
import type { TlsSettings } from './tls-files.js';

export interface TemporalSettings {
  /** `host:port` */
  readonly address: string;
  readonly namespace: string;
  /** Of Temporal Cloud. A secret. Implies TLS. */
  readonly apiKey?: string | undefined;
  readonly tls?: TlsSettings | undefined;
  /** Encrypts payloads. Workers take it with `dataConverterFor`; clients of this file have it. */
  readonly codec?: CodecSettings | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A client whose connection is up. Close `client.connection` when done.
 * @throws Error that names the address when Temporal does not answer within 10 s
 * @throws TemporalSettingsError when the settings contradict each other, or a file of them cannot be used
 */
export async function connectClient(settings: TemporalSettings, log?: Pick<Logger, 'warn'>): Promise<Client> {
  const options = await connectionOptions(settings);
  const clientOptions = await clientSettings(settings, log);
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: CONNECT_TIMEOUT_MS });
    return new Client({ ...clientOptions, connection });
  } catch (error) {
    throw unreachable(settings, error);
  }
}

/**
 * A client that connects at its first call and again whenever the connection breaks: for the receiver, which must
 * start, and answer 503, while Temporal is down.
 * @throws TemporalSettingsError as `connectClient`
 */
export async function lazyClient(settings: TemporalSettings, log?: Pick<Logger, 'warn'>): Promise<Client> {
  const clientOptions = await clientSettings(settings, log);
  const connection = Connection.lazy({ ...(await connectionOptions(settings)), channelArgs: QUICK_RECONNECT });
  return new Client({ ...clientOptions, connection });
}

async function clientSettings(
  { namespace, codec }: TemporalSettings,
  log: Pick<Logger, 'warn'> | undefined,
): Promise<Pick<ClientOptions, 'namespace' | 'dataConverter'>> {
  const dataConverter = await dataConverterFor(codec, log);
  return { namespace, ...(dataConverter && { dataConverter }) };
}

/**
 * A connection for workers. The worker package, which loads native code and takes tens of megabytes, is loaded here
 * and not before: the receiver and the CLI do without it. Install the runtime first (`installRuntime`).
 * @throws as `connectClient`
 */
export async function connectNative(settings: TemporalSettings): Promise<NativeConnection> {
  const options = await connectionOptions(settings);
  const worker = await import('@temporalio/worker');
  try {
    return await worker.NativeConnection.connect(options);
  } catch (error) {
    throw unreachable(settings, error);
  }
}

/** Milliseconds between attempts to reach a server that is down: its return is noticed within two seconds. */
const QUICK_RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2_000 };

/**
 * A connection to a server on this machine that is just starting.
 * @throws Error when it does not answer within `timeoutMs`
 */
export async function connectWhenUp(address: string, timeoutMs: number): Promise<Connection> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const left = until - Date.now();
    try {
      // A new connection each time: a refused one waits a second before it tries again.
      return await Connection.connect({ address, connectTimeout: Math.max(1, Math.min(left, 1_000)) });
    } catch {
      if (Date.now() >= until) throw new Error(`it did not answer on ${address} within ${timeoutMs / 1000} s`);
      await delay(25);
    }
  }
}

type Options = Required<Pick<ConnectionOptions, 'address' | 'metadata'>> & {
  apiKey?: string;
  tls?: Exclude<Awaited<ReturnType<typeof tlsConfig>>, undefined>;
};

async function connectionOptions({ address, namespace, apiKey, tls }: TemporalSettings): Promise<Options> {
  const options: Options = { address, metadata: {} };
  if (apiKey !== undefined) {
    if (tls === false) {
      const message = 'temporal.api_key needs TLS: without it the key would cross the network in clear';
      throw new TemporalSettingsError(`${message}. Remove \`temporal.tls: false\`, or the key`);
    }
    options.apiKey = apiKey;
    // Temporal Cloud finds the namespace of a call that does not carry one by this header.
    options.metadata = { 'temporal-namespace': namespace };
  }
  const files = await tlsConfig(tls ?? apiKey !== undefined);
  if (files !== undefined) options.tls = files;
  return options;
}

function unreachable({ address, namespace }: TemporalSettings, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error);
  return new Error(
    `Temporal at ${address} (namespace ${namespace}) cannot be reached: ${why}. ` +
      'Check that it runs, and `temporal.address`, `temporal.tls` and `temporal.api_key` in the config.',
    { cause: error },
  );
}
