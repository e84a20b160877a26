import { describe, expect, it } from 'vitest';
import { MOST_HOST_LABELS, whyNoHostLabel, whyNoHostLabels } from '../../jobs/host-labels.js';
import { readLabels } from '../../jobs/labels.js';

describe('a label of a host', () => {
  it.each(['iphone', 'iPhone 15', 'macOS', 'ARM64', 'x'.repeat(100), 'büro-3', 'self-hosted-2', 'anka'])(
    'may be %j, and so may a job’s be',
    (label) => {
      expect(whyNoHostLabel(label)).toBeUndefined();
      expect(readLabels(['anka-template:x', label]).kind).toBe('ours');
    },
  );

  it.each([
    ['', /empty/],
    ['  ', /empty/],
    ['x'.repeat(101), /longer than 100/],
    ['two\nlines', /character/],
    ['$(reboot)', /character/],
    ['Self-Hosted', /every job has it/],
    [' self-hosted ', /every job has it/],
    ['anka-template:x', /names a template/],
    ['ANKA-TEMPLATE-TAG:v1', /names a template/],
  ])('cannot be %j', (label, why) => {
    expect(whyNoHostLabel(label)).toMatch(why);
    expect(whyNoHostLabels(['iphone', label])).toMatch(why);
  });
});

it('a host has a few labels at most', () => {
  const labels = Array.from({ length: MOST_HOST_LABELS + 1 }, (_, n) => `label-${n}`);
  expect(whyNoHostLabels(labels.slice(1))).toBeUndefined();
  expect(whyNoHostLabels(labels)).toBe('it has 17 labels; at most 16 can be so');
});
