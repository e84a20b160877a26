import { readdir, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.js';
import { FakeProvider } from './fake-provider.js';
import { createRig, failure, useRigs, vmInput } from './rig.js';
import type { Rig } from './rig.js';

const A = 'berth-1-1-aaaa';
const B = 'berth-2-1-bbbb';
const C = 'berth-3-1-cccc';

const rigWith = useRigs();

const held = (rig: Rig, runner: string): Promise<void> =>
  eventually(() => expect(rig.agent.heldVms()).toContain(runner));

const ledgerOf = async (rig: Rig): Promise<string[]> => readdir(join(rig.config.stateDir, 'holds'));

describe('holding a slot', () => {
  it('lasts until the VM is destroyed, and is on disk as long', async () => {
    const rig = await rigWith();
    const hold = rig.hold(A);
    await held(rig, A);
    expect(await ledgerOf(rig)).toEqual([`${A}.json`]);
    await eventually(() => expect(hold.beats).toContain('holds slot a'));
    expect(await rig.call('destroyVm', { runner: A }).result).toEqual({ existed: false });
    await hold.result;
    expect(await ledgerOf(rig)).toEqual([]);
  });

  it('is refused in words when there is no room, by a failure that is not repeated', async () => {
    const rig = await rigWith();
    rig.provider.add('someones-vm', 'running');
    rig.hold(A);
    await held(rig, A);
    await expect(rig.hold(B, 'b').result).rejects.toEqual(
      failure('SlotRefused', /2 of at most 2 VMs run.*someones-vm/),
    );
  });

  it('is granted again to the runner that has it', async () => {
    const rig = await rigWith();
    const holds = [rig.hold(A), rig.hold(A)];
    await held(rig, A);
    await rig.call('destroyVm', { runner: A }).result;
    await Promise.all(holds.map(({ result }) => result));
    expect(rig.provider.count('list')).toBe(1);
  });

  it('costs one list each, also when many ask at once', async () => {
    const rig = await rigWith({ slots: ['a', 'b', 'c'], vmLimit: 3 });
    const holds = [rig.hold(A, 'a'), rig.hold(B, 'b'), rig.hold(C, 'c')];
    await Promise.all([A, B, C].map((runner) => held(rig, runner)));
    expect(rig.provider.count('list')).toBe(3);
    for (const hold of holds) hold.cancel('CANCELLED');
  });

  it('is refused while the host drains, and granted when it no longer does', async () => {
    const rig = await rigWith();
    rig.agent.setDraining('stop', true);
    await expect(rig.hold(A).result).rejects.toEqual(failure('SlotRefused', /draining/));
    rig.agent.setDraining('stop', false);
    rig.hold(B);
    await held(rig, B);
  });

  it('is refused, without blame to the job, when it cannot be told what runs here', async () => {
    const rig = await rigWith();
    rig.provider.before = (call) => {
      if (call === 'list') throw new Error('list broke');
    };
    await expect(rig.hold(A).result).rejects.toEqual(failure('SlotRefused', /list broke/));
  });

  it('is not refused for a VM that was deleted while the list was under way', async () => {
    const rig = await rigWith({ slots: ['a'], vmLimit: 1 });
    rig.hold(A);
    await held(rig, A);
    await rig.call('cloneVm', vmInput(A)).result;
    let finish = (): void => undefined;
    rig.provider.before = (call) => (call === 'list' ? new Promise<void>((resolve) => (finish = resolve)) : undefined);
    // The list sees A; A is gone before it ends.
    const listed = rig.provider.count('list');
    const next = rig.hold(B);
    await eventually(() => expect(rig.provider.count('list')).toBe(listed + 1));
    await rig.call('destroyVm', { runner: A }).result;
    finish();
    await held(rig, B);
    next.cancel('CANCELLED');
  });

  it('never lets more VMs be than slots, nor more run than the limit, under any interleaving', async () => {
    const runners = ['berth-1-1-aaaa', 'berth-2-1-bbbb', 'berth-3-1-cccc', 'berth-4-1-dddd', 'berth-5-1-eeee'];
    const plan = fc.record({
      delays: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 8, maxLength: 30 }),
      slots: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 5, maxLength: 5 }),
      foreign: fc.integer({ min: 0, max: 1 }),
      vmLimit: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ delays, slots, foreign, vmLimit }) => {
        const provider = new FakeProvider();
        if (foreign > 0) provider.add('foreign', 'running');
        const rig = await createRig({ slots: ['a', 'b', 'c'], vmLimit, provider });
        let next = 0;
        let mostOwn = 0;
        provider.before = () => {
          mostOwn = Math.max(mostOwn, [...provider.vms.keys()].filter((name) => name !== 'foreign').length);
          return delay(delays[next++ % delays.length]);
        };
        const live = async (runner: string, index: number): Promise<boolean> => {
          const hold = rig.hold(runner, slots[index]);
          const steps = async (): Promise<boolean> => {
            await rig.call('ensureTemplate', vmInput(runner, { slot: slots[index] ?? 'a' })).result;
            await rig.call('cloneVm', vmInput(runner, { slot: slots[index] ?? 'a' })).result;
            await rig.call('startVm', { runner }).result;
            return true;
          };
          const refused = hold.result.then(
            () => false,
            () => false,
          );
          const got = await Promise.race([steps().catch(() => false), refused]);
          await rig.call('destroyVm', { runner }).result;
          if (got) await hold.result;
          return got;
        };
        try {
          const got = await Promise.all(runners.map(live));
          expect(provider.mostRunning).toBeLessThanOrEqual(vmLimit);
          expect(mostOwn).toBeLessThanOrEqual(3);
          if (vmLimit > foreign) expect(got).toContain(true);
          expect([...provider.vms.keys()].filter((name) => name !== 'foreign')).toEqual([]);
          expect(await ledgerOf(rig)).toEqual([]);
        } finally {
          await rig.close();
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('a hold that Temporal ends', () => {
  it('leaves the VM to its workflow when that cancelled it', async () => {
    const rig = await rigWith();
    const hold = rig.hold(A);
    await held(rig, A);
    await rig.call('cloneVm', vmInput(A)).result;
    hold.cancel('CANCELLED');
    await expect(hold.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(rig.provider.vms.has(A)).toBe(true);
    expect(rig.agent.heldVms()).toEqual([A]);
  });

  it('destroys the VM when its workflow was terminated', async () => {
    const rig = await rigWith();
    const hold = rig.hold(A);
    await held(rig, A);
    await rig.call('cloneVm', vmInput(A)).result;
    rig.temporal.open.clear();
    hold.cancel('NOT_FOUND');
    await expect(hold.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    await eventually(() => expect(rig.provider.vms.has(A)).toBe(false));
    await eventually(async () => expect(await ledgerOf(rig)).toEqual([]));
  });

  it.each<[string, (rig: Rig) => void, 'NOT_FOUND' | 'WORKER_SHUTDOWN']>([
    ['its workflow is still open', () => undefined, 'NOT_FOUND'],
    ['Temporal cannot be asked', (rig) => (rig.temporal.isAway = true), 'NOT_FOUND'],
    ['the agent stops', () => undefined, 'WORKER_SHUTDOWN'],
  ])('keeps the VM and the hold, to be adopted, when %s', async (_, arrange, reason) => {
    const rig = await rigWith();
    const hold = rig.hold(A);
    await held(rig, A);
    await rig.call('cloneVm', vmInput(A)).result;
    arrange(rig);
    hold.cancel(reason);
    await expect(hold.result).rejects.toMatchObject({ name: 'CancelledFailure', message: reason });
    expect(rig.provider.vms.has(A)).toBe(true);
    expect(await ledgerOf(rig)).toEqual([`${A}.json`]);
    expect(rig.provider.count('delete')).toBe(0);
  });
});

describe('after a restart of the agent', () => {
  it('a VM that runs is adopted and its slot is not given away', async () => {
    const rig = await rigWith({ slots: ['a'], vmLimit: 1 });
    await rig.bringUp(A);
    await rig.restart();
    expect(rig.agent.heldVms()).toEqual([A]);
    await expect(rig.hold(B).result).rejects.toEqual(failure('SlotRefused'));
    const watches = rig.provider.count(`run ${A} watch`);
    const again = rig.hold(A, 'a', true);
    await eventually(() => expect(rig.provider.count(`run ${A} watch`)).toBe(watches + 1));
    await rig.call('destroyVm', { runner: A }).result;
    await again.result;
    expect(rig.agent.heldVms()).toEqual([]);
  });

  it('a VM that does not run any more is VmGone, and what is left of it is destroyed', async () => {
    const rig = await rigWith();
    rig.hold(A);
    await held(rig, A);
    await rig.call('cloneVm', vmInput(A)).result;
    await rig.restart();
    await expect(rig.hold(A, 'a', true).result).rejects.toEqual(failure('VmGone', /does not run .*stopped/));
    await eventually(() => expect(rig.provider.vms.has(A)).toBe(false));
    await eventually(async () => expect(await ledgerOf(rig)).toEqual([]));
  });

  it('a hold that is not known is VmGone', async () => {
    const rig = await rigWith();
    await expect(rig.hold(A, 'a', true).result).rejects.toEqual(failure('VmGone', /has no hold/));
  });

  it('a hold whose file is damaged still takes its slot, until its VM is destroyed', async () => {
    const rig = await rigWith({ slots: ['a'], vmLimit: 2 });
    await mkdir(join(rig.config.stateDir, 'holds'), { recursive: true });
    await writeFile(join(rig.config.stateDir, 'holds', `${A}.json`), '{"run');
    await rig.restart();
    await expect(rig.hold(B).result).rejects.toEqual(failure('SlotRefused', new RegExp(A)));
    await rig.call('destroyVm', { runner: A }).result;
    rig.hold(B);
    await held(rig, B);
  });
});

describe('adopting without a restart', () => {
  it('goes on with a VM that is still being made by the same process', async () => {
    const rig = await rigWith();
    const lost = rig.hold(A);
    await held(rig, A);
    lost.cancel('NOT_FOUND');
    await lost.result.catch(() => undefined);
    const again = rig.hold(A, 'a', true);
    await rig.call('cloneVm', vmInput(A)).result;
    await rig.call('destroyVm', { runner: A }).result;
    await again.result;
  });
});
