/** Each question wakes a workflow: what moves jobs besides must not suffer. */
const AT_ONCE = 10;

/**
 * Asks one workflow after the other, a few at a time.
 * @returns the answers, in the order of those who gave them
 * @throws what a question failed with, without waiting for the others
 */
export async function askEach<In, Out>(all: readonly In[], ask: (one: In) => Promise<Out>): Promise<readonly Out[]> {
  const waiting = all.entries();
  const answers = new Array<Out>(all.length);
  const inTurn = async (): Promise<void> => {
    for (const [at, one] of waiting) answers[at] = await ask(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
  return answers;
}
