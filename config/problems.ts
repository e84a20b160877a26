/** What is wrong with a config, in words that send the operator to the right line. */

/** Where a value came from. */
export type Place =
  | { readonly kind: 'file'; readonly line: number; readonly column: number }
  | { readonly kind: 'variable'; readonly variable: string };

export interface Problem {
  readonly file: string;
  /** Counted from 1; null when the value came from the environment, or the file could not be read. */
  readonly line: number | null;
  readonly column: number | null;
  /** The environment variable the value came from, if any. */
  readonly variable: string | null;
  /** As `plugins[0].owner`; empty when the problem is of the file as a whole. */
  readonly key: string;
  readonly expected: string;
  /** Never a secret's value. */
  readonly found: string;
}

/** `config.yml:3:5: metrics.port: expected a whole number from 0 to 65535, found "abc"` */
export function problemText(problem: Problem): string {
  const { file, line, column, variable, key, expected, found } = problem;
  const where = line === null ? file : `${file}:${line}:${column ?? 1}`;
  const start = variable === null ? where : `environment variable ${variable}`;
  return `${start}: ${key === '' ? '' : `${key}: `}expected ${expected}, found ${found}`;
}

/** Thrown when a config cannot be used; has all that is wrong with it. The exit code for it is 78. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** A key's place in the tree: names of maps, indexes of lists. */
export type Path = readonly (string | number)[];

/** Keys that aren't plain names may be anything, a secret too, and aren't shown. */
export const keyText = (name: string): string => (/^[A-Za-z0-9_.<>-]{1,64}$/.test(name) ? name : '(not a name)');

export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? keyText(part) : `${text}.${keyText(part)}`;
  }, '');
}
