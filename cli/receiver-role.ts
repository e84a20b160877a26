import type pino from 'pino';
import { Registry } from 'prom-client';
import type { Config } from '../config/types.js';
import { serveReceiver } from '../receiver/serve.js';
import type { Role } from '../workers/role.js';
import { CommandError, EXIT } from './exit-codes.js';

/**
 * Starts the receiver, listening when this returns.
 * @throws CommandError when the config has no receiver, or its port cannot be had
 */
export async function startReceiver(config: Config, log: pino.Logger, listenOn?: string): Promise<Role> {
  const { receiver, file } = config;
  if (receiver === null) throw new CommandError(EXIT.config, `${file} has no entry with plugin: github_receiver`);
  const options = { config, receiver, log, metrics: new Registry(), ...(listenOn !== undefined && { listenOn }) };
  const running = await serveReceiver(options).catch((err: unknown) => {
    throw new CommandError(EXIT.failed, (err as Error).message, { cause: err });
  });
  let ended = (): void => undefined;
  const done = new Promise<void>((resolve) => (ended = resolve));
  let stopped: Promise<void> | undefined;
  return { name: 'receiver', done, stop: () => (stopped ??= running.stop().finally(ended)) };
}
