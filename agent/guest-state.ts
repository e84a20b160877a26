/** What the guest's own files say. A job can write them, so nothing in them is believed beyond its shape. */

import { z } from 'zod';
import type { GuestState } from '../activities/contracts.js';

const NAME = z.string().regex(/^[A-Za-z0-9._-]{1,100}$/);

const schema = z.object({
  jobStarted: z.object({ owner: NAME, repo: NAME, runId: z.number().int().positive() }).nullable(),
  jobCompleted: z.boolean(),
  exitCode: z.number().int().min(0).max(255).nullable(),
});

/** The state in a line that `berth-guest.bash` printed; undefined when the line isn't one. */
export function parseGuestState(line: string): GuestState | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  return schema.safeParse(json).data;
}

export const NOTHING_YET: GuestState = { jobStarted: null, jobCompleted: false, exitCode: null };
