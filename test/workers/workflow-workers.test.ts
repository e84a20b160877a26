/** Two workers, one life: neither goes on without the other. */

import { beforeEach, describe, expect, it, vi } from 'vitest';

/** A worker of the SDK, as far as it is used here. */
class FakeWorker {
  readonly options: Record<string, unknown>;
  state = 'INITIALIZED';
  end: () => void = () => undefined;
  fail: (err: Error) => void = () => undefined;

  constructor(options: Record<string, unknown>) {
    this.options = options;
  }

  getState = (): string => this.state;

  run = (): Promise<void> => {
    this.state = 'RUNNING';
    return new Promise<void>((resolve, reject) => {
      this.end = resolve;
      this.fail = (err) => {
        this.state = 'FAILED';
        reject(err);
      };
    });
  };

  shutdown = (): void => {
    if (this.state !== 'RUNNING') throw new Error(`not running: ${this.state}`);
    this.state = 'STOPPING';
  };
}

const made = vi.hoisted(() => ({ workers: [] as unknown[] }));

vi.mock('@temporalio/worker', () => ({
  Worker: {
    create: (options: Record<string, unknown>) => {
      const worker = new FakeWorker(options);
      made.workers.push(worker);
      return Promise.resolve(worker);
    },
  },
}));

const { createWorkflowWorkers } = await import('../../workers/workflow-workers.js');

async function create() {
  const connection = {} as Parameters<typeof createWorkflowWorkers>[0]['connection'];
  const activities = { cancelRun: () => Promise.resolve() };
  const workers = await createWorkflowWorkers({
    connection,
    namespace: 'berth',
    activities,
    workflowBundle: '/bundle.js',
    version: '1.2.3',
  });
  const [jobs, slots] = made.workers as [FakeWorker, FakeWorker];
  return { workers, jobs, slots };
}

beforeEach(() => {
  made.workers.length = 0;
});

describe('the workers of an orchestrator', () => {
  it('are one for each queue, with the same workflows; activities are for the first only', async () => {
    const { jobs, slots } = await create();
    expect([jobs.options['taskQueue'], slots.options['taskQueue']]).toEqual(['orchestrator', 'orchestrator/slots']);
    for (const { options } of [jobs, slots]) {
      expect(options).toMatchObject({
        namespace: 'berth',
        workflowBundle: { codePath: '/bundle.js' },
        workerDeploymentOptions: { version: { buildId: '1.2.3' }, useWorkerVersioning: false },
      });
    }
    expect([Object.keys(jobs.options['activities'] ?? {}), slots.options['activities']]).toEqual([
      ['cancelRun'],
      undefined,
    ]);
  });

  it('run until both have ended after a shutdown', async () => {
    const { workers, jobs, slots } = await create();
    let isOver = false;
    const running = workers.run().then(() => (isOver = true));
    workers.shutdown();
    expect([jobs.state, slots.state]).toEqual(['STOPPING', 'STOPPING']);
    slots.end();
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    jobs.end();
    await running;
  });

  it('end together when one breaks, and say why once the other has ended', async () => {
    const { workers, jobs, slots } = await create();
    let why = '';
    const running = workers.run().catch((err: unknown) => (why = (err as Error).message));
    slots.fail(new Error('the server refused it'));
    await vi.waitFor(() => expect(jobs.state).toBe('STOPPING'));
    expect(why).toBe('');
    jobs.end();
    await running;
    expect(why).toBe('the server refused it');
  });

  it('may be told to end before they run', async () => {
    const { workers } = await create();
    expect(() => workers.shutdown()).not.toThrow();
  });
});
