import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Fail when a `must` is missed. */
  readonly check: boolean;
  /** Where the samples go. */
  readonly json: string | null;
  /** Names of measures; all when empty. */
  readonly only: readonly string[];
  /** Put the tables into docs/benchmarks.md. */
  readonly write: boolean;
}

const USAGE = 'npm run bench -- [--only NAME]... [--check] [--json FILE] [--write]';

/** The options, or what is wrong with them and how they are used. */
export function readOptions(args: readonly string[], names: readonly string[]): BenchOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        check: { type: 'boolean', default: false },
        json: { type: 'string' },
        only: { type: 'string', multiple: true, default: [] },
        write: { type: 'boolean', default: false },
      },
    });
    const { check, json = null, only, write } = values;
    const unknown = only.find((name) => !names.includes(name));
    if (unknown !== undefined) return `there is no measure ${unknown}; there are ${names.join(', ')}`;
    // A part of the table in the document would read as the whole.
    if (write && only.length > 0) return '--write needs all measures: leave out --only';
    return { check, json, only, write };
  } catch (err) {
    return `${(err as Error).message}\n${USAGE}`;
  }
}
