/** Ways to strike, and what comes back afterwards. */

import { setTimeout as delay } from 'node:timers/promises';
import type { AnkaCall } from '../../simulators/anka/host.js';
import type { BerthProcess } from '../../simulators/stack/berth-process.js';
import type { OwnTemporal } from '../e2e/own-temporal.js';
import { untilConclusion } from '../e2e/support.js';
import type { Fact, Ground, Scene } from './cell.js';
import { isThere, standStill } from './processes.js';
import { eventually } from './steps.js';

type Blow = (scene: Scene) => Promise<void>;

/** Longer than a hold may be silent (10 s). */
export const HANG_MS = 12_500;

/** Longer than a call to GitHub or a host may be silent (15 s), and than a workflow's task may take (10 s). */
export const LONG_HANG_MS = 17_000;

/** What is not there is not struck. */
async function kill(victim: BerthProcess, { dead }: Ground): Promise<void> {
  if (!isThere(victim.pid)) throw new Error(`${victim.name} had ended before it was killed`);
  dead.push(victim);
  await victim.kill();
}

export const killReceiver = (ground: Ground): Promise<void> => kill(ground.stack.receiver, ground);
export const killOrchestrator = (ground: Ground): Promise<void> => kill(ground.stack.orchestrator, ground);
export const killAgent = (ground: Ground): Promise<void> => kill(ground.host.agent, ground);

/** It is started again while the job is kept at the step. */
export const restartReceiver: Blow = async (scene) => {
  await killReceiver(scene);
  await scene.struck();
  await scene.stack.restartReceiver();
};

export const restartOrchestrator: Blow = async (scene) => {
  await killOrchestrator(scene);
  await scene.struck();
  await scene.stack.restartOrchestrator();
};

export const restartAgent: Blow = async (scene) => {
  await killAgent(scene);
  await scene.struck();
  await scene.host.restart();
};

export const serverOf = ({ temporal }: Ground): OwnTemporal => {
  if (temporal === null) throw new Error('this row shares its Temporal server with others');
  return temporal;
};

export const restartTemporal: Blow = async (scene) => {
  const server = serverOf(scene);
  await server.kill();
  await scene.struck();
  await server.start();
};

/** The process stands still for so long (ms), and then goes on as if nothing had been. */
export const hang = (pid: number, ms: number): Promise<void> => stopped(pid, () => delay(ms));

/** The process stands still until this has settled. */
async function stopped(pid: number, meanwhile: () => Promise<unknown>): Promise<void> {
  await standStill(pid);
  try {
    await meanwhile();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** The process stands still until this has settled; the job stays at the step unless it is let go meanwhile. */
export const whileStopped = (
  scene: Scene,
  pid: number,
  meanwhile: () => Promise<unknown>,
  fact?: Fact,
): Promise<void> =>
  stopped(pid, async () => {
    await scene.struck(fact);
    await meanwhile();
  });

/** The process stands still while the job goes on, until this has settled. */
export const whileStoppedAndBeyond = (scene: Scene, pid: number, meanwhile: () => Promise<unknown>): Promise<void> =>
  whileStopped(scene, pid, async () => {
    await scene.goOn();
    await meanwhile();
  });

/** Kills a call of `anka` in the middle of its work: it never comes to its end. */
export async function killCall(scene: Scene, call: AnkaCall): Promise<void> {
  process.kill(call.pid, 'SIGKILL');
  await scene.struck(async ({ host }) => {
    const now = (await host.anka.commands()).find(isSame(call));
    return now !== undefined && now.end === undefined;
  });
}

/** A call of `anka` stands still in the middle of its work, deaf to SIGTERM, until Berth has ended it. Others go on. */
export async function hangCall(scene: Scene, call: AnkaCall): Promise<void> {
  await standStill(call.pid);
  await scene.struck();
  await scene.goOn();
  await untilEnded(scene, call);
}

export const untilEnded = ({ host }: Scene, call: AnkaCall): Promise<unknown> =>
  eventually(`the process of \`${call.argv.join(' ')}\` has ended`, async () => {
    return !(await host.anka.callsLeft()).some(isSame(call));
  });

const isSame =
  ({ pid, start }: AnkaCall) =>
  (other: AnkaCall): boolean =>
    other.pid === pid && other.start === start;

export const untilOver = ({ stack, job }: Scene): Promise<unknown> => untilConclusion(stack, job, 'success', 300_000);
