import type { AnkaCall } from '../../../simulators/anka/host.js';
import { statusOf } from '../../e2e/support.js';
import type { Cell, Row, Scene } from '../cell.js';
import { killAgent, restartAgent, untilOver, whileStopped, whileStoppedAndBeyond } from '../blows.js';
import { standStill } from '../processes.js';
import { holdOf, untilPulseMissed } from '../pulse.js';
import { at, eventually, hasNoVm, pullFor, underWay, untilBegun } from '../steps.js';

const pid = ({ host }: Scene): number => host.agent.pid;

/** The host counts as lost, and the job waits, be it for that host to take up what it was given. */
async function atSilentHost(scene: Scene): Promise<void> {
  await untilPulseMissed(scene);
  await at(/waiting|granted/)(scene);
}

const waitsForPull = async ({ stack, job }: Scene): Promise<boolean> =>
  (await statusOf(stack, job)).reason?.startsWith('waits for the pull of ') === true;

const pullsSince = async ({ host }: Scene, left: AnkaCall): Promise<boolean> =>
  (await host.anka.commands()).some(({ start, argv }) => start > left.start && argv.includes('pull'));

/** For longer than its hold may be silent; the job goes on meanwhile as far as it can. */
async function hangs(scene: Scene): Promise<void> {
  const untilSilent = await holdOf(scene, scene.job);
  await whileStoppedAndBeyond(scene, pid(scene), untilSilent);
}

/** The same; the job stays where it is. */
async function hangsThere(scene: Scene): Promise<void> {
  const untilSilent = await holdOf(scene, scene.blocker ?? scene.job);
  await whileStopped(scene, pid(scene), untilSilent);
}

const CELLS: readonly Cell[] = [
  {
    step: 'webhook received',
    kind: 'kill -9',
    blow: 'before the webhook comes; back when the job waits',
    before: killAgent,
    arrive: atSilentHost,
    strike: async (scene) => {
      await scene.struck(hasNoVm);
      await scene.host.restart();
    },
  },
  {
    step: 'webhook received',
    kind: 'hang',
    blow: 'when the webhook comes, for longer than its pulse may stop',
    before: ({ host }) => standStill(host.agent.pid),
    strike: (scene) => whileStopped(scene, pid(scene), () => atSilentHost(scene), hasNoVm),
  },
  {
    step: 'waiting for a slot',
    kind: 'kill -9',
    blow: 'and back at once; another job runs there',
    strike: restartAgent,
  },
  {
    step: 'waiting for a slot',
    kind: 'hang',
    blow: 'for longer than its pulse may stop; another job runs there',
    strike: hangsThere,
  },
  { step: 'template pull', kind: 'kill -9', blow: 'and back at once', strike: restartAgent },
  {
    step: 'template pull',
    kind: 'kill -9',
    blow: 'and back while the pull that it left goes on, for long',
    strike: async (scene) => {
      const left = await underWay(scene, pullFor);
      await restartAgent(scene);
      await eventually('the new agent waits for the pull, or pulls', async () => {
        return (await waitsForPull(scene)) || (await pullsSince(scene, left));
      });
    },
  },
  {
    step: 'template pull',
    kind: 'hang',
    blow: 'for longer than its pulse may stop, and the pull goes on beyond that',
    strike: hangsThere,
  },
  { step: 'clone', kind: 'kill -9', blow: 'and back at once', strike: restartAgent },
  { step: 'clone', kind: 'hang', blow: 'for longer than its pulse may stop', strike: hangs },
  { step: 'start', kind: 'kill -9', blow: 'and back at once', strike: restartAgent },
  { step: 'start', kind: 'hang', blow: 'for longer than its pulse may stop', strike: hangs },
  {
    step: 'register',
    kind: 'kill -9',
    blow: 'the key to which the secret is sealed dies with it',
    strike: restartAgent,
  },
  { step: 'register', kind: 'hang', blow: 'for longer than its pulse may stop', strike: hangs },
  { step: 'pick-up', kind: 'kill -9', blow: 'and back at once', isReduced: true, strike: restartAgent },
  { step: 'pick-up', kind: 'hang', blow: 'for longer than its pulse may stop', strike: hangsThere },
  {
    step: 'pick-up',
    kind: 'hang',
    blow: 'for longer than it is waited for: its runner is given up',
    strike: async (scene) => {
      const untilSilent = await holdOf(scene, scene.job);
      await whileStopped(scene, pid(scene), () => untilSilent(2));
    },
  },
  {
    step: 'pick-up',
    kind: 'hang',
    blow: 'for longer than it is waited for, and GitHub gives the job to its runner meanwhile',
    job: { durationMs: null },
    strike: async (scene) => {
      const untilSilent = await holdOf(scene, scene.job);
      await whileStopped(scene, pid(scene), async () => {
        await untilSilent();
        await scene.goOn();
        await untilBegun(scene);
        await untilSilent(2);
      });
      await at(/^running/)(scene);
    },
  },
  { step: 'job running', kind: 'kill -9', blow: 'and back at once', isReduced: true, strike: restartAgent },
  {
    step: 'job running',
    kind: 'hang',
    blow: 'for longer than its pulse may stop; the job ends meanwhile',
    strike: hangs,
  },
  {
    step: 'job running',
    kind: 'kill -9',
    blow: 'back when the job is over',
    strike: async (scene) => {
      await killAgent(scene);
      await scene.struck();
      await scene.goOn();
      await untilOver(scene);
      await scene.host.restart();
    },
  },
  { step: 'clean-up', kind: 'kill -9', blow: 'and back at once', strike: restartAgent },
  { step: 'clean-up', kind: 'hang', blow: 'for longer than its pulse may stop', strike: hangs },
];

export const HOST_AGENT: Row = { process: 'host agent', cells: CELLS };
