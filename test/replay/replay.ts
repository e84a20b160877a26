import { Worker } from '@temporalio/worker';

export interface NamedHistory {
  /** For the answer. */
  readonly name: string;
  /** The one it had: workflows may look at their own. */
  readonly workflowId: string;
  readonly history: unknown;
}

type Histories = Iterable<NamedHistory> | AsyncIterable<NamedHistory>;

/** What a replay of each history says: null where the code does what it did then. Needs no server. */
export async function replay(code: string, histories: Histories): Promise<ReadonlyMap<string, string | null>> {
  const names: string[] = [];
  async function* input() {
    for await (const { name, workflowId, history } of histories) {
      names.push(name);
      yield { workflowId, history };
    }
  }
  const answers = new Map<string, string | null>();
  const results = Worker.runReplayHistories(
    { workflowBundle: { code } },
    input() as Parameters<typeof Worker.runReplayHistories>[1],
  );
  // One at a time, in order.
  for await (const { error } of results) answers.set(names[answers.size] ?? '', error?.message ?? null);
  return answers;
}

export const failuresOf = (answers: ReadonlyMap<string, string | null>): readonly string[] =>
  [...answers].flatMap(([name, error]) => (error === null ? [] : [`${name}: ${error}`]));
