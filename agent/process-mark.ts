/** What tells a process from any other, also from a later one that got its number. */

import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

/**
 * When it was started, as the system says it: good for comparing within one boot.
 * @returns undefined when there is no such process, or it has ended
 */
export async function processMark(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat === undefined ? markByPs(pid) : markInStat(stat);
}

/** proc(5): behind the name in parentheses come the state, and as the 20th from there the start in ticks since boot. */
function markInStat(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return hasEnded(fields[0] ?? '') ? undefined : fields[19];
}

/** macOS has no `/proc`. */
async function markByPs(pid: number): Promise<string | undefined> {
  const args = ['-o', 'state=,lstart=', '-p', String(pid)];
  const { stdout = '' } = await execa('ps', args, { reject: false, stdin: 'ignore', env: { LC_ALL: 'C' } });
  const [, state = '', started] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout) ?? [];
  return hasEnded(state) ? undefined : started;
}

/** Nobody has waited for it yet. */
const hasEnded = (state: string): boolean => /^[ZX]/.test(state);
