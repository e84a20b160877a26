import type { AnkaCall, AnkaFault } from '../../../simulators/anka/host.js';
import { GUEST_START, GUEST_WATCH } from '../../../agent/guest-files.js';
import type { Cell, Fact, Ground, Row, Scene } from '../cell.js';
import { hangCall, killCall, untilEnded } from '../blows.js';
import { callFor, eventually, nameOf, pullFor, underWay, untilBegun } from '../steps.js';

const break_ =
  (...faults: readonly AnkaFault[]) =>
  ({ host }: Ground): Promise<void> =>
    host.anka.setFaults(faults);

/** Calls with this word, for the job's VM or any, that a fault has hit since the job was queued. */
async function hitBy({ host, job }: Scene, kind: AnkaFault['kind'], word: string): Promise<readonly AnkaCall[]> {
  const calls = await host.anka.commands();
  return calls.filter(
    ({ start, fault, argv }) => start >= job.createdAt && fault === kind && argv.join(' ').includes(word),
  );
}

/** What `anka` was told to do wrong before the job was queued it has done, so often. */
const untilHit = (scene: Scene, kind: AnkaFault['kind'], word: string, times = 1): Promise<unknown> =>
  eventually(`\`${word}\`: ${kind} (${times})`, async () => (await hitBy(scene, kind, word)).length >= times);

/** Breaks as it was told before: nothing more has to be done. */
const breaks =
  (kind: AnkaFault['kind'], word: string) =>
  async (scene: Scene): Promise<void> => {
    await untilHit(scene, kind, word);
    await scene.struck(async () => (await hitBy(scene, kind, word)).every(({ argv }) => isForJob(scene, argv)));
  };

const isForJob = ({ job }: Scene, argv: readonly string[]): boolean => argv.some((word) => word.includes(nameOf(job)));

/** Every list goes wrong, until the host has said that it could not look for this job. */
async function looksInVain(scene: Scene): Promise<void> {
  const isRefusal = (line: string): boolean =>
    line.includes('"slot refused"') && line.includes(nameOf(scene.job)) && line.includes('cannot be told');
  const hasLooked: Fact = ({ host }) => host.agent.output.some(isRefusal);
  await eventually('the look for the job was in vain', async () => hasLooked(scene));
  await scene.host.anka.setFaults([]);
  await scene.struck(hasLooked);
}

/** Kills the call for the job's VM that is under way. */
const killed =
  (word: string) =>
  async (scene: Scene): Promise<void> =>
    killCall(scene, await underWay(scene, callFor(word)));

const hung =
  (word: string) =>
  async (scene: Scene): Promise<void> =>
    hangCall(scene, await underWay(scene, callFor(word)));

async function crash(scene: Scene): Promise<void> {
  const vm = (await scene.host.anka.vms()).find(({ name }) => name.startsWith(nameOf(scene.job)));
  await scene.host.anka.crashVm(vm?.name ?? '');
  await scene.struck();
}

/** `anka -j show`, for whatever template. */
const sizeQuestion = async ({ host, job }: Scene): Promise<AnkaCall | undefined> =>
  (await host.anka.callsLeft()).find(({ start, argv }) => start >= job.createdAt && argv[1] === 'show');

