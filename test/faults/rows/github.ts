import type { Fault } from '../../../simulators/github/faults.js';
import type { SimCall, SimDelivery, SimRunner } from '../../../simulators/github/types.js';
import { untilConclusion } from '../../e2e/support.js';
import type { Cell, Fact, Ground, Row, Scene } from '../cell.js';
import { JIT, REPO, at, deliveriesOf, eventually, nameOf, nowIs, untilRegistering } from '../steps.js';

const break_ =
  (...faults: readonly Fault[]) =>
  async ({ stack }: Ground): Promise<void> => {
    for (const fault of faults) stack.github.addFault(fault);
  };

/** GitHub has answered so many calls of this kind since the job was queued, or dropped their connections. */
const untilCalled = ({ stack, job }: Scene, what: string, isMeant: (call: SimCall) => boolean, times = 1) =>
  eventually(
    `${what} (${times})`,
    async () => stack.github.calls().filter((call) => call.at >= job.createdAt && isMeant(call)).length >= times,
  );

const hasFailed = ({ status }: SimCall): boolean => (status ?? 599) >= 400;

const untilRegistrationFailed = (scene: Scene): Promise<unknown> =>
  untilCalled(scene, 'a registration has failed', (call) => call.path.includes(JIT) && hasFailed(call));

/** Asks for the job's runner by its name, as Berth does when it does not know what became of a registration. */
const isLookUp =
  (scene: Scene) =>
  ({ method, query }: SimCall): boolean =>
    method === 'GET' && query.includes(`name=${nameOf(scene.job)}`);

/** Begins at the step, and lasts until a registration has failed by it. */
const outage =
  (fault: Fault) =>
  async (scene: Scene): Promise<void> => {
    const id = scene.stack.github.addFault(fault);
    await scene.struck();
    await scene.goOn();
    await untilRegistrationFailed(scene);
    scene.stack.github.removeFault(id);
  };

const isFirstLost = ({ redelivery, statusCode }: SimDelivery): boolean => !redelivery && statusCode === 502;

/** The runner of the job that GitHub never gives a job. */
const neglected = ({ stack, job }: Scene): SimRunner | undefined => {
  const { runners, removedRunners } = stack.github.snapshot();
  return [...runners, ...removedRunners].find((each) => each.neverAssign && each.name.startsWith(nameOf(job)));
};

const hasAnotherRunner: Fact = (scene) => {
  const { runners, removedRunners } = scene.stack.github.snapshot();
  return [...runners, ...removedRunners].some(
    ({ name, neverAssign }) => !neverAssign && name.startsWith(nameOf(scene.job)),
  );
};

const GARBAGE = [{}, { workflow_job: { id: 'x' } }, { workflow_job: { id: 7, labels: 5 } }];

const TIMES = 3;

