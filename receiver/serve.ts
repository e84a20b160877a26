import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type pino from 'pino';
import type { Registry } from 'prom-client';
import type { Config, ReceiverConfig } from '../config/types.js';
import { createReceiver } from './receiver.js';
import { linkTemporal } from './temporal-link.js';
import type { LinkConfig } from './temporal-link.js';

export interface ServeOptions {
  readonly config: LinkConfig & Partial<Pick<Config, 'intake'>>;
  readonly receiver: Pick<ReceiverConfig, 'port' | 'secret'>;
  readonly log: pino.Logger;
  readonly metrics: Registry;
  /** Listens on this address only. */
  readonly listenOn?: string;
}

export interface RunningReceiver {
  readonly port: number;
  /** Takes no new connection, answers what it has begun, then lets go of Temporal. */
  stop(): Promise<void>;
}

/**
 * Starts to listen, whether Temporal is there or not: while it isn't, deliveries are answered 503, which GitHub's log
 * of deliveries shows.
 * @throws Error when the port cannot be had, or a TLS or key file cannot be used
 */
export async function serveReceiver(options: ServeOptions): Promise<RunningReceiver> {
  const { config, receiver, log, metrics, listenOn } = options;
  const link = await linkTemporal(config, log);
  const app = createReceiver({
    secret: receiver.secret,
    temporal: link.starter,
    probe: () => link.probe(),
    namePrefix: config.namePrefix,
    ...(config.intake !== undefined && { intake: config.intake }),
    log,
    metrics,
  });
  const stop = async (): Promise<void> => {
    await app.close();
    await link.release();
  };
  try {
    await app.listen({ port: receiver.port, host: listenOn ?? allAddresses() });
  } catch (err) {
    await stop();
    const { code } = err as NodeJS.ErrnoException;
    throw new Error(`port ${receiver.port} cannot be listened on (${code ?? 'unknown error'})`, { cause: err });
  }
  const { port } = app.server.address() as AddressInfo;
  log.info({ port, temporal: config.temporal.address }, 'receiver listens');
  return { port, stop };
}

/** GitHub must reach it: IPv6 and IPv4, or IPv4 alone where there is no IPv6. */
function allAddresses(): string {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return interfaces.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
}
