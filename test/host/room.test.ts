import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { whyNoRoom } from '../../agent/room.js';
import type { Room } from '../../agent/room.js';
import type { LibraryEntry, VmStatus } from '../../providers/provider.js';

const entry = (name: string, status: VmStatus): LibraryEntry => ({ uuid: name, name, status });

const room = (more: Partial<Room> = {}): Room => ({
  namePrefix: 'berth',
  slots: ['a', 'b'],
  vmLimit: 2,
  holds: [],
  library: [entry('template', 'stopped')],
  ...more,
});

describe('room for one more VM', () => {
  it.each<[string, Partial<Room>, string, RegExp | undefined]>([
    ['an empty host', {}, 'a', undefined],
    ['an unknown slot', {}, 'z', /no slot is named z/],
    ['a slot that is held', { holds: [{ runner: 'berth-1-1-aaaa', slot: 'a' }] }, 'a', /held by berth-1-1-aaaa/],
    ['the other slot held', { holds: [{ runner: 'berth-1-1-aaaa', slot: 'a' }] }, 'b', undefined],
    ['one foreign VM running', { library: [entry('x', 'running')] }, 'a', undefined],
    ['two foreign VMs running', { library: [entry('x', 'running'), entry('y', 'running')] }, 'a', /2 of at most 2/],
    ['foreign VMs stopped', { library: [entry('x', 'stopped'), entry('y', 'suspended')] }, 'a', undefined],
    [
      'a hold whose VM is not made yet, and a foreign VM',
      { holds: [{ runner: 'berth-1-1-aaaa', slot: 'a' }], library: [entry('x', 'running')] },
      'b',
      /2 of at most 2 VMs run or are about to/,
    ],
    [
      'a hold whose VM runs: counted once',
      { holds: [{ runner: 'berth-1-1-aaaa', slot: 'a' }], library: [entry('berth-1-1-aaaa', 'running')] },
      'b',
      undefined,
    ],
    [
      'leftovers of ours that no hold names',
      { library: [entry('berth-1-1-aaaa', 'stopped'), entry('berth-2-1-bbbb', 'stopped')] },
      'a',
      /all 2 slots are taken, by berth-1-1-aaaa, berth-2-1-bbbb/,
    ],
    [
      'three slots, two VMs',
      {
        slots: ['a', 'b', 'c'],
        holds: [
          { runner: 'berth-1-1-aaaa', slot: 'a' },
          { runner: 'berth-2-1-bbbb', slot: 'b' },
        ],
      },
      'c',
      /2 of at most 2/,
    ],
    [
      'VMs of another installation',
      { library: [entry('berth2-1-1-aaaa', 'stopped'), entry('berth-x', 'stopped')] },
      'a',
      undefined,
    ],
    [
      'a hold of a slot that could not be read',
      { slots: ['a'], holds: [{ runner: 'berth-1-1-aaaa', slot: '' }] },
      'a',
      /all 1 slots/,
    ],
  ])('is judged right for %s', (_, more, slot, why) => {
    const said = whyNoRoom(room(more), slot);
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(why);
  });

  it('never lets more VMs be than slots, nor more run than the limit, whatever is there', () => {
    const ours = fc.constantFrom('berth-1-1-aaaa', 'berth-2-1-bbbb', 'berth-3-1-cccc');
    const status = fc.constantFrom<VmStatus>('running', 'stopped', 'suspended', 'failed', 'unknown');
    const library = fc.uniqueArray(
      fc
        .record({ name: fc.oneof(ours, fc.constantFrom('x', 'y', 'z')), status })
        .map(({ name, status: s }) => entry(name, s)),
      { selector: ({ name }) => name },
    );
    const holds = fc.uniqueArray(fc.record({ runner: ours, slot: fc.constantFrom('a', 'b', 'c') }), {
      selector: (h) => h.runner,
    });
    fc.assert(
      fc.property(
        library,
        holds,
        fc.integer({ min: 1, max: 4 }),
        fc.subarray(['a', 'b', 'c']),
        (lib, held, vmLimit, slots) => {
          for (const slot of ['a', 'b', 'c']) {
            if (whyNoRoom(room({ library: lib, holds: held, vmLimit, slots }), slot) !== undefined) continue;
            const holdsThen = [...held.map(({ runner }) => runner), 'new'];
            const own = new Set([
              ...holdsThen,
              ...lib.map(({ name }) => name).filter((name) => name.startsWith('berth-')),
            ]);
            const running = new Set([
              ...holdsThen,
              ...lib.filter((e) => e.status === 'running').map(({ name }) => name),
            ]);
            expect(own.size).toBeLessThanOrEqual(slots.length);
            expect(running.size).toBeLessThanOrEqual(vmLimit);
            expect(held.map((h) => h.slot)).not.toContain(slot);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
