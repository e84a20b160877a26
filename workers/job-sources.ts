/** Where the sweep of queued jobs looks, as far as the fleet itself tells: its hosts' slots, and jobs that were. */

import type { Client } from '@temporalio/client';
import type { Repository } from '../activities/sweeps/repositories.js';
import { BerthRepo } from '../jobs/search-attributes.js';
import type { Scope } from '../jobs/scope.js';
import { askEach } from '../temporal/ask-each.js';
import { openHosts } from '../temporal/open-workflows.js';
import { hostStatus } from './host-status.js';
import { whileItRuns } from './while-it-runs.js';

export type SourcesClient = { readonly workflow: Pick<Client['workflow'], 'getHandle' | 'list'> };

/** What the fleet says of itself changes seldom; a new host is known after this (ms). */
const KEPT_MS = 60_000;
const MOST_HOSTS = 1_000;
/** Of the newest so many jobs the repositories are taken. */
const MOST_JOBS = 1_000;

/**
 * The scopes of all slots that hosts announced; those of hosts that do not answer now are missing.
 * @param stopping aborted when this orchestrator stops: nobody is waited for then
 */
export function createFleetScopes(
  client: SourcesClient,
  stopping: AbortSignal,
  now = Date.now,
): () => Promise<readonly Scope[]> {
  return kept(now, async () => {
    const hosts = await openHosts(client, MOST_HOSTS);
    const scopesOf = async (host: string): Promise<readonly Scope[]> => {
      const status = await whileItRuns(stopping, () => hostStatus(client, host)).catch(() => null);
      return (status?.slots ?? []).map(({ scope }) => scope);
    };
    return (await askEach(hosts, scopesOf)).flat();
  });
}

/** Repositories of the newest jobs; none where search attributes are missing, or must not have names in clear. */
export function createSeenRepositories(client: SourcesClient, now = Date.now): () => Promise<readonly Repository[]> {
  return kept(now, async () => {
    const names = new Set<string>();
    let jobs = 0;
    for await (const { typedSearchAttributes } of client.workflow.list({ query: "WorkflowType = 'githubJob'" })) {
      const name = typedSearchAttributes.get(BerthRepo);
      if (name !== undefined) names.add(name);
      if (++jobs >= MOST_JOBS) break;
    }
    return [...names].map((name) => {
      const [owner = '', repo = ''] = name.split('/');
      return { owner, repo };
    });
  });
}

/** Nothing found is asked again at once: the fleet may just be starting. */
function kept<T>(now: () => number, ask: () => Promise<readonly T[]>): () => Promise<readonly T[]> {
  let last: { readonly at: number; readonly found: readonly T[] } | undefined;
  return async () => {
    if (last !== undefined && last.found.length > 0 && now() - last.at < KEPT_MS) return last.found;
    const found = await ask();
    last = { at: now(), found };
    return found;
  };
}
