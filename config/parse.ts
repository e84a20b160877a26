/** A config's text to a `Config`, or to all that is wrong with it. */

import type { LocatedEntry } from './build-entries.js';
import { buildConfig } from './build.js';
import { check, foundText, nearestKey } from './check.js';
import type { Context } from './check.js';
import { applyEntryEnv, applyRootEnv } from './env.js';
import type { Env } from './env.js';
import { createFindings } from './findings.js';
import { takeGoneKeys, warnOfIdleKeys } from './old-keys.js';
import { warnOfKeysNotYetUsed } from './not-yet.js';
import { createPlaces } from './places.js';
import { ConfigError } from './problems.js';
import type { Path, Problem } from './problems.js';
import { ENTRY, PLUGIN_KINDS, ROOT } from './schema.js';
import type { Config } from './types.js';
import { isRawMap, readYaml } from './yaml-tree.js';
import type { Raw, RawMap } from './yaml-tree.js';

export interface ParseOptions {
  /** Named in problems. */
  readonly file: string;
  readonly env: Env;
  readonly home: string;
  readonly hostname: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly file: string;
  readonly warnings: readonly string[];
}

/** Far more than any config; aliases and nesting inside are bounded apart. */
const MAX_LENGTH = 1_000_000;

/** @throws ConfigError, and nothing else, whatever the text */
export function parseConfig(text: string, options: ParseOptions): LoadedConfig {
  const { file, env } = options;
  const places = createPlaces();
  const findings = createFindings(file, places);
  const context: Context = { places, findings };
  const stopAtProblems = (): void => {
    if (findings.problems.length > 0) throw new ConfigError(inOrder(findings.problems));
  };

  if (text.length > MAX_LENGTH) findings.problem([], `at most ${MAX_LENGTH} characters`, String(text.length));
  stopAtProblems();
  const raw = readYaml(text, places, (path, place, expected, found) => findings.problem(path, expected, found, place));
  if (!isRawMap(raw)) {
    // Broken syntax has been reported already, and then there is no tree.
    if (findings.problems.length === 0) {
      findings.problem([], 'a map of keys', raw === undefined ? 'an empty file' : foundText(raw, true));
    }
    stopAtProblems();
    throw new ConfigError([]);
  }
  takeGoneKeys(raw, findings);
  spellOutTls(raw);
  applyRootEnv(ROOT, raw, env, context);
  warnOfKeysNotYetUsed(raw, findings);
  const root = check(ROOT, raw, [], context);
  const entries = readEntries(raw, env, context);
  const config = buildConfig(root ?? {}, entries, options, context);
  stopAtProblems();
  return { config: deepFreeze(config), file, warnings: findings.warnings };
}

/** `tls: true` → `tls: {enabled: true}` */
function spellOutTls(raw: RawMap): void {
  const temporal = raw['temporal'];
  if (isRawMap(temporal) && typeof temporal['tls'] === 'string') temporal['tls'] = { enabled: temporal['tls'] };
}

function readEntries(raw: RawMap, env: Env, context: Context): readonly LocatedEntry[] {
  const { findings, places } = context;
  const name = raw['plugins'] === undefined ? 'services' : 'plugins';
  const list = raw[name];
  if (raw['plugins'] !== undefined && raw['services'] !== undefined) {
    findings.problem(['services'], 'either `plugins` or its older name `services`', 'both', places.ofKey(['services']));
  }
  if (list === undefined) return [];
  if (!Array.isArray(list)) {
    findings.problem([name], 'a list of entries', foundText(list));
    return [];
  }
  reportRepeatedNames(list, name, context);
  return list.flatMap((item, at) => readEntry(item, [name, at], env, context) ?? []);
}

function readEntry(item: Raw, path: Path, env: Env, context: Context): LocatedEntry | undefined {
  if (!isRawMap(item)) {
    context.findings.problem(path, 'an entry with `name` and `plugin`', foundText(item));
    return undefined;
  }
  const kind = item['plugin'];
  if (typeof kind === 'string' && !PLUGIN_KINDS.some((known) => known === kind)) {
    const expected = `\`github\` or \`github_receiver\` (the nearest is \`${nearestKey(kind, PLUGIN_KINDS) ?? ''}\`)`;
    context.findings.problem([...path, 'plugin'], expected, foundText(kind));
    return undefined;
  }
  applyEntryEnv(ENTRY, item, path, env, context);
  const entry = check(ENTRY, item, path, context);
  if (entry === undefined) return undefined;
  warnOfIdleKeys(entry.plugin, item, path, context.findings);
  return { entry, path };
}

/** Names start environment variables, whose letters are upper case: entries must differ in more than case. */
function reportRepeatedNames(list: readonly Raw[], key: string, { findings }: Context): void {
  const seen = new Set<string>();
  list.forEach((item, at) => {
    const name = isRawMap(item) ? item['name'] : undefined;
    if (typeof name !== 'string') return;
    if (seen.has(name.toLowerCase())) {
      findings.problem([key, at, 'name'], 'a name that no other entry has', foundText(name));
    }
    seen.add(name.toLowerCase());
  });
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ line, column }: Problem): number => (line ?? 0) * 1_000_000 + (column ?? 0);
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
