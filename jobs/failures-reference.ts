/** The tables of `docs/reference/failures.md`, from the tables of the code. */

import { FAILURES, NOTICES } from './failures.js';
import { REMEDIES } from './remedies.js';

type Section = 'classes' | 'failures' | 'notices';

/** Markdown tables by section. */
export function failureTables(): Readonly<Record<Section, string>> {
  return {
    classes: table(
      ['Class', 'What Berth does', 'Uses up an attempt'],
      Object.entries(REMEDIES).map(([name, { does, attempt }]) => [`\`${name}\``, does, attempt ? 'yes' : 'no']),
    ),
    failures: table(
      ['Code', 'Failure', 'Comes from', 'Class'],
      Object.entries(FAILURES)
        .map(([type, { code, means, remedy, from }]) => [code, `\`${type}\`: ${means}`, from, `\`${remedy}\``])
        .sort(([a = ''], [b = '']) => a.localeCompare(b)),
    ),
    notices: table(
      ['Code', 'What the log says'],
      Object.entries(NOTICES).map(([type, { code, means }]) => [code, `\`${type}\`: ${means}`]),
    ),
  };
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
