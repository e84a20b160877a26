/** How a job is brought to each step, and kept there until it has been struck. */

import { randomUUID } from 'node:crypto';
import type { AnkaCall } from '../../simulators/anka/host.js';
import type { AnkaOperation } from '../../simulators/anka/types.js';
import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { HeldCall, SimDelivery, SimJob } from '../../simulators/github/types.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { until, untilStep } from '../e2e/support.js';
import type { Fact, Ground, Scene } from './cell.js';
import type { Step } from './columns.js';

export const REPO = 'ios';

/** GitHub's call that registers a runner. */
export const JIT = 'generate-jitconfig';

/** Far longer than anything takes that comes at all: no cell is about how soon that is. */
const COMES_WITHIN_MS = 300_000;

export const eventually = <T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> =>
  until(what, ask, COMES_WITHIN_MS);

export const at =
  (step: RegExp) =>
  ({ stack, job }: Scene): Promise<unknown> =>
    untilStep(stack, job, step, COMES_WITHIN_MS);

/** The names of everything made for a job begin so. */
export const nameOf = (job: SimJob): string => `berth-${job.id}-`;

const isOf = (job: SimJob, { argv }: AnkaCall): boolean => argv.some((word) => word.includes(nameOf(job)));

const isPull = ({ argv }: AnkaCall): boolean => argv.includes('pull') && !argv.includes('--check-download-size');

/** Finds a call of `anka` that is there, also one that stands still. */
type FindCall = (scene: Scene) => Promise<AnkaCall | undefined>;

/** One for the job's VM. */
export const callFor =
  (word: string): FindCall =>
  async ({ host, job }) =>
    (await host.anka.callsLeft()).find((call) => call.argv.some((arg) => arg.includes(word)) && isOf(job, call));

/** A pull names no job. */
export const pullFor: FindCall = async ({ host, job }) =>
  (await host.anka.callsLeft()).find((call) => call.start >= job.createdAt && isPull(call));

export const underWay = (scene: Scene, find: FindCall): Promise<AnkaCall> =>
  eventually(`the call of job ${scene.job.id} is under way`, () => find(scene));

/** No command was given for the job's VM yet. */
export const hasNoVm: Fact = async ({ host, job }) => !(await host.anka.commands()).some((call) => isOf(job, call));

export const nowIs = ({ stack }: Ground, { id }: SimJob): SimJob | undefined =>
  stack.github.snapshot().jobs.find((job) => job.id === id);

export const deliveriesOf = ({ stack, job }: Scene): readonly SimDelivery[] =>
  stack.github.snapshot().deliveries.filter(({ jobId }) => jobId === job.id);

const isAccepted = ({ statusCode }: SimDelivery): boolean => statusCode !== null && statusCode < 300;
const isRefused = ({ statusCode }: SimDelivery): boolean => statusCode !== null && statusCode >= 300;

/** GitHub has had no good answer for any delivery of the job. */
export const isUntaken: Fact = (scene) => !deliveriesOf(scene).some(isAccepted);

export const untilSent = (scene: Scene): Promise<unknown> =>
  eventually('a delivery has left', async () => deliveriesOf(scene).length > 0);

export const untilAccepted = (scene: Scene): Promise<unknown> =>
  eventually('a delivery was accepted', async () => deliveriesOf(scene).some(isAccepted));

/** GitHub was answered with an error, or not in time. */
export const untilRefused = (scene: Scene, action = 'queued'): Promise<unknown> =>
  eventually(`a delivery (${action}) was refused or given up`, async () =>
    deliveriesOf(scene).some((delivery) => delivery.action === action && isRefused(delivery)),
  );

/** GitHub's word for it: Berth may not have heard. */
export const untilBegun = (scene: Scene): Promise<unknown> =>
  eventually('the job has begun', async () => nowIs(scene, scene.job)?.status !== 'queued');

/** The registration of the job's runner that GitHub keeps waiting; Berth waits for 10 s. */
const registration = ({ stack, job }: Scene): HeldCall | undefined =>
  stack.github.heldCalls().find((call) => call.path.includes(JIT) && call.at >= job.createdAt);

const CALL_LASTS_MS = 10_000;

export const untilRegistering = (scene: Scene): Promise<HeldCall> =>
  eventually('GitHub makes the runner', async () => registration(scene));

const isOnline = ({ stack, job }: Scene): boolean =>
  stack.github.snapshot().runners.some(({ name, online }) => online && name.startsWith(nameOf(job)));

type LetGo = (scene: Scene) => Promise<unknown>;

interface Plan {
  readonly job?: Partial<QueueJobOptions>;
  /** Another job has the slot. */
  readonly isSlotTaken?: true;
  /** Its template has to be pulled. */
  readonly isPulled?: true;
  /** Before the job is queued: it will stay at the step. @returns what lets it go */
  readonly keep?: (ground: Ground) => Promise<LetGo>;
  readonly arrive: (scene: Scene) => Promise<unknown>;
  readonly isThere: Fact;
}

