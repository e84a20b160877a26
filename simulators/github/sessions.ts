/** Runners that are online: their sessions, their jobs, and what happens when they fall silent. */

import { randomBytes } from 'node:crypto';
import type { Jobs } from './jobs.js';
import type { Registrations } from './registrations.js';
import type { Conclusion, SimJob, SimRunner } from './types.js';
import type { World } from './world.js';

export interface Session {
  readonly id: string;
  readonly runnerId: number;
}

export interface Sessions {
  /** The runner goes online; undefined when it already is. */
  readonly open: (runner: SimRunner, facts: { readonly os?: string; readonly version?: string }) => Session | undefined;
  readonly find: (sessionId: string) => Session | undefined;
  /** The runner says goodbye; a job still running ends with `failure`. */
  readonly close: (sessionId: string) => void;
  /** Marks a call of this runner; the function given back ends it. Between calls it must not be silent for long. */
  readonly hold: (runnerId: number) => () => void;
  /** Waits for a job for this runner. `gone` when its registration or session is. */
  readonly nextJob: (session: Session, waitMs: number, signal?: AbortSignal) => Promise<SimJob | 'gone' | undefined>;
  readonly start: (runner: SimRunner, jobId: number) => boolean;
  /**
   * Waits until the job is to be stopped (cancelled, over, or no longer this runner's), or to be finished; undefined when
   * it is neither in time.
   */
  readonly toldTo: (runnerId: number, jobId: number, waitMs: number, signal?: AbortSignal) => Promise<Told | undefined>;
  /** The runner's job ended. Says whether the runner is thereby deregistered; undefined when it has no such job. */
  readonly finish: (
    runner: SimRunner,
    jobId: number,
    conclusion: Conclusion,
  ) => { readonly deregistered: boolean } | undefined;
  /** Removes a registration with all that hangs on it: its session ends, and its job too. */
  readonly remove: (runnerId: number, why: NonNullable<SimRunner['removed']>['why']) => void;
}

/** What the runner of a job shall do with it. */
export type Told = 'stop' | 'finish';

interface Deps {
  readonly world: World;
  readonly jobs: Jobs;
  readonly registrations: Registrations;
  readonly wake: () => void;
}

interface Live extends Session {
  /** Calls that hang at this moment. */
  holds: number;
  callOff: () => void;
}

export function createSessions({ world, jobs, registrations, wake }: Deps): Sessions {
  const live = new Map<number, Live>();

  const end = (runnerId: number, step: 'offline' | 'lost'): void => {
    const session = live.get(runnerId);
    if (session === undefined) return;
    session.callOff();
    live.delete(runnerId);
    const runner = world.runners.get(runnerId);
    if (runner === undefined) return;
    const jobId = runner.jobId;
    const hadBegun = jobId !== null && world.jobs.get(jobId)?.runnerId === runnerId;
    if (jobId !== null && !hadBegun) jobs.unassign(jobId);
    const spent = runner.spent || (hadBegun && runner.ephemeral);
    const off = { online: false, jobId: null, idleSince: null, busySince: null, spent };
    world.putRunner({ ...runner, ...off }, step);
    if (hadBegun) jobs.complete(jobId, 'failure');
  };

  const touch = (session: Live): void => {
    session.callOff();
    session.callOff = world.after(world.settings.lostAfterMs, () => {
      if (session.holds === 0 && live.get(session.runnerId) === session) end(session.runnerId, 'lost');
    });
  };

  const hold: Sessions['hold'] = (runnerId) => {
    const session = live.get(runnerId);
    if (session === undefined) return () => undefined;
    session.holds += 1;
    session.callOff();
    return () => {
      session.holds -= 1;
      if (session.holds === 0 && live.get(runnerId) === session) touch(session);
    };
  };

  const isLive = (session: Session): boolean =>
    live.get(session.runnerId)?.id === session.id && world.runners.has(session.runnerId);

  return {
    hold,
    open: (runner, { os = runner.os, version = runner.version }) => {
      if (live.has(runner.id)) return undefined;
      const session: Live = { id: randomBytes(8).toString('hex'), runnerId: runner.id, holds: 0, callOff: () => {} };
      live.set(runner.id, session);
      touch(session);
      world.putRunner({ ...runner, os, version, online: true, idleSince: Date.now() }, 'online');
      wake();
      return session;
    },
    find: (sessionId) => [...live.values()].find(({ id }) => id === sessionId),
    close: (sessionId) => {
      const session = [...live.values()].find(({ id }) => id === sessionId);
      if (session !== undefined) end(session.runnerId, 'offline');
    },
    nextJob: (session, waitMs, signal) =>
      world.changes.until<SimJob | 'gone'>(
        () => {
          if (!isLive(session)) return 'gone';
          const job = world.jobs.get(world.runners.get(session.runnerId)?.jobId ?? -1);
          return job?.status === 'queued' && job.assignedTo === session.runnerId ? job : undefined;
        },
        waitMs,
        signal,
      ),
    start: (runner, jobId) => live.has(runner.id) && jobs.start(jobId, runner),
    toldTo: (runnerId, jobId, waitMs, signal) => {
      const read = (): Told | undefined => {
        const job = world.jobs.get(jobId);
        const running = job?.status === 'in_progress' && job.runnerId === runnerId;
        if (!running || job.cancelRequestedAt !== null) return 'stop';
        return job.toldToEnd ? 'finish' : undefined;
      };
      return world.changes.until(read, waitMs, signal);
    },
    finish: (runner, jobId, conclusion) => {
      if (runner.jobId !== jobId || world.jobs.get(jobId)?.runnerId !== runner.id) return undefined;
      const free = { jobId: null, busySince: null, idleSince: Date.now() };
      if (runner.ephemeral) {
        live.get(runner.id)?.callOff();
        live.delete(runner.id);
        registrations.remove(runner.id, 'job-done');
      } else world.putRunner({ ...runner, ...free });
      jobs.complete(jobId, conclusion);
      wake();
      return { deregistered: runner.ephemeral };
    },
    remove: (runnerId, why) => {
      end(runnerId, 'offline');
      registrations.remove(runnerId, why);
    },
  };
}
