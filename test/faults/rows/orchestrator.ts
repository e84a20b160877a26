import { setTimeout as delay } from 'node:timers/promises';
import type { Cell, Row, Scene } from '../cell.js';
import {
  HANG_MS,
  LONG_HANG_MS,
  killOrchestrator,
  restartOrchestrator,
  untilEnded,
  untilOver,
  whileStoppedAndBeyond,
} from '../blows.js';
import { callFor, hasNoVm, underWay, untilAccepted } from '../steps.js';

const pid = ({ stack }: Scene): number => stack.orchestrator.pid;

const hangsLong = (scene: Scene): Promise<void> => whileStoppedAndBeyond(scene, pid(scene), () => delay(LONG_HANG_MS));

const CELLS: readonly Cell[] = [
  {
    step: 'webhook received',
    kind: 'kill -9',
    blow: 'before the webhook comes; back when it was accepted',
    before: killOrchestrator,
    arrive: untilAccepted,
    strike: async (scene) => {
      await scene.struck(hasNoVm);
      await scene.stack.restartOrchestrator();
    },
  },
  { step: 'waiting for a slot', kind: 'kill -9', blow: 'and back at once', strike: restartOrchestrator },
  { step: 'template pull', kind: 'kill -9', blow: 'and back at once', strike: restartOrchestrator },
  {
    step: 'template pull',
    kind: 'hang',
    blow: 'for longer than a call to GitHub or a workflow task may take',
    strike: hangsLong,
  },
  { step: 'clone', kind: 'kill -9', blow: 'and back at once', isReduced: true, strike: restartOrchestrator },
  { step: 'start', kind: 'kill -9', blow: 'and back at once', strike: restartOrchestrator },
  {
    step: 'start',
    kind: 'hang',
    blow: 'past the end of the start',
    strike: async (scene) => {
      const start = await underWay(scene, callFor('start'));
      await whileStoppedAndBeyond(scene, pid(scene), async () => {
        await untilEnded(scene, start);
        await delay(HANG_MS);
      });
    },
  },
  {
    step: 'register',
    kind: 'kill -9',
    blow: 'while GitHub makes the runner: nobody gets the answer',
    isReduced: true,
    strike: restartOrchestrator,
  },
  {
    step: 'register',
    kind: 'hang',
    blow: 'while GitHub makes the runner, for longer than the call may be silent',
    strike: hangsLong,
  },
  { step: 'pick-up', kind: 'kill -9', blow: 'and back at once', strike: restartOrchestrator },
  { step: 'job running', kind: 'kill -9', blow: 'and back at once', strike: restartOrchestrator },
  {
    step: 'job running',
    kind: 'hang',
    blow: 'past the end of the job, for longer than a workflow task may take',
    strike: (scene) =>
      whileStoppedAndBeyond(scene, pid(scene), async () => {
        await untilOver(scene);
        await delay(LONG_HANG_MS);
      }),
  },
  { step: 'clean-up', kind: 'kill -9', blow: 'and back at once', isReduced: true, strike: restartOrchestrator },
  {
    step: 'clean-up',
    kind: 'hang',
    blow: 'past the end of the delete, for longer than a workflow task may take',
    strike: hangsLong,
  },
];

export const ORCHESTRATOR: Row = { process: 'orchestrator', cells: CELLS };