const CELLS: readonly Cell[] = [
  {
    step: 'webhook received',
    kind: 'garbage',
    blow: 'the list of VMs is nonsense when the host first looks',
    before: break_({ command: 'list', kind: 'garbage' }),
    strike: looksInVain,
  },
  {
    step: 'webhook received',
    kind: 'hang',
    blow: 'the list of VMs hangs when the host first looks',
    before: break_({ command: 'list', kind: 'hang' }),
    strike: looksInVain,
  },
  {
    step: 'waiting for a slot',
    kind: 'error',
    blow: 'the VM of the job before cannot be deleted, twice',
    strike: async (scene) => {
      await scene.host.anka.setFaults([{ command: 'delete', kind: 'error', times: 2 }]);
      await scene.struck();
      await scene.goOn();
      await untilHit(scene, 'error', 'delete', 2);
    },
  },
  {
    step: 'template pull',
    kind: 'kill -9',
    blow: 'the pull is killed',
    isReduced: true,
    strike: async (scene) => killCall(scene, await underWay(scene, pullFor)),
  },
  {
    step: 'template pull',
    kind: 'hang',
    blow: 'the pull hangs',
    strike: async (scene) => hangCall(scene, await underWay(scene, pullFor)),
  },
  {
    step: 'template pull',
    kind: 'hang',
    blow: 'asking for the size of what was pulled hangs',
    before: break_({ command: 'show', kind: 'hang' }),
    strike: async (scene) => {
      await scene.goOn();
      const show = await eventually('it is asked for', () => sizeQuestion(scene));
      await scene.host.anka.setFaults([]);
      await untilBegun(scene);
      await scene.struck(async () => (await sizeQuestion(scene))?.pid === show.pid);
    },
  },
  { step: 'clone', kind: 'kill -9', blow: 'the clone is killed and leaves half a VM', strike: killed('clone') },
  { step: 'clone', kind: 'hang', blow: 'the clone hangs in the middle', strike: hung('clone') },
  { step: 'start', kind: 'kill -9', blow: 'the start is killed, the VM runs', strike: killed('start') },
  {
    step: 'start',
    kind: 'hang',
    blow: 'the start hangs, the VM runs',
    isReduced: true,
    strike: hung('start'),
  },
  {
    step: 'start',
    kind: 'garbage',
    blow: 'the start prints nonsense and starts nothing',
    before: break_({ command: 'start', kind: 'garbage', times: 1 }),
    arrive: async () => undefined,
    strike: breaks('garbage', 'start'),
  },
  { step: 'register', kind: 'death', blow: 'the VM dies', strike: crash },
  {
    step: 'pick-up',
    kind: 'error',
    blow: 'the command that starts the runner fails',
    job: { held: false },
    before: break_({ command: 'run', kind: 'error', match: 'start', times: 1 }),
    arrive: async () => undefined,
    strike: breaks('error', GUEST_START),
  },
  {
    step: 'pick-up',
    kind: 'hang',
    blow: 'the command that starts the runner does so and hangs, and GitHub gives the runner its job',
    job: { held: false, durationMs: null },
    before: break_({ command: 'run', kind: 'endless', match: 'start', times: 1 }),
    arrive: (scene) => underWay(scene, callFor(GUEST_START)),
    strike: async (scene) => {
      const start = await underWay(scene, callFor(GUEST_START));
      await untilBegun(scene);
      await scene.struck(async () => (await callFor(GUEST_START)(scene))?.pid === start.pid);
      await untilEnded(scene, start);
    },
  },
  { step: 'pick-up', kind: 'death', blow: 'the VM dies', strike: crash },
  {
    step: 'job running',
    kind: 'kill -9',
    blow: 'the call that follows the guest is killed',
    strike: killed(GUEST_WATCH),
  },
  {
    step: 'job running',
    kind: 'hang',
    blow: 'the call that follows the guest hangs until the job is over',
    strike: hung(GUEST_WATCH),
  },
  {
    step: 'job running',
    kind: 'death',
    blow: 'the VM dies: GitHub lets the job fail',
    isReduced: true,
    ends: 'failure',
    vmDies: true,
    strike: crash,
  },
  { step: 'clean-up', kind: 'kill -9', blow: 'the delete is killed', strike: killed('delete') },
  { step: 'clean-up', kind: 'hang', blow: 'the delete hangs in the middle', strike: hung('delete') },
];

/** Long enough for what works; what hangs is waited for so long. Registration is not `anka`'s, and booting takes no time. */
const TIMEOUTS = { pull: 8, clone: 8, start: 8, start_runner: 15, delete: 8 };

export const ANKA: Row = { process: '`anka`', cells: CELLS, timeouts: TIMEOUTS };
