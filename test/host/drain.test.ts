import { rm, writeFile } from 'node:fs/promises';
import pino from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { untilDrained } from '../../agent/drained.js';
import { eventually } from './eventually.js';
import { useRigs } from './rig.js';
import type { Rig } from './rig.js';

const A = 'berth-1-1-aaaa';
const B = 'berth-2-1-bbbb';

const log = pino({ level: 'silent' });
const rigWith = useRigs();

// Before the rigs are closed.
afterEach(() => {
  vi.useRealTimers();
});

const drainFileOf = (rig: Rig): string => rig.config.drainFiles[0] ?? '';

/** Asks as the host's workflow does; the answer comes with the next change. */
const attend = (rig: Rig, sequence: number, drain?: boolean) =>
  rig.call('attend', { sessionId: rig.agent.sessionId, sequence, ...(drain !== undefined && { drain }) });

describe('an operator’s drain', () => {
  it('is heard with an attend, refuses new VMs, and is taken back by the next', async () => {
    const rig = await rigWith();
    const earlier = attend(rig, 0);
    const { sequence, ...drained } = await attend(rig, 0, true).result;
    expect(drained).toMatchObject({ draining: true, drainedBy: ['operator'] });
    expect(await earlier.result, 'the one under way ends by it').toMatchObject({ draining: true });
    await expect(rig.hold(A).result).rejects.toMatchObject({
      type: 'SlotRefused',
      message: expect.stringMatching(/an operator drained it/) as string,
    });
    expect(await attend(rig, sequence).result).toMatchObject({ draining: false, drainedBy: [] });
    rig.hold(B);
    await eventually(() => expect(rig.agent.heldVms()).toEqual([B]));
  });

  it('leaves VMs alone, and tells at once when the last is gone', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    const drained = await attend(rig, (await rig.agent.report()).sequence, true).result;
    expect(drained).toMatchObject({ holds: [A] });
    expect(rig.provider.vms.get(A)?.status).toBe('running');
    const next = attend(rig, drained.sequence, true);
    const since = performance.now();
    await rig.call('destroyVm', { runner: A }).result;
    expect(await next.result).toMatchObject({ holds: [], draining: true });
    expect(performance.now() - since, 'not after the pause of other news of VMs (ms)').toBeLessThan(4_000);
  });

  it('is not forgotten with the end of another one', async () => {
    const rig = await rigWith();
    rig.agent.setDraining('file', true);
    rig.agent.setDraining('stop', true);
    rig.agent.setDraining('file', false);
    expect(await rig.agent.report()).toMatchObject({ draining: true, drainedBy: ['stop'] });
  });
});

describe('the drain file', () => {
  it('keeps a host from new VMs for as long as it is there', async () => {
    const rig = await rigWith();
    await rig.agent.start();
    expect(await rig.agent.report()).toMatchObject({ draining: false });
    await writeFile(drainFileOf(rig), '');
    await eventually(async () => expect(await rig.agent.report()).toMatchObject({ drainedBy: ['file'] }));
    await expect(rig.hold(A).result).rejects.toMatchObject({
      message: expect.stringMatching(/a drain file is there/) as string,
    });
    await rm(drainFileOf(rig));
    await eventually(async () => expect(await rig.agent.report()).toMatchObject({ draining: false, drainedBy: [] }));
    rig.hold(B);
    await eventually(() => expect(rig.agent.heldVms()).toEqual([B]));
  });

  it('counts from the very start of an agent', async () => {
    const rig = await rigWith();
    await writeFile(drainFileOf(rig), '');
    await rig.restart();
    await rig.agent.start();
    expect(await rig.agent.report()).toMatchObject({ draining: true, drainedBy: ['file'] });
  });
});

describe('a drain before the stop', () => {
  const deps = { host: 'mac-1', log, everyMs: 5 };

  it('ends when the last VM has', async () => {
    const vms = [[A, B], [A], []];
    const left = await untilDrained(
      { ...deps, withinMs: 60_000, vms: () => vms.shift() ?? [] },
      new AbortController().signal,
    );
    expect([left, vms]).toEqual([[], []]);
  });

  it('ends at its deadline, or when it is cut short, with the names of what is left', async () => {
    expect(await untilDrained({ ...deps, withinMs: 20, vms: () => [A] }, new AbortController().signal)).toEqual([A]);
    const cut = new AbortController();
    const waiting = untilDrained({ ...deps, withinMs: 600_000, everyMs: 600_000, vms: () => [A, B] }, cut.signal);
    cut.abort();
    expect(await waiting).toEqual([A, B]);
  });
});

describe('a clock that jumps', () => {
  /** Only the clock on the wall: timers go on. */
  const jumpTo = (date: string): void => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(date) });
  };

  it.each([['2001-01-01T00:00:00Z'], ['2099-01-01T00:00:00Z']])(
    'to %s changes nothing for VMs and pulse',
    async (to) => {
      const rig = await rigWith();
      await rig.agent.start();
      await rig.bringUp(A);
      const { sequence } = await rig.agent.report();
      jumpTo(to);
      const pulse = attend(rig, sequence);
      const [drained] = await Promise.all([
        untilDrained(
          { host: 'mac-1', log, everyMs: 5, withinMs: 50, vms: rig.agent.heldVms },
          AbortSignal.timeout(30_000),
        ),
        rig.bringUp(B, 'b'),
      ]);
      expect(drained, 'its deadline still counts').toContain(A);
      expect(rig.agent.heldVms()).toEqual([A, B]);
      rig.agent.setDraining('file', true);
      expect(await pulse.result).toMatchObject({ holds: [A, B] });
      await rig.restart();
      rig.hold(A, 'a', true);
      rig.hold(B, 'b', true);
      await eventually(() => expect(rig.agent.heldVms()).toEqual([A, B]));
      for (const runner of [A, B]) expect(rig.provider.vms.get(runner)?.status).toBe('running');
    },
  );
});
