/** The pool of this config, and the rules by which jobs come to others. */

import { DEFAULT_POOL } from '../jobs/names.js';
import { covers } from '../jobs/pools.js';
import type { PoolRule, Pools } from '../jobs/pools.js';
import type { LocatedEntry } from './build-entries.js';
import type { Findings } from './findings.js';
import type { Root } from './schema.js';

export function buildPools(root: Root, entries: readonly LocatedEntry[], findings: Findings): Pools {
  const queue = queueName(root, entries, findings);
  return { pool: root.pool ?? queue ?? DEFAULT_POOL, poolRules: buildRules(root, findings) };
}

/** anklet's `queue_name`: whose entries have one belong together. A host is in one pool, and so are its entries. */
function queueName(root: Root, entries: readonly LocatedEntry[], findings: Findings): string | undefined {
  const named = entries.filter(({ entry }) => entry.queue_name !== undefined);
  const [first] = named;
  for (const { entry, path } of named) {
    const name = entry.queue_name;
    if (root.pool !== undefined) {
      const message = `queue_name has no effect beside \`pool\`: the pool is ${root.pool}`;
      if (name !== root.pool) findings.warn('queue_name', [...path, 'queue_name'], message);
    } else if (name !== first?.entry.queue_name) {
      const expected = `\`${first?.entry.queue_name ?? ''}\` as in the entries before: a host is in one pool`;
      findings.problem([...path, 'queue_name'], expected, JSON.stringify(name));
    }
  }
  return first?.entry.queue_name;
}

function buildRules({ pools = [] }: Root, findings: Findings): readonly PoolRule[] {
  const rules = pools.map(({ pool, labels = [], repositories = [] }) => ({ pool, labels, repositories }));
  rules.forEach((rule, at) => {
    if (rule.labels.length === 0 && rule.repositories.length === 0) {
      findings.problem(['pools', at], '`labels`, `repositories`, or both', 'neither');
      return;
    }
    const before = rules.slice(0, at).findIndex((earlier) => covers(earlier, rule));
    if (before < 0) return;
    const expected = 'a rule that no earlier one is in the way of';
    findings.problem(
      ['pools', at],
      expected,
      `every job that it fits comes to pool ${rules[before]?.pool ?? ''} before`,
    );
  });
  return rules;
}
