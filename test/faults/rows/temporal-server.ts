import { setTimeout as delay } from 'node:timers/promises';
import type { Cell, Row, Scene } from '../cell.js';
import { LONG_HANG_MS, restartTemporal, serverOf, untilOver, whileStopped, whileStoppedAndBeyond } from '../blows.js';
import { standStill } from '../processes.js';
import { untilRefused } from '../steps.js';

const pid = (scene: Scene): number => serverOf(scene).pid();

const CELLS: readonly Cell[] = [
  {
    step: 'webhook received',
    kind: 'kill -9',
    blow: 'before the webhook comes, back when it was refused; a sweep has it delivered again',
    before: (ground) => serverOf(ground).kill(),
    arrive: (scene) => untilRefused(scene),
    strike: async (scene) => {
      await scene.struck();
      await serverOf(scene).start();
    },
  },
  {
    step: 'webhook received',
    kind: 'hang',
    blow: 'until the receiver has refused the delivery; a sweep has it delivered again',
    before: (ground) => standStill(serverOf(ground).pid()),
    strike: (scene) =>
      whileStopped(scene, pid(scene), async () => {
        await untilRefused(scene);
        await scene.struck();
      }),
  },
  { step: 'waiting for a slot', kind: 'kill -9', blow: 'and back with what it had written', strike: restartTemporal },
  {
    step: 'template pull',
    kind: 'kill -9',
    blow: 'and back with what it had written',
    isReduced: true,
    strike: restartTemporal,
  },
  { step: 'clone', kind: 'kill -9', blow: 'and back with what it had written', strike: restartTemporal },
  {
    step: 'clone',
    kind: 'hang',
    blow: 'for longer than any pulse may stop',
    strike: (scene) => whileStoppedAndBeyond(scene, pid(scene), () => delay(LONG_HANG_MS)),
  },
  { step: 'start', kind: 'kill -9', blow: 'and back with what it had written', strike: restartTemporal },
  { step: 'register', kind: 'kill -9', blow: 'while GitHub makes the runner', strike: restartTemporal },
  {
    step: 'register',
    kind: 'hang',
    blow: 'while GitHub makes the runner, for longer than any pulse may stop',
    strike: (scene) => whileStoppedAndBeyond(scene, pid(scene), () => delay(LONG_HANG_MS)),
  },
  { step: 'pick-up', kind: 'kill -9', blow: 'and back with what it had written', strike: restartTemporal },
  {
    step: 'pick-up',
    kind: 'hang',
    blow: 'for longer than any pulse may stop',
    strike: (scene) => whileStopped(scene, pid(scene), () => delay(LONG_HANG_MS)),
  },
  {
    step: 'job running',
    kind: 'kill -9',
    blow: 'away until the job is over',
    isReduced: true,
    strike: async (scene) => {
      await serverOf(scene).kill();
      await scene.struck();
      await scene.goOn();
      await untilOver(scene);
      await serverOf(scene).start();
    },
  },
  {
    step: 'job running',
    kind: 'hang',
    blow: 'past the end of the job, until the receiver has refused to hear of it',
    strike: (scene) => whileStoppedAndBeyond(scene, pid(scene), () => untilRefused(scene, 'completed')),
  },
  { step: 'clean-up', kind: 'kill -9', blow: 'and back with what it had written', strike: restartTemporal },
];

export const TEMPORAL_SERVER: Row = { process: 'Temporal server', cells: CELLS, ownTemporal: true };
