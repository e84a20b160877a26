import type { Client } from '@temporalio/client';
import { soon } from '../../temporal/soon.js';

/** Longer than an agent is waited for, and short enough for somebody who looks on. */
const ANSWER_WITHIN_MS = 15_000;

/** For what a command asks of Temporal: fails when that is not answered in time. */
export const inTime =
  (client: Client) =>
  <T>(call: () => Promise<T>): Promise<T> =>
    soon(client, ANSWER_WITHIN_MS, call);
