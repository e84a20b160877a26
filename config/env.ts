/** Environment variables that override keys: `BERTH_<KEY>`, `ANKLET_<KEY>`, and `<ENTRY>_<KEY>` for entries. */

import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { Context } from './check.js';
import type { Path, Place } from './problems.js';
import { isList, leavesOf } from './shape.js';
import { notesOf } from './values.js';
import { isRawMap } from './yaml-tree.js';
import type { Raw, RawMap } from './yaml-tree.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** Berth's own comes first: it wins. */
const PREFIXES = ['BERTH', 'ANKLET'] as const;

/** Lists of maps, and what names an entry. */
const NOT_FROM_ENV: ReadonlySet<string> = new Set([
  'plugins',
  'services',
  'name',
  'plugin',
  'temporal.codec.keys',
  'templates',
  'placement.priorities',
  'placement.weights',
  'pools',
]);

/** The start of an entry's variables: `mini-01` → `MINI_01`. */
const entryPrefix = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9_]/g, '_');

/** `tls: true` is short for `tls.enabled: true`; so are their variables. */
const keyVariable = (path: readonly string[]): string =>
  path.join('.') === 'temporal.tls.enabled' ? 'TEMPORAL_TLS' : path.join('_').toUpperCase();

/** The variables of a key at the top of the file, the strongest first. */
const rootVariables = (path: readonly string[]): readonly string[] =>
  PREFIXES.map((prefix) => `${prefix}_${keyVariable(path)}`);

export function applyRootEnv(schema: z.ZodType, raw: RawMap, env: Env, context: Context): void {
  applyEnv(schema, raw, [], rootVariables, env, context);
}

/** An entry's own variables; `BERTH_JOB_RETRY_ATTEMPTS` and `ANKLET_JOB_RETRY_ATTEMPTS` are for every entry. */
export function applyEntryEnv(schema: z.ZodType, raw: RawMap, path: Path, env: Env, context: Context): void {
  const name = raw['name'];
  const variables = (leaf: readonly string[]): readonly string[] => {
    const own = typeof name === 'string' ? [`${entryPrefix(name)}_${keyVariable(leaf)}`] : [];
    return keyVariable(leaf) === 'JOB_RETRY_ATTEMPTS' ? [...own, ...rootVariables(leaf)] : own;
  };
  applyEnv(schema, raw, path, variables, env, context);
}

function applyEnv(
  schema: z.ZodType,
  raw: RawMap,
  path: Path,
  variables: (leaf: readonly string[]) => readonly string[],
  env: Env,
  context: Context,
): void {
  for (const leaf of leavesOf(schema)) {
    if (NOT_FROM_ENV.has(leaf.path.join('.'))) continue;
    const isSecret = notesOf(leaf.schema)?.secret === true;
    const names = variables(leaf.path).flatMap((name) => (isSecret ? [name, `${name}${FILE_SUFFIX}`] : [name]));
    // An empty variable is one that isn't set.
    const [variable, ...others] = names.filter((name) => (env[name] ?? '') !== '');
    if (variable === undefined) continue;
    const at = [...path, ...leaf.path];
    const place: Place = { kind: 'variable', variable };
    if (others.includes(`${variable}${FILE_SUFFIX}`)) {
      context.findings.problem(at, `either ${variable} or ${variable}${FILE_SUFFIX}`, 'both', place);
    }
    const text = variable.endsWith(FILE_SUFFIX) ? secretIn(env[variable] ?? '') : { value: env[variable] ?? '' };
    if ('fault' in text) {
      context.findings.problem(at, 'the path of a file with the secret', text.fault, place);
      continue;
    }
    const value = isList(leaf.schema) ? text.value.split(',').map((item) => item.trim()) : text.value;
    if (setAt(raw, leaf.path, value)) context.places.noteValue(at, place);
  }
}

/** Secrets of container engines come as files: `BERTH_GLOBAL_TOKEN_FILE` has the path of one. Any secret key may. */
const FILE_SUFFIX = '_FILE';

/** The file's text without the line end that editors and `echo` leave, or what is wrong with it; never its content. */
function secretIn(path: string): { readonly value: string } | { readonly fault: string } {
  try {
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return value === '' ? { fault: `an empty file, ${path}` } : { value };
  } catch (err) {
    const code = (err as NodeJS.ErrnoException).code ?? 'unknown error';
    return { fault: code === 'ENOENT' ? `no file ${path}` : `a file that cannot be read, ${path} (${code})` };
  }
}

/** False where the file has something else than a map on the way: that is a problem of its own. */
function setAt(map: RawMap, path: readonly string[], value: Raw): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return false;
  if (rest.length === 0) {
    map[first] = value;
    return true;
  }
  const next = map[first] ?? (Object.create(null) as RawMap);
  map[first] = next;
  return isRawMap(next) && setAt(next, rest, value);
}
