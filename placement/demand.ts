/** What a job needs of a host. Jobs that need the same are of one kind: to placement they differ in nothing but age. */

import type { VmSize } from '../activities/contracts.js';
import { scopeText } from '../jobs/names.js';
import { scopeAdmits } from '../jobs/scope.js';
import type { Scope } from '../jobs/scope.js';
import type { Fleet, FleetJob } from './fleet.js';
import { createHostLabels } from './host-labels.js';
import type { SizeBook, Wish } from './size.js';

export interface Demand extends Wish {
  /** The same for all jobs of a kind. */
  readonly key: string;
  /** Those of one job of the kind: every scope admits all of them or none. */
  readonly owner: string;
  readonly repo: string;
  /** What makes its VM; undefined: any. */
  readonly provider: string | undefined;
  /** Its labels that only some hosts have, normalised. */
  readonly hostLabels: readonly string[];
  /** Undefined: no host knows it. */
  readonly size: VmSize | undefined;
}

export type Demands = (job: FleetJob) => Demand;

/** The repositories of an organisation whose hosts serve all of it are one kind: that keeps the kinds few. */
export function createDemands(fleet: Fleet, sizes: SizeBook): Demands {
  const scopes = scopesOf(fleet);
  const hostLabelsOf = createHostLabels(fleet);
  const admitted = new Map<string, string>();
  const known = new Map<string, Demand>();

  /** Which of the fleet's scopes a repository is in; one that is in none is a kind of its own, for its reason's sake. */
  function scopesAdmitting(owner: string, repo: string): string {
    const name = `${owner}/${repo}`;
    const before = admitted.get(name);
    if (before !== undefined) return before;
    const indices = scopes.flatMap((scope, index) => (scopeAdmits(scope, owner, repo) ? [index] : []));
    const text = indices.length === 0 ? name : indices.join(',');
    admitted.set(name, text);
    return text;
  }

  return (job) => {
    const { owner, repo, template, tag, provider } = job;
    const hostLabels = hostLabelsOf(job);
    const key = [scopesAdmitting(owner, repo), template, tag, provider ?? '', ...hostLabels].join('\n');
    const before = known.get(key);
    if (before !== undefined) return before;
    const demand = { key, owner, repo, template, tag, provider, hostLabels, size: sizes(job) };
    known.set(key, demand);
    return demand;
  };
}

/** Each scope of the fleet's slots once: there are few. */
function scopesOf(fleet: Fleet): readonly Scope[] {
  const scopes = new Map<string, Scope>();
  for (const { report } of Object.values(fleet.hosts)) {
    for (const { scope } of report.slots) scopes.set(`${scope.kind} ${scopeText(scope)}`, scope);
  }
  return [...scopes.values()];
}
