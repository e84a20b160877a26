/** The machine's clock jumps, as after a sleep or a correction: the agent goes by a clock that does not. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { openTemplateUses } from '../../agent/template-uses.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { createAttendance } from '../../workers/host-attendance.js';
import { LATEST } from '../../jobs/labels.js';
import { eventually } from './eventually.js';
import { useRigs, vmInput } from './rig.js';

const A = 'berth-1-1-aaaa';
const B = 'berth-2-1-bbbb';
const YEAR_MS = 366 * 24 * 3_600_000;

const jumps = [
  { name: 'a year ahead', by: YEAR_MS },
  { name: 'a year back', by: -YEAR_MS },
];

const rigWith = useRigs();

// Before the rigs are closed.
afterEach(() => {
  vi.useRealTimers();
});

/** Only the clock on the wall; timers and the clock that never jumps go on. */
function jump(by: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + by });
}

describe.each(jumps)('a clock that jumps $name', ({ by }) => {
  it('takes no VM from its job, nor the slot, and the next job is served', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    await rig.agent.start();
    const hold = await rig.bringUp(A, 'a');
    jump(by);
    const { provider } = rig;
    const lists = provider.count('list');
    // Several sweeps.
    await eventually(() => expect(provider.count('list')).toBeGreaterThan(lists + 3));
    expect(provider.vms.has(A)).toBe(true);
    expect(provider.count('delete')).toBe(0);
    const second = await rig.bringUp(B, 'b');
    for (const [runner, held] of [
      [A, hold],
      [B, second],
    ] as const) {
      await rig.call('destroyVm', { runner }).result;
      await held.result;
    }
    expect((await rig.agent.report()).holds).toEqual([]);
  });

  it('has a template without a tag pulled neither again nor never', async () => {
    const rig = await rigWith();
    rig.hold(A);
    const latest = { ...vmInput(A), tag: LATEST };
    expect(await rig.call('ensureTemplate', latest).result).toMatchObject({ pulled: true });
    jump(by);
    expect(await rig.call('ensureTemplate', latest).result).toMatchObject({ pulled: false });
  });

  it('does not have the host announce itself, as if nobody attended it', async () => {
    const attendance = createAttendance();
    let end = (): void => undefined;
    const attended = attendance.during(() => new Promise<void>((resolve) => (end = resolve)));
    const stop = new AbortController();
    let hasLapsed = false;
    const lapsed = attendance.lapsed(200, stop.signal).then(() => (hasLapsed = true));
    jump(by);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(hasLapsed).toBe(false);
    end();
    await attended;
    await lapsed;
  });

  it('does not change which template was used last', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-uses-'));
    const open = () =>
      openTemplateUses({ file: join(folder, 'templates.json'), isLive: () => false, log: pino({ level: 'silent' }) });
    const uses = await open();
    uses.note('first');
    jump(by);
    uses.note('second');
    vi.useRealTimers();
    uses.note('third');
    await uses.saved();
    const again = await open();
    again.note('fourth');
    const times = ['first', 'second', 'third', 'fourth'].map((name) => again.of([name])[0]?.usedAt ?? NaN);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(times).size).toBe(4);
    await again.saved();
    await rm(folder, { recursive: true });
  });
});
