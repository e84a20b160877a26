import { setTimeout as delay } from 'node:timers/promises';
import type { HostStatus } from '../../workflows/messages.js';
import { CommandError, EXIT } from '../exit-codes.js';
import type { HostsClient } from './hosts-client.js';
import { stateText, workText } from './words.js';

export interface WaitDeps {
  readonly hosts: HostsClient;
  /** Progress, for people. */
  readonly say: (text: string) => void;
  /** Whether an error only means that nobody answered this once. */
  readonly isPassing: (err: unknown) => boolean;
  /** Milliseconds between two looks. */
  readonly everyMs?: number;
}

const LOOK_EVERY_MS = 2_000;

/** An upgrade of the orchestrator takes less. */
const MOST_SILENT_LOOKS = 20;

/**
 * Waits until no VM of Berth's is on the host any more; says what is still there whenever that changes.
 * @throws CommandError `failed` when the drain's deadline has passed, or somebody resumed the host
 * @throws what the last of many looks in a row failed with
 */
export async function untilHostDrained(first: HostStatus, deps: WaitDeps): Promise<HostStatus> {
  const { hosts, say, isPassing, everyMs = LOOK_EVERY_MS } = deps;
  let status = first;
  let said = '';
  for (let silent = 0; ;) {
    if (status.state === 'drained') return status;
    const work = workText(await hosts.workOn(status.pool, status.holds));
    if (status.overdue) throw failed(`the deadline has passed, and ${status.host} still waits for\n${work.trimEnd()}`);
    if (status.drain === null) throw failed(`somebody resumed ${status.host} meanwhile`);
    const news = `${stateText(status)}\n${work}`;
    if (news !== said) say(news);
    said = news;
    await delay(everyMs);
    try {
      status = (await hosts.status(status.host)) ?? status;
      silent = 0;
    } catch (err) {
      silent += 1;
      if (!isPassing(err) || silent > MOST_SILENT_LOOKS) throw err;
    }
  }
}

const failed = (message: string): CommandError => new CommandError(EXIT.failed, message);
