/** What a host saw last is enough to begin a VM with; a look of now decides before the VM starts. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from './eventually.js';
import { TEMPLATE, useRigs, vmInput } from './rig.js';
import type { Rig } from './rig.js';

const A = 'berth-1-1-aaaa';

describe('a VM that is begun by what the host saw last', () => {
  const rigWith = useRigs();
  let rig: Rig;
  /** Ends the looks that run. */
  let endLook: () => void;

  beforeEach(async () => {
    rig = await rigWith();
    await rig.agent.start();
    const ended = new Promise<void>((resolve) => (endLook = resolve));
    rig.provider.before = (call) => (call === 'list' ? ended : undefined);
  });
  afterEach(() => endLook());

  const cloned = (): Promise<void> => eventually(() => expect(rig.provider.vms.has(A)).toBe(true));

  it('is cloned while the host looks again, and starts only after that', async () => {
    const hold = rig.hold(A);
    const clone = rig.call('cloneVm', vmInput(A));
    const start = rig.call('startVm', { runner: A });
    await cloned();
    expect(rig.provider.count('start')).toBe(0);
    endLook();
    await Promise.all([clone.result, start.result]);
    hold.cancel('CANCELLED');
  });

  it('never starts when others took its room meanwhile: the slot is refused and the VM goes', async () => {
    rig.provider.add('someones-vm', 'running');
    rig.provider.add('another-vm', 'running');
    const hold = rig.hold(A);
    const clone = rig.call('cloneVm', vmInput(A));
    const start = rig.call('startVm', { runner: A });
    await cloned();
    endLook();
    await expect(hold.result).rejects.toMatchObject({ type: 'SlotRefused', nonRetryable: true });
    await Promise.allSettled([clone.result, start.result]);
    await eventually(() => expect(rig.provider.vms.has(A)).toBe(false));
    await eventually(() => expect(rig.agent.heldVms()).toEqual([]));
    expect(rig.provider.mostRunning).toBe(0);
  });

  it('is not refused for VMs that have gone since', async () => {
    rig.provider.before = () => undefined;
    rig.provider.add('someones-vm', 'running');
    rig.provider.add('another-vm', 'running');
    await rig.restart();
    await rig.agent.start();
    rig.provider.vms.clear();
    rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    expect(rig.provider.vms.has(A)).toBe(true);
  });

  it('is cloned anew when its template had become another one', async () => {
    rig.provider.templates = [{ uuid: TEMPLATE, name: 'macos', tag: 'v7', status: 'stopped' }];
    rig.hold(A);
    const clone = rig.call('cloneVm', vmInput(A));
    await cloned();
    rig.provider.before = () => undefined;
    endLook();
    await clone.result;
    expect(rig.provider.vms.get(A)?.files.get('tag')).toBe('v1');
    expect(rig.provider.count('pull')).toBe(1);
  });

  it('gets its template from the registry when somebody has deleted it', async () => {
    rig.provider.templates = [];
    rig.hold(A);
    const clone = rig.call('cloneVm', vmInput(A));
    await eventually(() => expect(rig.provider.count('clone')).toBe(1));
    rig.provider.before = () => undefined;
    endLook();
    await clone.result;
    expect(rig.provider.vms.get(A)?.files.get('tag')).toBe('v1');
  });
});
