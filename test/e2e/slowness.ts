/** How much slower everything runs on this machine right now, because others want its processors, too. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Some 60 ms of work; prints how long it took and how much of that it had a processor. */
const WORK = 'TIMEFORMAT="%R %U"; time for ((i = 0; i < 40000; i++)); do :; done';

/**
 * Measures from the call on.
 * @returns a function that measures once more and gives the greater: 1 on a machine that has nothing else to do, else
 * the factor by which a time limit is to be stretched. What the tests themselves keep busy counts, too: how long Berth
 * takes on a machine of its own is for `npm run bench` to say.
 */
export function watchSlowness(): () => Promise<number> {
  const first = measure();
  return async () => Math.max(await first, await measure());
}

async function measure(): Promise<number> {
  const { stderr } = await exec('/bin/bash', ['-c', WORK], { env: { ...process.env, LC_ALL: 'C' } });
  const [real = 1, user = 1] = stderr.trim().split(' ').map(Number);
  return Math.max(1, real / Math.max(user, 0.01));
}
