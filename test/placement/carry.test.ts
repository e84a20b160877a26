/** The dispatcher's books, written short and read again: nothing is lost, and it stays small. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packFleet, unpackFleet } from '../../placement/carry.js';
import type { Fleet } from '../../placement/fleet.js';
import { MOST_INSIDE } from '../../placement/inside.js';
import { pack, unpack } from '../../placement/pack.js';
import type { Json } from '../../placement/pack.js';
import { T0, fleetOf, grant, queue, report, slot } from './fixtures.js';

const MB = 2 ** 20;
const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const overTheWire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('pack', () => {
  it('is undone by unpack, whatever the JSON', () => {
    const values = fc.jsonValue({ maxDepth: 5 }).map((value) => overTheWire(value) as Json);
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 3 }), (value, times) => {
        const many = Array.from({ length: times }, () => value);
        expect(unpack(overTheWire(pack(many)))).toEqual(many);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['texts that look like its own marks', ["'a", '~b', '-1', '0', '', "'a", '~b']],
    ['times, small numbers and such that are neither', [T0, T0 - 5, 0, -1, 1.5, 1e300, -1e15, T0 + 0.5]],
    ['keys that mean something to JavaScript', [JSON.parse('{"__proto__":{"x":1},"constructor":2}') as Json]],
    ['nothing', []],
  ])('keeps %s', (_what, value) => {
    expect(unpack(overTheWire(pack(value)))).toEqual(value);
  });

  it('makes two of what it wrote once: a change of the one is none of the other', () => {
    const [a, b] = unpack(pack([{ list: ['long enough'] }, { list: ['long enough'] }])) as { list: string[] }[];
    a?.list.push('more');
    expect(b?.list).toEqual(['long enough']);
  });
});

const TEMPLATES = Array.from({ length: 10 }, (_, n) => ({
  uuid: `c0847bc9-5d2d-4dbc-ba6a-24040824${n}abc`,
  name: `macos-26-xcode-${n}`,
  tag: `v26.${n}`,
  size: { cpus: 4, memoryBytes: 8 * 2 ** 30, imageBytes: 60e9 + n },
}));

/** As large as it gets: every place taken, and every job told why it waits. */
function fullFleet(hosts: number, waiting: number, gone = 1_500): Fleet {
  const reports = Array.from({ length: hosts }, (_, n) =>
    report(`mini-${n + 1}`, {
      agentId: `3f2b6f0c-0000-4000-8000-${String(n).padStart(12, '0')}`,
      sessionId: `9a1b6f0c-0000-4000-8000-${String(n).padStart(12, '0')}`,
      bootId: `77777777-0000-4000-8000-${String(n).padStart(12, '0')}`,
      slots: [slot(`mini-${n + 1}-left`), slot(`mini-${n + 1}-right`)],
      templates: TEMPLATES,
      labels: [`mini-${n + 1}`, 'macOS', n % 2 ? 'iphone' : 'signing'],
    }),
  );
  const fleet = fleetOf(...reports);
  for (let n = 0; n < hosts * 2; n += 1) {
    queue(fleet, 41_000_000_000 + n);
    const host = `mini-${Math.floor(n / 2) + 1}`;
    grant(fleet, 41_000_000_000 + n, `berth-${41_000_000_000 + n}-1-ab12`, [
      host,
      `${host}-${n % 2 ? 'left' : 'right'}`,
    ]);
  }
  for (let n = 0; n < waiting; n += 1) {
    const template = TEMPLATES[n % 10]?.name ?? '';
    const job = queue(fleet, 42_000_000_000 + n * 7, {
      repo: `repository-${n % 50}`,
      template,
      tag: `v26.${n % 10}`,
      labels: ['self-hosted', 'macOS', `anka-template:${template}`, `anka-template-tag:v26.${n % 10}`],
      createdAt: T0 - n * 1_234,
    });
    job.askedAt = T0 - (n % 60) * 987;
    job.toldReason = `${n % 20} of ${hosts} hosts busy, 1 draining`;
    job.toldCode = 'busy';
  }
  for (let n = 0; n < gone; n += 1) fleet.gone[`berth-${40_000_000_000 + n * 3}-1-cd34`] = T0 - n * 300;
  return fleet;
}

describe('the books of a dispatcher on their way into its next run', () => {
  it('are the same afterwards', () => {
    const fleet = fullFleet(5, 50, 20);
    const again = unpackFleet(overTheWire(packFleet(fleet)));
    expect(again).toEqual(overTheWire(fleet));
    expect(Object.keys(again.jobs), 'in the same order').toEqual(Object.keys(fleet.jobs));
    expect(Object.keys(again.hosts)).toEqual(Object.keys(fleet.hosts));
  });

  it('carry an id of a workflow that is not made of the job, too', () => {
    const fleet = fleetOf();
    queue(fleet, 7);
    const job = { ...fleet.jobs['7'], workflowId: 'something/else' } as Fleet['jobs'][string];
    const books = { ...fleet, jobs: { 7: job } };
    expect(unpackFleet(packFleet(books)).jobs['7']?.workflowId).toBe('something/else');
  });

  it('are well below what Temporal takes, with every place taken', () => {
    const small = sizeOf(packFleet(fullFleet(20, MOST_INSIDE)));
    const large = sizeOf(packFleet(fullFleet(1_000, MOST_INSIDE)));
    const plain = sizeOf(fullFleet(1_000, MOST_INSIDE));
    console.info(`20 hosts: ${small} bytes; 1,000 hosts: ${large}, not packed ${plain}`);
    expect(small).toBeLessThan(MB / 4);
    expect(large).toBeLessThan(MB);
  });

  it('forget only the VMs that have been gone for longest', () => {
    const fleet = fleetOf();
    for (let n = 0; n < 3_000; n += 1) fleet.gone[`berth-${n}-1-aaaa`] = T0 + n;
    const { gone } = unpackFleet(packFleet(fleet));
    expect(Object.keys(gone)).toHaveLength(1_000);
    expect(Math.min(...Object.values(gone))).toBe(T0 + 2_000);
  });
});
