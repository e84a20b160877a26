import type pino from 'pino';
import type { Config } from '../config/types.js';
import type { Role } from '../workers/role.js';
import type { CliContext } from './context.js';
import { CommandError, EXIT } from './exit-codes.js';
import { writePidFile } from './pid-file.js';
import { untilStopped } from './until-stopped.js';
import type { Service } from './until-stopped.js';

/**
 * Runs roles until a signal stops them, or until one of them ends by itself: then all are stopped, and the command
 * fails with that role's reason.
 */
export async function runRoles(
  { roles, config, name, log }: { roles: readonly Role[]; config: Config; name: string; log: pino.Logger },
  context: CliContext,
): Promise<void> {
  const stop = async (): Promise<void> => {
    for (const role of roles) await role.stop();
  };
  const drains = roles.flatMap(({ drain }) => drain ?? []);
  const service: Service = {
    stop,
    // Jobs end through the other roles, which go on meanwhile.
    drain: async (cut) => void (await Promise.all(drains.map(({ run }) => run(cut)))),
    drainsAt: (signal) => drains.some(({ always }) => always || signal === 'SIGQUIT'),
  };
  const ended = Promise.race(
    roles.map((role) =>
      role.done.then(
        () => undefined,
        (err: unknown) => broken(role, err),
      ),
    ),
  );
  const removePidFile = writePidFile(config.pidFileDir, name, log);
  try {
    const failure = await Promise.race([ended, untilStopped(service, log, context)]);
    if (failure instanceof CommandError) {
      log.error({ err: failure }, 'role ended');
      await stop().catch(() => undefined);
      throw failure;
    }
  } finally {
    removePidFile();
  }
}

const broken = (role: Role, err: unknown): CommandError =>
  new CommandError(EXIT.failed, `${role.name}: ${err instanceof Error ? err.message : String(err)}`, { cause: err });
