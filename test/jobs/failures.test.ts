import { describe, expect, it } from 'vitest';
import { FAILURES, isFailureType, remedyFor } from '../../jobs/failures.js';

const failures = Object.entries(FAILURES);

describe('the table of failures', () => {
  it('gives every failure a code of its own', () => {
    const codes = failures.map(([, { code }]) => code);
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });

  it('numbers the codes of each letter from 001 without a gap', () => {
    const byLetter = new Map<string, number[]>();
    for (const [, { code }] of failures) {
      const letter = code.slice(6, 7);
      byLetter.set(letter, [...(byLetter.get(letter) ?? []), Number(code.slice(7))]);
    }
    for (const numbers of byLetter.values()) expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  it.each(failures)('%s has a code that can be searched for and says in one line what it means', (type, failure) => {
    expect(failure.code).toMatch(/^BERTH-[A-Z]\d{3}$/);
    expect(failure.means).toMatch(/^\S.{10,}[^.\s]$/);
    expect(type).toMatch(/^[A-Z][A-Za-z]+$/);
  });

  it.each(failures)('answers for %s with the remedy of the table', (type, failure) => {
    expect(isFailureType(type)).toBe(true);
    expect(remedyFor(type)).toBe(failure.remedy);
  });

  it.each([undefined, null, '', 'Error', 'slotrefused', 'toString', '__proto__', 'constructor'])(
    'takes the unknown type %s for a VM that failed',
    (type) => {
      expect(isFailureType(type)).toBe(false);
      expect(remedyFor(type)).toBe('new-vm');
    },
  );

  it('never blames the job for its host', () => {
    const blamed = failures.filter(
      ([, { code, remedy }]) => code.startsWith('BERTH-H') && !['other-host-free', 'host-broken'].includes(remedy),
    );
    expect(blamed).toEqual([]);
  });
});