const CELLS: readonly Cell[] = [
  {
    step: 'webhook received',
    kind: 'garbage',
    blow: 'deliveries without a job, with half a job, and with labels that are none; then the job, three times over',
    isReduced: true,
    before: async ({ stack }) => {
      stack.github.setNasty({ repeat: { probability: 1, times: TIMES } });
      for (const body of GARBAGE) stack.github.sendEvent('workflow_job', 'acme', REPO, { action: 'queued', ...body });
    },
    strike: async (scene) => {
      const { github } = scene.stack;
      github.setNasty({});
      const queued = (): readonly SimDelivery[] =>
        github.snapshot().deliveries.filter(({ action, statusCode }) => action === 'queued' && statusCode !== null);
      await eventually('all of that was answered', async () => queued().length === (GARBAGE.length + 1) * TIMES);
      await scene.struck(() => {
        const ofJob = queued().filter(({ jobId }) => jobId === scene.job.id);
        return ofJob.length === TIMES && new Set(ofJob.map(({ guid }) => guid)).size === 1;
      });
    },
  },
  {
    step: 'webhook received',
    kind: 'lost',
    blow: 'the delivery never comes; a sweep has it delivered again',
    before: async ({ stack }) => stack.github.loseIf(({ action }) => action === 'queued'),
    strike: async (scene) => {
      scene.stack.github.loseIf(null);
      await scene.struck(() => deliveriesOf(scene).some(isFirstLost));
    },
  },
  {
    step: 'webhook received',
    kind: 'lost',
    blow: 'the delivery never comes, and GitHub knows nothing of it: a sweep finds the job',
    before: async ({ stack }) => stack.github.setNasty({ lose: { actions: ['queued'], logged: false } }),
    arrive: async () => undefined,
    strike: async (scene) => {
      scene.stack.github.setNasty({});
      await eventually('the job has begun', async () => nowIs(scene, scene.job)?.status !== 'queued');
      await scene.struck(() => !deliveriesOf(scene).some(({ action }) => action === 'queued'));
    },
  },
  {
    step: 'waiting for a slot',
    kind: 'error',
    blow: 'every connection is dropped until a registration has failed',
    strike: outage({ kind: 'call-lost' }),
  },
  {
    step: 'template pull',
    kind: 'error',
    blow: 'every call is answered 500 until a registration has failed',
    strike: outage({ kind: 'status', status: 500 }),
  },
  {
    step: 'clone',
    kind: 'lost',
    blow: 'the runner is registered, and the answer lost',
    strike: outage({ kind: 'answer-lost', path: JIT, times: 1 }),
  },
  {
    step: 'start',
    kind: 'hang',
    blow: 'the registration takes longer than a call may',
    strike: async (scene) => {
      const id = scene.stack.github.addFault({ kind: 'held', path: JIT, times: 1 });
      await scene.struck();
      await scene.goOn();
      await untilRegistering(scene);
      await untilCalled(scene, 'the runner was looked up', isLookUp(scene));
      scene.stack.github.removeFault(id);
    },
  },
  {
    step: 'register',
    kind: 'lost',
    blow: 'the runner is registered, the answer lost, and looking the runner up is answered 502',
    isReduced: true,
    before: break_(
      { kind: 'answer-lost', path: JIT, times: 1 },
      { kind: 'status', status: 502, method: 'GET', path: 'actions/runners', times: 4 },
    ),
    strike: async (scene) => {
      await scene.struck();
      await scene.goOn();
      await untilRegistrationFailed(scene);
      const isLookUpOf = isLookUp(scene);
      await untilCalled(scene, 'a look-up has failed', (call) => isLookUpOf(call) && call.status === 502);
    },
  },
  {
    step: 'pick-up',
    kind: 'error',
    blow: 'the runner is online, and is never given a job (actions/runner#3621)',
    job: { held: false },
    before: async ({ stack }) => stack.github.neverAssign({ next: 1 }),
    arrive: at(/waiting for GitHub to give it a job/),
    strike: async (scene) => {
      await eventually('its runner is online', async () => neglected(scene)?.online);
      await scene.struck((now) => nowIs(now, now.job)?.status === 'queued');
      await eventually('it has another runner', async () => hasAnotherRunner(scene));
    },
  },
  {
    step: 'job running',
    kind: 'lost',
    blow: 'the end of the job is not delivered, and GitHub knows nothing of that; its answers are 20 s old until one was given',
    strike: async (scene) => {
      const { stack, job } = scene;
      stack.github.setNasty({ lose: { actions: ['completed'], logged: false } });
      stack.github.setReads({ staleMs: 20_000 });
      await scene.struck();
      await scene.goOn();
      await untilConclusion(stack, job, 'success', 300_000);
      const over = Date.now();
      const isAbout = ({ path }: SimCall): boolean => path.includes(`/${job.id}`) || path.includes(`/${job.runId}`);
      await untilCalled(scene, 'GitHub was asked', (call) => call.at > over && isAbout(call));
      await scene.struck(() => !deliveriesOf(scene).some(({ action }) => action === 'completed'));
    },
  },
  {
    step: 'clean-up',
    kind: 'error',
    blow: 'the job is cancelled before it began, and taking its runner off GitHub is answered 502 three times',
    job: { held: true },
    ends: 'cancelled',
    arrive: at(/waiting for GitHub to give it a job/),
    strike: async (scene) => {
      const { github } = scene.stack;
      await scene.goOn();
      github.addFault({ kind: 'status', status: 502, method: 'DELETE', path: 'actions/runners', times: TIMES });
      github.cancelJob(scene.job.id);
      const isRefusal = ({ method, status }: SimCall): boolean => method === 'DELETE' && status === 502;
      await untilCalled(scene, 'its removal has failed', isRefusal, TIMES);
      await scene.struck(({ job }) => nowIs(scene, job)?.conclusion === 'cancelled');
    },
  },
];

export const GITHUB: Row = { process: 'simulated GitHub', cells: CELLS, registrationTimeoutSeconds: 6 };
