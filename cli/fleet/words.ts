/** Hosts in the words of the commands that show them. */

import type { DrainSource } from '../../activities/contracts.js';
import type { HostStatus } from '../../workflows/messages.js';
import type { Work } from './hosts-client.js';

const SOURCES: Readonly<Record<Exclude<DrainSource, 'operator'>, string>> = {
  file: 'a drain file is there',
  stop: 'its agent stops',
};

/** Why it is in the state that it is in; empty when there is nothing to say. */
export function whyText(status: HostStatus): string {
  const { drain, overdue, drainedBy = [], provider, foreignVms } = status;
  const parts = [
    ...(drain === null ? [] : [`drained by ${drain.by} since ${timeText(drain.since)}`]),
    ...(overdue ? ['its deadline has passed'] : []),
    ...drainedBy.flatMap((source) => (source === 'operator' ? [] : [SOURCES[source]])),
    ...provider.problems,
    ...(foreignVms.length === 0 ? [] : [`VMs of others: ${foreignVms.join(', ')}`]),
  ];
  return parts.join('; ');
}

/** To the second. */
const timeText = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** What is still in the way, one line each. */
export function workText(work: readonly Work[]): string {
  return work
    .map(({ runner, jobId, title }) => {
      const job = jobId === null ? 'no job known' : `job ${jobId}`;
      return `  ${runner}  ${job}${title === null ? '' : `  ${title}`}\n`;
    })
    .join('');
}

/** One line, for after a command. */
export function stateText({ host, state, holds, drain, drainedBy = [] }: HostStatus): string {
  const vms = `${holds.length} VM${holds.length === 1 ? '' : 's'}`;
  switch (state) {
    case 'drained':
      return `${host} is drained: no VM of Berth's is there, and it takes no jobs`;
    case 'draining':
      return `${host} drains: it takes no new jobs, and ${vms} will end with their jobs`;
    case 'lost':
      return drain === null
        ? `${host} is lost: no heartbeat; it takes jobs once it is back`
        : `${host} is lost: no heartbeat; it takes no jobs when it is back`;
    case 'broken':
      return `${host} takes no jobs until it is mended`;
    case 'up':
      return drainedBy.length === 0 ? `${host} takes jobs` : `${host} takes jobs soon`;
  }
}
