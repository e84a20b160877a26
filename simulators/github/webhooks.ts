/** Turns what happens to jobs into deliveries to every hook that hears of it, and repeats one when asked. */

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { commonBody, workflowJobBody } from './bodies/webhook.js';
import { createAttempt } from './attempt.js';
import type { Outgoing } from './attempt.js';
import type { DeliveryLog, LoggedDelivery } from './delivery-log.js';
import type { Hooks } from './hooks.js';
import { createOvertaking } from './overtaking.js';
import { planDelivery } from './nasty.js';
import type { DeliveryPlan, NastyOptions } from './nasty.js';
import type { Sender } from './send.js';
import type { Action, SimJob } from './types.js';
import type { World } from './world.js';

/** Whether to lose this delivery, beside what the options say. */
export type LosePredicate = (delivery: {
  readonly hookId: number;
  readonly action: string;
  readonly job: SimJob;
}) => boolean;

export interface Webhooks {
  /** Sends `workflow_job` with this action to every hook of the job's repository. */
  readonly announce: (job: SimJob, action: Action) => void;
  /** Sends any other event, body and all; repository, sender and so on are added where the body has none. */
  readonly sendEvent: (event: string, owner: string, repo: string, body: Readonly<Record<string, unknown>>) => void;
  /** A new attempt of a logged delivery: same guid, new id. Nothing nasty is done to it. */
  readonly redeliver: (logged: LoggedDelivery) => void;
  readonly setNasty: (nasty: NastyOptions) => void;
  readonly loseIf: (predicate: LosePredicate | null) => void;
  /** Deliveries planned or under way. */
  readonly pending: () => number;
}

interface Deps {
  readonly world: World;
  readonly hooks: Hooks;
  readonly deliveries: DeliveryLog;
  readonly sender: Sender;
  readonly nasty: NastyOptions;
  readonly log: Logger;
}

/** How long one event of a job waits for the answer to the one before, so that two never race by accident alone. */
const IN_ORDER_MS = 250;

/** Two events at the same moment share 24 of 36 characters, as GitHub's time-based ids do. */
function createGuids(): () => string {
  const hex = randomBytes(10).toString('hex');
  const start = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-11ef-8${hex.slice(12, 15)}`;
  let count = randomBytes(3).readUIntBE(0, 3);
  return () => `${start}-${(count += 1).toString(16).padStart(12, '0')}`;
}

export function createWebhooks({ world, hooks, deliveries, sender, nasty: initial, log }: Deps): Webhooks {
  const newGuid = createGuids();
  const counts = new Map<string, number>();
  const chains = new Map<string, Promise<void>>();
  const overtaking = createOvertaking(world);
  const attempt = createAttempt({ world, hooks, deliveries, sender, log });
  let nasty = initial;
  let loses: LosePredicate | null = null;
  let pending = 0;

  const pause = (ms: number): Promise<void> => new Promise((resolve) => void world.after(ms, resolve));

  const track = (work: Promise<void>): void => {
    pending += 1;
    const done = (): void => {
      pending -= 1;
      world.changes.changed();
    };
    work.then(done, (error: unknown) => {
      log.error({ err: error }, 'delivery broke');
      done();
    });
  };

  const carryOut = async (out: Outgoing, plan: DeliveryPlan): Promise<void> => {
    if (plan.lost) {
      if (plan.logged) await attempt(out, false, true);
      return;
    }
    if (plan.holdMs > 0) await overtaking.wait(out.hook.id, plan.holdMs);
    const letGo = plan.holdMs === 0 ? overtaking.waiting(out.hook.id) : undefined;
    const sendings = plan.delaysMs.map(async (delayMs) => {
      if (delayMs > 0) await pause(delayMs);
      await attempt(out, false);
    });
    await Promise.all(sendings);
    letGo?.();
  };

  const schedule = (out: Outgoing, lostAnyway: boolean): void => {
    const counter = `${out.hook.id}/${out.jobId ?? ''}/${out.action ?? out.event}`;
    const nth = counts.get(counter) ?? 0;
    counts.set(counter, nth + 1);
    const plan = planDelivery(nasty, { hookId: out.hook.id, jobId: out.jobId, action: out.action, nth });
    const chain = `${out.hook.id}/${out.jobId ?? out.guid}`;
    const before = chains.get(chain);
    const inOrder = before === undefined ? Promise.resolve() : Promise.race([before, pause(IN_ORDER_MS)]);
    const work = inOrder.then(() => carryOut(out, lostAnyway ? { ...plan, lost: true } : plan));
    const free = plan.holdMs > 0 || plan.delaysMs.some((ms) => ms > 0);
    const link = free ? Promise.resolve() : work.catch(() => undefined);
    chains.set(chain, link);
    void link.then(() => chains.get(chain) === link && chains.delete(chain));
    track(work);
  };

  return {
    announce: (job, action) => {
      for (const hook of hooks.hearing(job.owner, job.repo)) {
        const installationId = hooks.installationFor(hook, job.owner)?.id;
        const json = JSON.stringify(workflowJobBody(world, job, action, installationId));
        const { owner, repo, id: jobId } = job;
        const about = { guid: newGuid(), event: 'workflow_job', action, jobId, owner, repo, json };
        const lost = loses?.({ hookId: hook.id, action, job }) ?? false;
        schedule({ hook, installationId: installationId ?? null, ...about }, lost);
      }
    },
    sendEvent: (event, owner, repo, body) => {
      for (const hook of hooks.hearing(owner, repo)) {
        const installationId = hooks.installationFor(hook, owner)?.id;
        const json = JSON.stringify({ ...commonBody(world, owner, repo, installationId), ...body });
        const action = typeof body['action'] === 'string' ? body['action'] : null;
        const about = { guid: newGuid(), event, action, jobId: null, owner, repo, json };
        schedule({ hook, installationId: installationId ?? null, ...about }, false);
      }
    },
    redeliver: ({ delivery, detail }) => {
      const hook = hooks.find(delivery.hookId);
      if (hook !== undefined) track(attempt({ hook, ...detail, ...delivery }, true));
    },
    setNasty: (next) => {
      nasty = next;
    },
    loseIf: (predicate) => {
      loses = predicate;
    },
    pending: () => pending,
  };
}
