/** Keys that Berth will act on and does not yet: accepted and checked, with one warning each. */

import type { Findings } from './findings.js';
import type { Path } from './problems.js';
import { isRawMap } from './yaml-tree.js';
import type { Raw, RawMap } from './yaml-tree.js';

/** As paths with `[]` for any entry; for each, what holds instead. */
const NOT_YET: Readonly<Record<string, string>> = {
  'metrics.aggregator': 'there is no aggregator',
  'metrics.port': 'no metrics are served',
};

/** Warns of each key in use. */
export function warnOfKeysNotYetUsed(raw: RawMap, findings: Findings): void {
  for (const [pattern, instead] of Object.entries(NOT_YET)) {
    const path = findKey(raw, pattern);
    if (path === undefined) continue;
    const key = pattern.replace('plugins[].', '');
    findings.warn(`not yet ${key}`, path, `${key} has no effect in this version: ${instead}`);
  }
}

/** Where the key stands, the first time. */
function findKey(raw: RawMap, pattern: string): Path | undefined {
  const [list, inEntry] = pattern.split('[].');
  if (inEntry === undefined) return hasKey(raw, pattern.split('.')) ? pattern.split('.') : undefined;
  for (const name of [list ?? '', 'services']) {
    const entries: Raw | undefined = raw[name];
    if (!Array.isArray(entries)) continue;
    const at = entries.findIndex((entry: Raw) => isRawMap(entry) && inEntry in entry);
    if (at >= 0) return [name, at, inEntry];
  }
  return undefined;
}

function hasKey(map: RawMap, [first = '', ...rest]: readonly string[]): boolean {
  if (!(first in map)) return false;
  if (rest.length === 0) return true;
  const next = map[first];
  return isRawMap(next) && hasKey(next, rest);
}
