/** A workflow that ended does not always mean that its VM may go: a job may run in it. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../providers/provider.js';
import { eventually } from './eventually.js';
import { useRigs } from './rig.js';
import type { Rig, RigOptions } from './rig.js';

const A = 'berth-1-1-aaaa';
const STRAY = 'berth-9-1-ffff';

const jobStarted = { owner: 'acme', repo: 'ios', runId: 7 };

const rigWith = useRigs();

/** An agent that was started anew, with a VM in which a job runs and whose workflow ended in this way. */
async function afterRestart(ended: Rig['temporal']['ended'], options: RigOptions = {}): Promise<Rig> {
  const rig = await rigWith({ sweepEveryMs: 20, ...options });
  await rig.bringUp(A);
  rig.provider.say(A, { jobStarted });
  await rig.restart();
  rig.temporal.open.clear();
  rig.temporal.ended = ended;
  return rig;
}

const gone = (rig: Rig, vm: string): Promise<void> => eventually(() => expect(rig.provider.vms.has(vm)).toBe(false));
const questions = (rig: Rig, vm = A): number => rig.provider.count(`run ${vm} state`);

describe('a VM in which a job runs', () => {
  it('stays when its workflow gave it up, until that job is over', async () => {
    const rig = await afterRestart('left');
    await rig.agent.start();
    await eventually(() => expect(questions(rig)).toBeGreaterThan(4));
    expect(rig.provider.vms.has(A)).toBe(true);
    expect(rig.agent.heldVms()).toEqual([A]);
    rig.provider.say(A, { jobCompleted: true, exitCode: 0 });
    await gone(rig, A);
    await eventually(() => expect(rig.agent.heldVms()).toEqual([]));
  });

  it('stays even if no hold names it and Temporal does not know its workflow', async () => {
    const rig = await rigWith({ sweepEveryMs: 20, lookAgainMs: 20 });
    rig.provider.add(STRAY, 'running').state = { jobStarted, jobCompleted: false, exitCode: null };
    rig.temporal.ended = 'left';
    await rig.agent.start();
    await eventually(() => expect(questions(rig, STRAY)).toBeGreaterThan(4));
    expect(rig.provider.vms.has(STRAY)).toBe(true);
    rig.provider.say(STRAY, { exitCode: 1 });
    await gone(rig, STRAY);
  });

  it.each(['stopped', 'served'] as const)(
    'goes, and its guest is not asked, when its workflow was %s',
    async (ended) => {
      const rig = await afterRestart(ended);
      await rig.agent.start();
      await gone(rig, A);
      expect(questions(rig)).toBe(0);
    },
  );

  it('stays when the workflow of a hold that is still attended gave it up', async () => {
    const rig = await rigWith({ sweepEveryMs: 50 });
    const hold = await rig.bringUp(A);
    rig.provider.say(A, { jobStarted });
    await rig.agent.start();
    rig.temporal.open.clear();
    rig.temporal.ended = 'left';
    hold.cancel('NOT_FOUND');
    await eventually(() => expect(questions(rig)).toBeGreaterThan(2));
    expect(rig.provider.vms.has(A)).toBe(true);
  });
});

describe('a VM whose workflow gave it up', () => {
  it('goes when no job runs in it', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    await rig.bringUp(A);
    await rig.restart();
    rig.temporal.open.clear();
    rig.temporal.ended = 'left';
    await rig.agent.start();
    await gone(rig, A);
    expect(questions(rig)).toBe(1);
  });

  it('goes without a question, which would start it, when it does not run', async () => {
    const rig = await afterRestart('left');
    rig.provider.crash(A);
    await rig.agent.start();
    await gone(rig, A);
    expect(questions(rig)).toBe(0);
  });

  it('goes at the third look at which its guest does not answer', async () => {
    const rig = await afterRestart('left');
    rig.provider.before = (call) => {
      if (call.startsWith('run')) throw new ProviderError('GuestUnreachable', 'no answer');
    };
    await rig.agent.start();
    await gone(rig, A);
    expect(questions(rig)).toBe(3);
  });
});

describe('a sweep that was asked for', () => {
  const sweep = (rig: Rig, dryRun: boolean) => rig.call('sweepVms', { dryRun }).result;

  /** One VM of each kind; the hold's workflow was terminated. */
  async function fleet(): Promise<Rig> {
    const rig = await afterRestart('stopped', { sweepEveryMs: 60_000, lookAgainMs: 30 });
    rig.provider.add(STRAY, 'running');
    rig.provider.add('berth-8-1-ffff', 'running');
    rig.temporal.open.add('runner/berth-8-1-ffff');
    rig.provider.add('someones-vm', 'running');
    rig.provider.add('berth2-1-1-aaaa', 'running');
    return rig;
  }

  it('names what was left and changes nothing when it is a dry run', async () => {
    const rig = await fleet();
    for (const turn of ['first', 'second']) {
      const { looked, findings } = await sweep(rig, true);
      expect(looked).toBe(3);
      expect(findings.map(({ vm, done }) => [vm, done]).sort(), turn).toEqual([
        [A, 'would'],
        [STRAY, 'would'],
      ]);
    }
    expect(rig.provider.count('delete')).toBe(0);
    expect(rig.provider.vms.size).toBe(5);
  });

  it('destroys what was left, after two looks, and says so', async () => {
    const rig = await fleet();
    const { findings } = await sweep(rig, false);
    expect(findings.map(({ vm, done }) => [vm, done]).sort()).toEqual([
      [A, 'destroyed'],
      [STRAY, 'destroyed'],
    ]);
    expect([...rig.provider.vms.keys()].sort()).toEqual(['berth-8-1-ffff', 'berth2-1-1-aaaa', 'someones-vm']);
    expect((await sweep(rig, false)).findings).toEqual([]);
  });

  it('names a VM that is kept for its job', async () => {
    const rig = await fleet();
    rig.temporal.ended = 'left';
    const { findings } = await sweep(rig, false);
    const of = (name: string) => findings.find(({ vm }) => vm === name);
    expect(of(A)).toMatchObject({ done: 'left', why: expect.stringContaining('acme/ios runs in it') as string });
    expect(of(STRAY)).toMatchObject({ done: 'destroyed' });
  });

  it('says which VM could not be deleted', async () => {
    const rig = await fleet();
    rig.provider.before = (call) => {
      if (call.startsWith(`delete ${A}`)) throw new ProviderError('CommandFailed', 'busy');
    };
    const { findings } = await sweep(rig, false);
    expect(findings.find(({ vm }) => vm === A)).toMatchObject({
      done: 'failed',
      why: expect.stringContaining('busy') as string,
    });
  });

  it('fails, and touches nothing, while Temporal cannot be asked', async () => {
    const rig = await fleet();
    rig.temporal.isAway = true;
    await expect(sweep(rig, false)).rejects.toThrow('away');
    expect(rig.provider.count('delete')).toBe(0);
  });

  it('ends when its workflow does not want it any more', async () => {
    const rig = await afterRestart('stopped', { sweepEveryMs: 60_000, lookAgainMs: 60_000 });
    rig.provider.add(STRAY, 'running');
    const asked = rig.call('sweepVms', { dryRun: true });
    await eventually(() => expect(rig.provider.count('list')).toBeGreaterThan(0));
    asked.cancel('CANCELLED');
    await expect(asked.result).rejects.toThrow('CANCELLED');
  });
});
