import { DEFAULT_POLICY } from '../jobs/policy.js';
import type { Policy } from '../jobs/policy.js';
import type { Findings } from './findings.js';
import type { Root } from './schema.js';

/** What is absent is as it is without the section. */
export function buildPlacement({ placement = {} }: Root, findings: Findings): Policy {
  const { order = DEFAULT_POLICY.order, hosts = DEFAULT_POLICY.hosts, priorities = [], weights = [] } = placement;
  priorities.forEach(({ repo, label }, at) => {
    if (repo !== undefined || label !== undefined) return;
    findings.problem(['placement', 'priorities', at], 'a rule with `repo`, `label` or both', 'neither');
  });
  if (order === 'fifo' && weights.length > 0) {
    const message = 'placement.weights has no effect without `order: fair`';
    findings.warn('placement weights', ['placement', 'weights'], message);
  }
  return {
    order,
    hosts,
    priorities: priorities.map(({ repo = null, label = null, priority }) => ({ of: repo, label, priority })),
    weights: weights.map(({ repo, weight }) => ({ of: repo, weight })),
  };
}
