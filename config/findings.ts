import type { Places } from './places.js';
import { pathText } from './problems.js';
import type { Path, Place, Problem } from './problems.js';

/** Collects all that is wrong or odd, so that the operator hears of everything at once. */
export interface Findings {
  /**
   * A key with a problem gets no second one: what follows from the first would only confuse.
   * @param place where it is not the value's own
   */
  problem(path: Path, expected: string, found: string, place?: Place): void;
  /** Once for each `id`; further ones of the same id are dropped. */
  warn(id: string, path: Path, message: string): void;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

export function createFindings(file: string, places: Places): Findings {
  const problems: Problem[] = [];
  const keysWithProblems = new Set<string>();
  const warnings = new Map<string, string>();

  return {
    problem(path, expected, found, place = places.ofValue(path)) {
      if (path.length > 0 && keysWithProblems.has(JSON.stringify(path))) return;
      keysWithProblems.add(JSON.stringify(path));
      const line = place.kind === 'file' ? place.line : null;
      const column = place.kind === 'file' ? place.column : null;
      const variable = place.kind === 'variable' ? place.variable : null;
      problems.push({ file, line, column, variable, key: pathText(path), expected, found });
    },
    warn(id, path, message) {
      const place = places.ofKey(path);
      const where = place.kind === 'file' ? `${file}:${place.line}:${place.column}` : place.variable;
      if (!warnings.has(id)) warnings.set(id, `${where}: ${message}`);
    },
    problems,
    get warnings() {
      return [...warnings.values()];
    },
  };
}
