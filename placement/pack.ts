/**
 * JSON of many alike parts, written short: what occurs twice is written once and referred to, and objects of one shape
 * share the names of their keys. Pure, and blind to what the parts mean, so a new field is carried like an old one.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export interface Packed {
  /** Lists of keys. */
  readonly shapes: readonly (readonly string[])[];
  /** Parts that occur more than once; they may refer to each other. */
  readonly parts: readonly Node[];
  /** Epoch milliseconds: the latest time in it. Times are written as how long before that they were. */
  readonly at: number;
  readonly root: Node;
}

/**
 * A number, boolean or null stands for itself. Text is a literal after `'`, a time after `~` (both base 36), or the index of a part (base
 * 36). A list begins with its shape's index, or with -1 when it is no object.
 */
export type Node = null | boolean | number | string | readonly Node[];

/** Later than 2001: nothing else in Berth's books is as large, but for job ids, which may well be written so, too. */
const FIRST_TIME = 1e12;

/** A reference takes about so many characters: it must be worth it. */
const SHORT = 6;

const LIST = -1;

export function pack(value: Json): Packed {
  const repeated = repeatedIn(value);
  const shapes = new Map<string, number>();
  const parts: Node[] = [];
  const indices = new Map<string, number>();
  const at = latestIn(value);

  function shapeOf(keys: readonly string[]): number {
    const text = JSON.stringify(keys);
    const index = shapes.get(text) ?? shapes.size;
    shapes.set(text, index);
    return index;
  }

  function write(node: Json): Node {
    if (typeof node === 'number') return isTime(node) ? `~${(at - node).toString(36)}` : node;
    if (node === null || typeof node === 'boolean') return node;
    const text = JSON.stringify(node);
    if (!repeated.has(text)) return writeOut(node);
    const known = indices.get(text);
    if (known !== undefined) return known.toString(36);
    const part = writeOut(node);
    const index = parts.push(part) - 1;
    indices.set(text, index);
    return index.toString(36);
  }

  function writeOut(node: string | readonly Json[] | { readonly [key: string]: Json | undefined }): Node {
    if (typeof node === 'string') return `'${node}`;
    if (isList(node)) return [LIST, ...node.map(write)];
    const entries = entriesOf(node);
    return [shapeOf(entries.map(([key]) => key)), ...entries.map(([, child]) => write(child))];
  }

  const root = write(value);
  return { shapes: [...shapes.keys()].map((text) => JSON.parse(text) as string[]), parts, at, root };
}

/** What was packed; parts that occurred twice are two again. */
export function unpack({ shapes, parts, at, root }: Packed): Json {
  const read = (node: Node): Json => {
    if (typeof node === 'string') return readText(node);
    if (typeof node !== 'object' || node === null) return node;
    const [shape, ...children] = node as [number, ...Node[]];
    if (shape === LIST) return children.map(read);
    const keys = shapes[shape] ?? [];
    return Object.fromEntries(keys.map((key, index) => [key, read(children[index] ?? null)]));
  };
  const readText = (text: string): Json => {
    if (text.startsWith("'")) return text.slice(1);
    if (text.startsWith('~')) return at - parseInt(text.slice(1), 36);
    return read(parts[parseInt(text, 36)] ?? null);
  };
  return read(root);
}

const isTime = (value: number): boolean => Number.isSafeInteger(value) && value >= FIRST_TIME;

const isList = (node: Json): node is readonly Json[] => Array.isArray(node);

/** As JSON has it: what is undefined is not there. */
const entriesOf = (node: { readonly [key: string]: Json | undefined }): [string, Json][] =>
  Object.entries(node).filter((entry): entry is [string, Json] => entry[1] !== undefined);

const childrenOf = (node: Json): readonly Json[] => {
  if (typeof node !== 'object' || node === null) return [];
  return isList(node) ? node : entriesOf(node).map(([, child]) => child);
};

/** The texts of what occurs more than once and is long enough; parts of such are looked at once only. */
function repeatedIn(value: Json): ReadonlySet<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const look = (node: Json): void => {
    if (typeof node !== 'string' && (typeof node !== 'object' || node === null)) return;
    const text = JSON.stringify(node);
    if (text.length >= SHORT && seen.has(text)) {
      repeated.add(text);
      return;
    }
    seen.add(text);
    for (const child of childrenOf(node)) look(child);
  };
  look(value);
  return repeated;
}

function latestIn(value: Json): number {
  if (typeof value === 'number') return isTime(value) ? value : 0;
  return childrenOf(value).reduce<number>((latest, child) => Math.max(latest, latestIn(child)), 0);
}
