/** A runner that nobody's VM holds: it lives inside the simulator, and takes jobs as any other runner may. */

import { randomBytes } from 'node:crypto';
import type { Registrations } from './registrations.js';
import type { Session, Sessions } from './sessions.js';
import type { SimJob, SimRunner, SimScope } from './types.js';
import type { World } from './world.js';

export interface ForeignRunnerOptions {
  readonly scope: SimScope;
  readonly labels: readonly string[];
  readonly name?: string;
  readonly groupId?: number;
  /** False: it takes job after job. True unless given. */
  readonly ephemeral?: boolean;
}

interface Deps {
  readonly world: World;
  readonly registrations: Registrations;
  readonly sessions: Sessions;
}

const FOR_EVER = 2 ** 31 - 1;

/** Registers it and lets it work in the background until it is removed. Throws when the name or group is refused. */
export function startForeignRunner({ world, registrations, sessions }: Deps, options: ForeignRunnerOptions): SimRunner {
  const { scope, labels, groupId = 1, ephemeral = true } = options;
  const name = options.name ?? `foreign-${randomBytes(4).toString('hex')}`;
  const registered = registrations.register({ scope, labels, groupId, ephemeral, name, workFolder: '_work' });
  if (typeof registered === 'string') throw new Error(`runner ${name} was refused: ${registered}`);
  const { id } = registered.runner;
  const session = sessions.open(registered.runner, { os: 'Linux' });
  if (session === undefined) throw new Error(`runner ${name} is online already`);
  // It never falls silent: the hold ends with the runner.
  sessions.hold(id);

  const work = async (job: SimJob): Promise<void> => {
    const runner = world.runners.get(id);
    if (runner === undefined || !sessions.start(runner, job.id)) return;
    const told = await sessions.toldTo(id, job.id, job.durationMs ?? FOR_EVER);
    const current = world.stopped() ? undefined : world.runners.get(id);
    if (current !== undefined) sessions.finish(current, job.id, told === 'stop' ? 'cancelled' : job.wantedConclusion);
  };
  void serve(sessions, session, work);
  return world.runners.get(id) ?? registered.runner;
}

async function serve(sessions: Sessions, session: Session, work: (job: SimJob) => Promise<void>): Promise<void> {
  for (;;) {
    const job = await sessions.nextJob(session, FOR_EVER);
    if (job === undefined || job === 'gone') return;
    await work(job);
  }
}
