/** Keys that old files have and that do nothing: they are accepted and told of. */

import type { Findings } from './findings.js';
import { GONE_KEYS } from './gone-keys.js';
import type { Path } from './problems.js';
import { ENTRY } from './schema.js';
import { keysOf } from './shape.js';
import { notesOf } from './values.js';
import { isRawMap } from './yaml-tree.js';
import type { Raw, RawMap } from './yaml-tree.js';

/** Removes the keys whose subject has gone, with one warning each. */
export function takeGoneKeys(raw: RawMap, findings: Findings): void {
  for (const [pattern, instead] of Object.entries(GONE_KEYS)) {
    const message = `${pattern.replace('plugins[].', '')} has no effect any more: ${instead}`;
    const [list, inEntry] = pattern.split('[].');
    if (inEntry === undefined) take(raw, pattern.split('.'), [], () => findings, message, pattern);
    else
      for (const name of [list ?? '', 'services'])
        takeFromList(raw, name, inEntry.split('.'), findings, message, pattern);
  }
}

function takeFromList(
  raw: RawMap,
  name: string,
  keys: string[],
  findings: Findings,
  message: string,
  id: string,
): void {
  const list = raw[name];
  if (!Array.isArray(list)) return;
  list.forEach((item: Raw, at) => {
    if (isRawMap(item)) take(item, keys, [name, at], () => findings, message, id);
  });
}

function take(
  map: RawMap,
  keys: readonly string[],
  path: Path,
  findings: () => Findings,
  message: string,
  id: string,
): void {
  const [first = '', ...rest] = keys;
  if (!(first in map)) return;
  const next = map[first];
  if (rest.length > 0) {
    if (isRawMap(next)) take(next, rest, [...path, first], findings, message, id);
    return;
  }
  delete map[first];
  findings().warn(id, [...path, first], message);
}

/** Keys that only the other kind of entry uses. */
export function warnOfIdleKeys(kind: string, raw: RawMap, path: Path, findings: Findings): void {
  const known = keysOf(ENTRY) ?? {};
  for (const key of Object.keys(raw)) {
    const only = notesOf(known[key])?.only;
    if (only === undefined || only === kind || raw[key] === undefined) continue;
    findings.warn(`${kind} ${key}`, [...path, key], `${key} has no effect in a \`${kind}\` entry`);
  }
}
