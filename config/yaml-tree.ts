/**
 * YAML to a plain tree in which every scalar is still the text that was written: what a key means decides whether
 * `0123` is a number, so that a password of digits stays what it is. Keeps the place of each key and value.
 */

import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import type { Places } from './places.js';
import type { Path, Place } from './problems.js';
import { yamlFault } from './yaml-faults.js';

/** `undefined` stands for a key without a value. */
export type Raw = string | RawList | RawMap | undefined;
export type RawList = Raw[];
export interface RawMap {
  [key: string]: Raw;
}

export type Report = (path: Path, place: Place, expected: string, found: string) => void;

/** Aliases can make a small file enormous: a config has nothing like this many values. */
const MAX_NODES = 50_000;
const MAX_DEPTH = 50;

export const isRawMap = (raw: Raw): raw is RawMap => typeof raw === 'object' && !Array.isArray(raw);

interface Walk {
  readonly doc: Document;
  readonly lines: LineCounter;
  readonly places: Places;
  readonly report: Report;
  nodes: number;
}

/** The tree of `text`; undefined when its syntax is broken, and then all that is broken has been reported. */
export function readYaml(text: string, places: Places, report: Report): Raw {
  const lines = new LineCounter();
  const doc = parse(text, lines, report);
  if (doc === undefined) return undefined;
  const walk: Walk = { doc, lines, places, report, nodes: 0 };
  const faults = [...doc.errors, ...doc.warnings];
  for (const fault of faults) {
    const { expected, found } = yamlFault(fault.code);
    report([], placeAt(walk, fault.pos[0]), expected, found);
  }
  const isReadable = faults.every((fault) => fault.code === 'DUPLICATE_KEY');
  return isReadable ? plain(walk, doc.contents, [], new Set()) : undefined;
}

function parse(text: string, lines: LineCounter, report: Report): Document | undefined {
  try {
    // The library's own error texts quote the file, and so secrets: they are turned off and never shown.
    return parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  } catch {
    report([], { kind: 'file', line: 1, column: 1 }, 'YAML', 'something too deep to read');
    return undefined;
  }
}

function placeAt(walk: Walk, offset: number): Place {
  const { line, col } = walk.lines.linePos(offset);
  return { kind: 'file', line: Math.max(line, 1), column: Math.max(col, 1) };
}

function plain(walk: Walk, node: Node | null, path: Path, within: ReadonlySet<Node>): Raw {
  if (node === null) return undefined;
  const place = node.range ? placeAt(walk, node.range[0]) : walk.places.ofValue(path);
  walk.nodes += 1;
  if (walk.nodes > MAX_NODES || path.length > MAX_DEPTH) {
    if (walk.nodes <= MAX_NODES + 1)
      walk.report(path, place, 'a config of a usual size', 'too many or too deep values');
    return undefined;
  }
  walk.places.noteValue(path, place);
  if (isAlias(node)) return throughAlias(walk, node, path, within, place);
  if (isScalar(node)) return scalarText(node);
  if (isSeq(node)) return node.items.map((item, at) => plain(walk, item as Node | null, [...path, at], within));
  if (isMap(node)) return mapOf(walk, node.items as Pair<Node, Node | null>[], path, within);
  return undefined;
}

function scalarText({ value, source }: { readonly value: unknown; readonly source?: string }): string | undefined {
  if (value === null || value === '') return undefined;
  // What YAML takes for a number or a boolean has kept its text.
  return typeof value === 'string' ? value : source;
}

function throughAlias(walk: Walk, node: Node, path: Path, within: ReadonlySet<Node>, place: Place): Raw {
  const target = isAlias(node) ? node.resolve(walk.doc) : undefined;
  if (target !== undefined && !within.has(target)) return plain(walk, target, path, new Set([...within, target]));
  const found = target === undefined ? 'an alias without an anchor before it' : 'an alias inside what it stands for';
  walk.report(path, place, 'a value', found);
  return undefined;
}

function mapOf(walk: Walk, items: readonly Pair<Node, Node | null>[], path: Path, within: ReadonlySet<Node>): RawMap {
  // Without a prototype, a key named `__proto__` is a key like any other.
  const own = Object.create(null) as RawMap;
  const merged = Object.create(null) as RawMap;
  for (const { key, value } of items) {
    const name = isScalar(key) ? (typeof key.value === 'symbol' ? '<<' : scalarText(key)) : undefined;
    if (name === '<<') {
      merge(merged, plain(walk, value, path, within));
    } else if (name === undefined) {
      walk.report(path, key.range ? placeAt(walk, key.range[0]) : walk.places.ofValue(path), 'a name as key', 'none');
    } else {
      if (key.range) walk.places.noteKey([...path, name], placeAt(walk, key.range[0]));
      own[name] = plain(walk, value, [...path, name], within);
      if (own[name] === undefined) walk.places.noteValue([...path, name], walk.places.ofKey([...path, name]));
    }
  }
  return Object.assign(merged, own);
}

/** Of several merged maps, the first to have a key wins. */
function merge(into: RawMap, from: Raw): void {
  for (const map of Array.isArray(from) ? from : [from]) {
    if (isRawMap(map)) for (const key of Object.keys(map)) if (!(key in into)) into[key] = map[key];
  }
}
