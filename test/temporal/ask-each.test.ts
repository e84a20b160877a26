import { describe, expect, it } from 'vitest';
import { askEach } from '../../temporal/ask-each.js';

/** Questions that are answered when the test says so. */
function questions() {
  const open = new Map<number, () => void>();
  let asked = 0;
  const ask = (one: number): Promise<string> => {
    asked += 1;
    return new Promise((resolve) => open.set(one, () => resolve(`answer ${one}`)));
  };
  /** Answers all that were asked, the last one first, until no more come. */
  const answerAll = async (): Promise<void> => {
    while (open.size > 0) {
      for (const one of [...open.keys()].reverse()) {
        open.get(one)?.();
        open.delete(one);
      }
      await new Promise(setImmediate);
    }
  };
  return { ask, answerAll, asked: () => asked, open };
}

const numbers = Array.from({ length: 25 }, (_, n) => n);

describe('questions to many', () => {
  it('are asked ten at a time', async () => {
    const { ask, answerAll, asked, open } = questions();
    const answers = askEach(numbers, ask);
    expect(asked()).toBe(10);
    open.get(3)?.();
    open.delete(3);
    await new Promise(setImmediate);
    expect(asked()).toBe(11);
    await answerAll();
    expect(await answers).toHaveLength(25);
  });

  it('give their answers in the order of those who gave them, whoever was first', async () => {
    const { ask, answerAll } = questions();
    const answers = askEach(numbers, ask);
    await answerAll();
    expect(await answers).toEqual(numbers.map((n) => `answer ${n}`));
  });

  it('fail with the first that fails', async () => {
    const answers = askEach(numbers, (n) => (n === 7 ? Promise.reject(new Error('away')) : Promise.resolve(n)));
    await expect(answers).rejects.toThrow('away');
  });

  it('to nobody have no answers', async () => {
    expect(await askEach([], () => Promise.reject(new Error('asked')))).toEqual([]);
  });
});
