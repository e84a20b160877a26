/** How many calls Temporal's frontend has answered, from the server's own metrics. */

/** Calls by operation (`PollActivityTaskQueue`, …), since the server started. */
export type Requests = ReadonlyMap<string, number>;

/** @throws Error when the metrics cannot be read, or have no such counter */
export async function requestsOf(metricsPort: number, namespace: string): Promise<Requests> {
  const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  if (!answer.ok) throw new Error(`the metrics of Temporal answered ${answer.status}`);
  return readRequests(await answer.text(), namespace);
}

/** From Prometheus' text: the counters `service_requests` of the frontend for one namespace. */
export function readRequests(text: string, namespace: string): Requests {
  const byOperation = new Map<string, number>();
  for (const [, labels = '', value = ''] of text.matchAll(/^service_requests\{([^}]*)\} (\S+)$/gm)) {
    if (!labels.includes('service_name="frontend"') || !labels.includes(`namespace="${namespace}"`)) continue;
    const operation = /operation="([^"]*)"/.exec(labels)?.[1] ?? 'unknown';
    byOperation.set(operation, (byOperation.get(operation) ?? 0) + Number(value));
  }
  if (byOperation.size === 0) throw new Error('the metrics of Temporal have no service_requests of its frontend');
  return byOperation;
}

/** Calls a second between two looks, the most frequent first. */
export function ratesBetween(
  before: Requests,
  after: Requests,
  seconds: number,
): readonly (readonly [string, number])[] {
  return [...after]
    .map(([operation, count]) => [operation, (count - (before.get(operation) ?? 0)) / seconds] as const)
    .filter(([, rate]) => rate > 0)
    .sort(([, a], [, b]) => b - a);
}
