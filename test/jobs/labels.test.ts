import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LATEST, labelArgument, normaliseLabels, readLabels } from '../../jobs/labels.js';
import type { LabelVerdict } from '../../jobs/labels.js';

const OURS = 'anka-template:mac-15';

const reasonOf = (verdict: LabelVerdict): string =>
  verdict.kind === 'refused' || verdict.kind === 'wrong' ? verdict.reason : '';

describe('labels of a job that is ours', () => {
  it('names the template, and the latest tag when none is asked for', () => {
    expect(readLabels(['self-hosted', OURS])).toEqual({
      kind: 'ours',
      template: 'mac-15',
      tag: LATEST,
      labels: ['self-hosted', OURS],
    });
  });

  it('names the tag that is asked for', () => {
    expect(readLabels([OURS, 'anka-template-tag:v1.2+build:7'])).toMatchObject({ kind: 'ours', tag: 'v1.2+build:7' });
  });

  it('finds the label in any case and keeps the value as written', () => {
    expect(readLabels(['ANKA-Template:Mac-15', 'Anka-Template-TAG:V1'])).toMatchObject({
      kind: 'ours',
      template: 'Mac-15',
      tag: 'V1',
    });
  });

  it('keeps each label once without regard to case, in the order and writing of the first', () => {
    expect(readLabels(['Self-Hosted', OURS, 'self-hosted', ' macOS ', 'MACOS', ''])).toMatchObject({
      kind: 'ours',
      labels: ['Self-Hosted', OURS, 'macOS'],
    });
  });

  it('takes the same template named twice for one template', () => {
    expect(readLabels([OURS, OURS])).toMatchObject({ kind: 'ours', labels: [OURS] });
  });

  it.each([
    ['100 labels', [OURS, ...Array.from({ length: 99 }, (_, n) => `l${n}`)]],
    ['a label of 256 characters', [OURS, 'x'.repeat(256)]],
    ['a template id of 128 characters', [`anka-template:${'x'.repeat(128)}`]],
    ['a UUID', ['anka-template:d09a2c9e-2f6a-4b8c-9a2d-0f2c5d6e7f80']],
    ['letters of other scripts in another label', [OURS, 'команда-ios']],
    ['a label with a comma', [OURS, 'a,b']],
  ])('accepts %s', (_, labels) => {
    expect(readLabels(labels).kind).toBe('ours');
  });
});

describe('labels of a job that is foreign', () => {
  it.each([
    ['no labels', []],
    ['ordinary labels', ['ubuntu-latest', 'x64']],
    ['1,000 labels', Array.from({ length: 1_000 }, (_, n) => `l${n}`)],
    ['shell characters in labels that are not ours', ['$(reboot)']],
    ['a label that only resembles ours', ['anka-template', 'my-anka-template:x', 'anka-template-x:y']],
  ])('leaves a job with %s alone', (_, labels) => {
    expect(readLabels(labels)).toEqual({ kind: 'foreign' });
  });
});

