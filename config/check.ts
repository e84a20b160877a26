/** A raw tree against its schema: the typed value, or problems in our words. */

import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import type { Findings } from './findings.js';
import type { Places } from './places.js';
import { keyText } from './problems.js';
import type { Path } from './problems.js';
import { keysOf, schemaAt } from './shape.js';
import { notesOf } from './values.js';
import type { Raw } from './yaml-tree.js';

export interface Context {
  readonly places: Places;
  readonly findings: Findings;
}

/**
 * Reports what is wrong. What is left when the wrong keys are taken away is returned, so that what must hold between
 * the others can still be told in the same go.
 * @returns undefined when a key is wrong that must be there
 */
export function check<T extends z.ZodType>(schema: T, raw: Raw, path: Path, context: Context): z.infer<T> | undefined {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const at = issue.path.filter((part) => typeof part !== 'symbol');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) reportUnknownKey(schema, at, key, path, context);
    } else {
      const found = foundText(valueAt(raw, at), isSecretAt(schema, at));
      context.findings.problem([...path, ...at], issue.message, found);
    }
  }
  const wrong = new Set(result.error.issues.flatMap((issue) => firstKeys(issue)));
  if (typeof raw !== 'object' || Array.isArray(raw)) return undefined;
  const rest = Object.fromEntries(Object.entries(raw).filter(([key]) => !wrong.has(key)));
  return schema.safeParse(rest).data;
}

/** The keys of the map itself that an issue is about. */
function firstKeys(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  const [first] = issue.path;
  if (first !== undefined) return [first];
  return issue.code === 'unrecognized_keys' ? issue.keys : [];
}

function reportUnknownKey(schema: z.ZodType, at: Path, key: string, path: Path, { findings, places }: Context): void {
  const map = schemaAt(schema, at);
  const nearest = nearestKey(key, Object.keys((map && keysOf(map)) ?? {}));
  const full = [...path, ...at, key];
  const expected = nearest === undefined ? 'no keys here' : `a known key (the nearest is \`${nearest}\`)`;
  findings.problem(full, expected, `the unknown key \`${keyText(key)}\``, places.ofKey(full));
}

/** The known key with the fewest letters changed; a key that only lacks `global_` is meant to have it. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  // The part that could be a name: in `token:abc` a space is missing. The distance takes length times length.
  const word = (/^[\w-]{0,80}/.exec(key)?.[0] ?? '').toLowerCase().replaceAll('-', '_');
  if (known.includes(`global_${word}`)) return `global_${word}`;
  const far = (other: string): number => distance(word, other);
  return known.reduce<string | undefined>((best, other) => {
    return best === undefined || far(other) < far(best) ? other : best;
  }, undefined);
}

function valueAt(raw: Raw, path: Path): Raw {
  return path.reduce<Raw>((value, part) => {
    if (typeof value !== 'object') return undefined;
    return Array.isArray(value) ? value[Number(part)] : value[String(part)];
  }, raw);
}

const isSecretAt = (schema: z.ZodType, path: Path): boolean => notesOf(schemaAt(schema, path))?.secret === true;

/** Tokens of GitHub and keys, wherever somebody put them. */
const LOOKS_SECRET = /gh[a-z]_|github_pat_|-----BEGIN|^eyJ/;

/** What was found, in words; a secret is never quoted. */
export function foundText(raw: Raw, isSecret = false): string {
  if (raw === undefined) return 'nothing';
  if (typeof raw === 'object') return Array.isArray(raw) ? 'a list' : 'a map';
  if (isSecret || LOOKS_SECRET.test(raw)) return 'text that is not shown';
  return JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}…` : raw);
}
