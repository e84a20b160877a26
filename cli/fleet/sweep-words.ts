/** What sweeps found, for people. */

import type { SweptPart } from './sweeps-client.js';
import { columns } from './table.js';

/** Names and reasons come from GitHub and hosts. */
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');

/** A table of what was found, then a line for each part. */
export function sweepText(swept: readonly SweptPart[], dryRun: boolean): string {
  const rows = swept.flatMap((one) =>
    'failure' in one
      ? []
      : one.report.findings.map(({ what, done, why }) => [one.part, oneLine(what), done, oneLine(why)]),
  );
  const table = rows.length === 0 ? '' : `${columns([['PART', 'WHAT', 'DONE', 'WHY'], ...rows])}\n`;
  const summary = swept.map((one) => `${one.part}: ${summaryOf(one)}\n`).join('');
  return `${table}${summary}${dryRun ? 'dry run: nothing was changed\n' : ''}`;
}

function summaryOf(swept: SweptPart): string {
  if ('failure' in swept) return `not swept: ${oneLine(swept.failure)}`;
  const { looked, found, findings, calls, isComplete } = swept.report;
  const parts = [`${looked} looked at, ${found} found`];
  if (calls > 0) parts.push(`${calls} ${calls === 1 ? 'call' : 'calls'} to GitHub`);
  if (found > findings.length) parts.push(`the first ${findings.length} are shown`);
  if (!isComplete) parts.push('not complete: the next sweep goes on');
  return parts.join(', ');
}