describe('labels that are refused at the door', () => {
  it.each([...'$`"\'\\;|&<>(){}*?!'])(
    'refuses the shell character %s, in the template and in any other label',
    (character) => {
      expect(readLabels([`anka-template:a${character}b`]).kind).toBe('refused');
      expect(readLabels([OURS, `x${character}y`]).kind).toBe('refused');
      expect(readLabels([OURS, `anka-template-tag:v${character}`]).kind).toBe('refused');
    },
  );

  it.each([
    ['a newline at the end of the template', ['anka-template:a\n'], 'control character'],
    ['a newline inside another label', [OURS, 'a\nb'], 'control character'],
    ['a carriage return', [OURS, 'a\rb'], 'control character'],
    ['a NUL', [OURS, 'a\u0000b'], 'control character'],
    ['an escape', [OURS, '\u001b[2J'], 'control character'],
    ['a delete', [OURS, 'a\u007f'], 'control character'],
    ['1,000 labels', [OURS, ...Array.from({ length: 999 }, (_, n) => `l${n}`)], '1000 labels'],
    ['101 labels', [OURS, ...Array.from({ length: 100 }, (_, n) => `l${n}`)], '101 labels'],
    ['a label of 257 characters', [OURS, 'x'.repeat(257)], 'longer than 256'],
    ['a template id of 129 characters', [`anka-template:${'x'.repeat(129)}`], 'not a template id'],
    ['a template that reads as an option', ['anka-template:--force'], 'not a template id'],
    ['a tag that reads as an option', [OURS, 'anka-template-tag:-f'], 'not a template id or tag'],
    ['a path that leads elsewhere', ['anka-template:../../etc'], 'not a template id'],
    ['a slash', ['anka-template:a/b'], 'not a template id'],
    ['a space in the template', ['anka-template:a b'], 'not a template id'],
    ['an empty template', ['anka-template:'], 'not a template id'],
    ['an empty tag', [OURS, 'anka-template-tag:'], 'not a template id or tag'],
    ['letters of another script in the template', ['anka-template:мак'], 'not a template id'],
    ['a tag without a template that is unsafe, too', ['anka-template-tag:$(x)'], 'shells act on'],
  ])('refuses %s and says why', (_, labels, why) => {
    const verdict = readLabels(labels);
    expect(verdict.kind).toBe('refused');
    expect(reasonOf(verdict)).toContain(why);
  });
});

describe('labels that are ours and wrong', () => {
  it.each([
    ['a tag without a template', ['anka-template-tag:v1'], 'but no anka-template:'],
    ['two templates', [OURS, 'anka-template:mac-14'], '2 templates'],
    ['three templates', [OURS, 'anka-template:b', 'anka-template:c'], '3 templates'],
    ['two tags', [OURS, 'anka-template-tag:v1', 'anka-template-tag:v2'], '2 template tags'],
  ])('says so of %s', (_, labels, why) => {
    const verdict = readLabels(labels);
    expect(verdict.kind).toBe('wrong');
    expect(reasonOf(verdict)).toContain(why);
  });
});

const anyLabel = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }).map((text) => `anka-template:${text}`),
  fc.string({ maxLength: 40 }).map((text) => `Anka-Template-Tag:${text}`),
  fc.constantFrom(OURS, 'self-hosted', 'anka-template-tag:v1'),
);

describe('any labels at all', () => {
  it('get a verdict, and what is ours is safe as a command argument', () => {
    fc.assert(
      fc.property(fc.array(anyLabel, { maxLength: 12 }), (labels) => {
        const verdict = readLabels(labels);
        if (verdict.kind !== 'ours') return;
        for (const value of [verdict.template, verdict.tag]) expect(value).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._+:@-]*$/);
        expect(verdict.labels.join('')).not.toMatch(/[\n\r$`"'\\;|&<>]/);
      }),
    );
  });

  it('compare equal exactly when they differ in case, order, blanks around and repetition only', () => {
    const plain = fc.array(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { minLength: 1, maxLength: 8 });
    const rewritten = plain.chain((labels) =>
      fc.tuple(fc.constant(labels), fc.shuffledSubarray([...labels, ...labels], { minLength: labels.length * 2 })),
    );
    fc.assert(
      fc.property(rewritten, ([labels, mixed]) => {
        expect(normaliseLabels(mixed.map((label) => ` ${label.toUpperCase()} `))).toEqual(normaliseLabels(labels));
        expect(normaliseLabels([...labels, 'one-more-label'])).not.toEqual(normaliseLabels(labels));
      }),
    );
  });
});

describe('labels as one argument', () => {
  it('are joined by commas, those with a leading dash last', () => {
    expect(labelArgument(['--url', 'self-hosted', '-x', OURS, '~[#1]'])).toBe(`self-hosted,${OURS},~[#1],--url,-x`);
  });

  it('cannot say a label with a comma', () => {
    expect(labelArgument(['a,b', OURS])).toBeUndefined();
  });
});