/** The call stands still in the middle of its work. */
const inCall = (operation: AnkaOperation, find: FindCall): Plan => ({
  keep: async ({ host }) => {
    await host.anka.setHeld([operation]);
    return () => host.anka.setHeld([]);
  },
  arrive: (scene) => underWay(scene, find),
  isThere: async (scene) => (await find(scene)) !== undefined,
});

const PLANS: Readonly<Record<Step, Plan>> = {
  'webhook received': { arrive: untilSent, isThere: isUntaken },
  'waiting for a slot': {
    isSlotTaken: true,
    keep: async () => async (scene) => scene.stack.github.finishJob(scene.blocker?.id ?? 0),
    arrive: at(/waiting for a slot/),
    isThere: async (scene) =>
      scene.blocker !== null && nowIs(scene, scene.blocker)?.status === 'in_progress' && hasNoVm(scene),
  },
  'template pull': { isPulled: true, ...inCall('registry-pull', pullFor) },
  clone: inCall('clone', callFor('clone')),
  start: inCall('start', callFor('start')),
  register: {
    keep: async ({ stack }) => {
      const id = stack.github.addFault({ kind: 'held', path: JIT, times: 1 });
      return async () => stack.github.removeFault(id);
    },
    arrive: untilRegistering,
    isThere: (scene) => Date.now() - (registration(scene)?.at ?? 0) < CALL_LASTS_MS,
  },
  'pick-up': {
    job: { held: true },
    keep: async () => async (scene) => {
      if (nowIs(scene, scene.job)?.status === 'queued') scene.stack.github.releaseJob(scene.job.id);
    },
    arrive: async (scene) => {
      await at(/waiting for GitHub to give it a job/)(scene);
      await eventually('its runner is online', async () => isOnline(scene));
    },
    isThere: (scene) => nowIs(scene, scene.job)?.status === 'queued' && isOnline(scene),
  },
  'job running': {
    job: { durationMs: null },
    keep: async () => async (scene) => scene.stack.github.finishJob(scene.job.id),
    arrive: at(/^running/),
    isThere: (scene) => nowIs(scene, scene.job)?.status === 'in_progress',
  },
  'clean-up': inCall('delete', callFor('delete')),
};

/** Queues a job of this repository; its labels name a template that is there unless others are given. */
export const queue = ({ stack }: Ground, options: Partial<QueueJobOptions> = {}): SimJob =>
  stack.github.queueJob({ owner: 'acme', repo: REPO, labels: labelsFor(XCODE), durationMs: 200, ...options });

/** A job on its way to its step. */
export interface Staged {
  readonly scene: Scene;
  readonly arrive: () => Promise<unknown>;
  readonly isStruck: () => boolean;
}

/** Sees to it that a job stays at the step; then makes the job. */
export async function stage(ground: Ground, step: Step, options: Partial<QueueJobOptions>): Promise<Staged> {
  const { job: own, isSlotTaken, isPulled, keep, arrive, isThere } = PLANS[step];
  const blocker = isSlotTaken === true ? await blockerIn(ground) : null;
  const letGo = await keep?.(ground);
  const labels = isPulled === true ? { labels: await publishAnother(ground) } : {};
  let isStruck = false;
  let isLetGo = false;
  const scene: Scene = {
    ...ground,
    job: queue(ground, { ...own, ...labels, ...options }),
    blocker,
    struck: async (fact = isThere) => {
      if (!(await fact(scene))) throw new Error(`the blow did not strike job ${scene.job.id} at the step ${step}`);
      isStruck = true;
    },
    goOn: async () => {
      if (isLetGo) return;
      isLetGo = true;
      await letGo?.(scene);
    },
  };
  return { scene, arrive: () => arrive(scene), isStruck: () => isStruck };
}

/** It has the slot until it is told to end. */
async function blockerIn(ground: Ground): Promise<SimJob> {
  const blocker = queue(ground, { durationMs: null });
  await untilStep(ground.stack, blocker, /^running/, COMES_WITHIN_MS);
  return blocker;
}

/** A template that only the registry has. */
async function publishAnother({ host }: Ground): Promise<readonly string[]> {
  const uuid = randomUUID();
  const template = { ...XCODE, uuid, name: `pulled-${uuid.slice(0, 8)}` };
  await host.anka.publish(template);
  return labelsFor(template);
}

/** Nothing is kept or broken any more; a job that GitHub held back may be assigned, and one that works on may end. */
export async function calm(scene: Scene): Promise<void> {
  const { stack, host, job } = scene;
  await scene.goOn();
  await host.anka.setFaults([]);
  stack.github.clearFaults();
  stack.github.loseIf(null);
  stack.github.setNasty({});
  stack.github.setReads({ staleMs: 0, busyMs: 0, listMs: 0 });
  stack.github.finishJob(job.id);
  if (nowIs(scene, job)?.held === true && nowIs(scene, job)?.status === 'queued') stack.github.releaseJob(job.id);
}
