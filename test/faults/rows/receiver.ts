import type { Cell, Row, Scene } from '../cell.js';
import { killReceiver, restartReceiver, untilOver, whileStoppedAndBeyond } from '../blows.js';
import { standStill } from '../processes.js';
import { untilBegun, untilRefused } from '../steps.js';

const pid = ({ stack }: Scene): number => stack.receiver.pid;

async function awayUntil(scene: Scene, moment: (scene: Scene) => Promise<unknown>): Promise<void> {
  await killReceiver(scene);
  await scene.struck();
  await scene.goOn();
  await moment(scene);
  await scene.stack.restartReceiver();
}

const CELLS: readonly Cell[] = [
  {
    step: 'webhook received',
    kind: 'kill -9',
    blow: 'with the delivery in its hands; a sweep has it delivered again',
    isReduced: true,
    before: ({ stack }) => standStill(stack.receiver.pid),
    strike: restartReceiver,
  },
  {
    step: 'webhook received',
    kind: 'hang',
    blow: 'until GitHub has given the delivery up; what is then accepted after all is delivered again',
    before: ({ stack }) => standStill(stack.receiver.pid),
    strike: (scene) => whileStoppedAndBeyond(scene, pid(scene), () => untilRefused(scene)),
  },
  {
    step: 'waiting for a slot',
    kind: 'kill -9',
    blow: 'and back at once',
    isReduced: true,
    strike: restartReceiver,
  },
  { step: 'template pull', kind: 'kill -9', blow: 'and back at once', strike: restartReceiver },
  {
    step: 'template pull',
    kind: 'hang',
    blow: 'past the start of the job, until GitHub has given up telling of it',
    strike: (scene) =>
      whileStoppedAndBeyond(scene, pid(scene), async () => {
        await untilBegun(scene);
        await untilRefused(scene, 'in_progress');
      }),
  },
  { step: 'clone', kind: 'kill -9', blow: 'away until the job runs', strike: (scene) => awayUntil(scene, untilBegun) },
  {
    step: 'start',
    kind: 'kill -9',
    blow: 'away until the job is over',
    strike: (scene) => awayUntil(scene, untilOver),
  },
  { step: 'register', kind: 'kill -9', blow: 'and back at once', strike: restartReceiver },
  {
    step: 'register',
    kind: 'hang',
    blow: 'past the end of the job, until GitHub has given up telling of it',
    strike: (scene) => whileStoppedAndBeyond(scene, pid(scene), () => untilRefused(scene, 'completed')),
  },
  { step: 'pick-up', kind: 'kill -9', blow: 'and back at once', strike: restartReceiver },
  {
    step: 'job running',
    kind: 'kill -9',
    blow: 'away when the job ends',
    strike: (scene) => awayUntil(scene, untilOver),
  },
  { step: 'clean-up', kind: 'kill -9', blow: 'and back at once', strike: restartReceiver },
];

export const RECEIVER: Row = { process: 'receiver', cells: CELLS };
