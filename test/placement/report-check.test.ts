import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostReport } from '../../activities/contracts.js';
import { applyHostReport } from '../../placement/hosts-heard.js';
import { whyNonsense } from '../../placement/report-check.js';
import { T0, fleetOf, report, slot } from './fixtures.js';

const resources = (more: Partial<HostReport['resources']>): Partial<HostReport> => ({
  resources: { cpus: 12, memoryBytes: 64e9, diskFreeBytes: 5e11, ...more },
});
const template = (size: unknown): Partial<HostReport> =>
  ({ templates: [{ uuid: 'u', name: 'mac-15', tag: null, size }] }) as Partial<HostReport>;
const slots = (count: number): HostReport['slots'] => Array.from({ length: count }, (_, n) => slot(`s${n}`));

describe('a report that can be so', () => {
  it.each<[string, Partial<HostReport>]>([
    ['a plain host', {}],
    ['no slots and no VMs', { slots: [], vmLimit: 0 }],
    ['a full disk', resources({ diskFreeBytes: 0 })],
    ['sizes and a pull', { ...template({ cpus: 4, memoryBytes: 8e9 }), pulling: { template: 'x', tag: 'latest' } }],
    ['no pull', { pulling: null }],
    ["somebody's VM of unknown size", { foreignVms: ['dev'], foreignUse: { cpus: 0, memoryBytes: 0 } }],
    ['labels', { labels: ['iPhone', 'signing'] }],
    ['no labels', { labels: [] }],
    [
      'many slots where VMs are not macOS',
      { slots: slots(100), vmLimit: 100, provider: { kind: 'lxd', version: '6', problems: [] } },
    ],
  ])('%s', (_, more) => {
    expect(whyNonsense(report('mini-1', more))).toBeUndefined();
  });
});

describe('nonsense', () => {
  it.each<[string, unknown, RegExp]>([
    ['negative memory', resources({ memoryBytes: -1 }), /-1 bytes of memory/],
    ['no memory', resources({ memoryBytes: 0 }), /0 bytes of memory/],
    ['NaN CPUs', resources({ cpus: Number.NaN }), /NaN CPUs/],
    ['a number that JSON cannot say', { resources: { cpus: null, memoryBytes: 1, diskFreeBytes: 1 } }, /null CPUs/],
    ['infinite disk', resources({ diskFreeBytes: Infinity }), /Infinity bytes of disk/],
    ['100 macOS slots', { slots: slots(100) }, /100 macOS slots; at most 32/],
    ['a huge limit of VMs', { vmLimit: 1e9 }, /limit of VMs is 1000000000/],
    ['half a VM', { vmLimit: 1.5 }, /limit of VMs is 1.5/],
    ['two slots of one name', { slots: [slot('a'), slot('a')] }, /two of its slots have one name/],
    ['a slot without a scope', { slots: [{ ...slot('a'), scope: { kind: 'moon' } }] }, /slot a has no scope/],
    ['a negative sleep interval', { slots: [slot('a', { sleepInterval: -1 })] }, /sleepInterval of slot a is -1/],
    ['a template of no CPUs', template({ cpus: 0, memoryBytes: 8e9 }), /template mac-15 has 0 CPUs/],
    ['a template of negative memory', template({ cpus: 1, memoryBytes: -8e9 }), /template mac-15 has -8/],
    ['foreign VMs that give CPUs back', { foreignUse: { cpus: -4, memoryBytes: 0 } }, /VMs of others use -4 CPUs/],
    ['a negative sequence', { sequence: -1 }, /its sequence is -1/],
    ['no name', { host: '' }, /it has no host/],
    ['holds that are no names', { holds: [{}] }, /its holds are not a list of names/],
    ['no slots at all', { slots: undefined }, /slots/],
    ['no provider', { provider: undefined }, /a part of it is missing/],
    ['labels that are no list', { labels: 'iphone' }, /its labels are not a list/],
    ['null for labels', { labels: null }, /its labels are not a list/],
    ['a label that is no text', { labels: ['a', 7] }, /its labels are not a list/],
    ['an empty label', { labels: ['iphone', ' '] }, /" " is no label of a host: it is empty/],
    ['a label over two lines', { labels: ['a\nb'] }, /is no label of a host: it has a character/],
    ['a label without end', { labels: ['x'.repeat(1e6)] }, /^"x{100}" is no label of a host: it is longer than 100/],
    ['the label that every job has', { labels: ['Self-Hosted'] }, /every job has it/],
    ['labels without end', { labels: Array.from({ length: 1_000 }, (_, n) => `l${n}`) }, /1000 labels; at most 16/],
    ['draining maybe', { draining: 'maybe' }, /draining/],
  ])('%s', (_, more, why) => {
    expect(whyNonsense({ ...report('mini-1'), ...(more as object) })).toMatch(why);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.dictionary(fc.constantFrom(...Object.keys(report('x'))), fc.anything()),
        (any, more) => {
          whyNonsense(any as HostReport);
          whyNonsense({ ...report('mini-1'), ...more });
        },
      ),
      { seed: 7, numRuns: 500 },
    );
  });

  it('changes nothing in the books, neither for its own host nor for others', () => {
    const fleet = fleetOf(report('mini-1'), report('mini-2'));
    const before = structuredClone(fleet);
    applyHostReport(fleet, report('mini-1', { sequence: 2, ...resources({ memoryBytes: -1 }) }), T0 + 1);
    applyHostReport(fleet, report('mini-3', { slots: slots(100) }), T0 + 1);
    expect(fleet).toEqual(before);
  });
});
