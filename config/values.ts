/**
 * The kinds of values. Every scalar arrives as text (see yaml-tree.ts; environment variables are text anyway), so one
 * reading serves both. The message of an issue is what was expected.
 */

import { z } from 'zod';
import { whyNoHostLabel } from '../jobs/host-labels.js';
import { isLabelValue } from '../jobs/labels.js';
import type { Repositories } from '../jobs/repositories.js';

/** What the reference and the error messages say of a key. */
export interface KeyNotes {
  readonly about: string;
  /** In words, for the reference. */
  readonly default?: string;
  /** Its value is never shown. */
  readonly secret?: true;
  /** The kind of entry that uses it; the other kind accepts it with a warning. */
  readonly only?: 'github' | 'github_receiver';
}

interface Noted extends KeyNotes {
  readonly expected?: string;
}

const EXPECTED = new WeakMap<z.ZodType, string>();
const NOTES = new WeakMap<z.ZodType, Noted>();

export const notesOf = (schema: z.ZodType | undefined): Noted | undefined =>
  schema === undefined ? undefined : NOTES.get(schema);

/** An optional key with its notes. */
export function key<T extends z.ZodType>(schema: T, notes: KeyNotes): z.ZodOptional<T> {
  const optional = schema.optional();
  const expected = EXPECTED.get(schema);
  NOTES.set(optional, expected === undefined ? notes : { ...notes, expected });
  return optional;
}

/** A key that must be there, with its notes. */
export function required<T extends z.ZodType>(schema: T, notes: KeyNotes): T {
  const expected = EXPECTED.get(schema);
  NOTES.set(schema, expected === undefined ? notes : { ...notes, expected });
  return schema;
}

/** A scalar that `read` understands, or `expected` is the problem. */
function scalar<T>(expected: string, read: (text: string) => T | undefined) {
  const schema = z.string({ error: expected }).transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
  EXPECTED.set(schema, expected);
  return schema;
}

const CONTROL = /[\u0000-\u001f\u007f]/;

export const text = () => scalar('text on one line', (value) => (CONTROL.test(value) ? undefined : value));

/** May have several lines: PEM. */
export const longText = () => scalar('text', (value) => value);

export function wholeNumber(min: number, max: number) {
  return scalar(`a whole number from ${min} to ${max}`, (value) => {
    const number = /^(0|[1-9]\d{0,15})$/.test(value) ? Number(value) : NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

/** May be below 0. */
export function integer(min: number, max: number) {
  return scalar(`a whole number from ${min} to ${max}`, (value) => {
    const number = /^-?(0|[1-9]\d{0,15})$/.test(value) ? Number(value) : NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

const readId = (value: string): number | undefined => (/^\d{1,15}$/.test(value) ? Number(value) : undefined);

/** An id on GitHub. */
export const id = () => scalar('a whole number', readId);

/** Of a webhook: a number, or the word for the App's own, which has none. */
export const hookId = () => scalar('a whole number, or `app`', (value) => (value === 'app' ? value : readId(value)));

export function amount(min: number, max: number) {
  return scalar(`a number from ${min} to ${max}`, (value) => {
    const number = /^\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
};

export function yesNo() {
  return scalar('true or false', (value) => {
    const word = value.toLowerCase();
    return Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : undefined;
  });
}

export function oneOf<const T extends string>(...words: readonly T[]) {
  return scalar(words.map((word) => `\`${word}\``).join(' or '), (value) => words.find((word) => word === value));
}

/** Names become parts of workflow ids, task queues and VM names. */
export function name(maxLength: number) {
  const expected = `a name of at most ${maxLength} letters, digits, \`.\`, \`_\`, \`-\`, starting with a letter or digit`;
  return scalar(expected, (value) => (isName(value, maxLength) ? value : undefined));
}

export const isName = (value: string, maxLength: number): boolean =>
  value.length <= maxLength && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value);

/** What may stand in a job's label, and so in a command's argument. */
export const labelValue = () =>
  scalar('a value as in a label: letters, digits, `.`, `_`, `+`, `:`, `@`, `-`, not first a dash', (value) =>
    isLabelValue(value) ? value : undefined,
  );

/** A label as jobs have them; without regard to case. */
export const label = () =>
  scalar('a label, without line ends', (value) => {
    return value.trim() === '' || value.length > 256 || CONTROL.test(value) ? undefined : value.trim();
  });

/** A label that a host may have. */
export const hostLabel = () =>
  scalar('a label that some jobs have: not `self-hosted` or `anka-template:…`, up to 100 characters', (value) =>
    whyNoHostLabel(value) === undefined ? value.trim() : undefined,
  );

const isGitHubName = (value: string): boolean => /^[A-Za-z0-9._-]{1,100}$/.test(value) && !/^\.{1,2}$/.test(value);

function readRepositories(value: string): Repositories | undefined {
  const [owner = '', repo = '', ...more] = value.split('/');
  if (more.length > 0 || !isGitHubName(owner) || !(repo === '*' || isGitHubName(repo))) return undefined;
  return { owner, repo: repo === '*' ? null : repo };
}

/** One repository, or all of an owner. A bare name is refused: it may be meant for either. */
export const repositories = () => scalar('`OWNER/REPO`, or `OWNER/*` for all of its repositories', readRepositories);

/** An owner, with all of its repositories. */
export const owner = () =>
  scalar('a user or an organisation on GitHub, as `OWNER` or `OWNER/*`', (value) => {
    const read = readRepositories(value.includes('/') ? value : `${value}/*`);
    return read?.repo === null ? read : undefined;
  });

/** The name of an owner, repository or enterprise on GitHub. */
export function githubName(what: string) {
  return scalar(`the name of ${what} on GitHub, without slashes`, (value) => (isGitHubName(value) ? value : undefined));
}

export function webAddress() {
  return scalar('an address as https://HOST/PATH, without user, query or fragment', (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isUsable = url !== undefined && /^https?:$/.test(url.protocol) && url.host !== '';
    const hasExtras = url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` !== '';
    return isUsable && !hasExtras ? url.href.replace(/\/+$/, '') : undefined;
  });
}

export function hostAndPort() {
  return scalar('an address as HOST:PORT', (value) => {
    const port = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(value)?.[1];
    return port !== undefined && Number(port) >= 1 && Number(port) <= 65535 ? value : undefined;
  });
}

export const listOf = <T extends z.ZodType>(item: T, expected: string) => {
  const schema = z.array(item, { error: expected });
  EXPECTED.set(schema, expected);
  return schema;
};

const UNITS: Readonly<Record<string, number>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000 };

const rangeText = (minMs: number, maxMs: number): string => `from ${minMs / 1000} s to ${maxMs / 3_600_000} h`;

function readInterval(value: string, minMs: number, maxMs: number): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,9})([smh]?)$/.exec(value) ?? [];
  const ms = digits === '' ? NaN : Number(digits) * (UNITS[unit] ?? NaN);
  return ms >= minMs && ms <= maxMs ? ms : undefined;
}

/** A time between two things, in milliseconds. */
export function interval(minMs: number, maxMs: number) {
  const expected = `a time ${rangeText(minMs, maxMs)} as \`30s\`, \`2m\`, \`1h\` or a number of seconds`;
  return scalar(expected, (value) => readInterval(value, minMs, maxMs));
}

/** The same; null: switched off. */
export function intervalOrOff(minMs: number, maxMs: number) {
  const time = `a time ${rangeText(minMs, maxMs)} as \`30s\`, \`2m\`, \`1h\` or a number of seconds`;
  return scalar(`${time}; \`off\` or 0 for never`, (value) =>
    /^(off|no|false|0[smh]?)$/i.test(value) ? null : readInterval(value, minMs, maxMs),
  );
}
