/** Why a job waits: in words an operator can act on, and by a code that a program can. */

import type { Demand } from './demand.js';
import type { FleetJob } from './fleet.js';
import { byText, couldHold, hasLabels, hasSlot, obstacleOf, whyClosed } from './offer.js';
import type { Obstacle, Offer } from './offer.js';
import { MAX_TAKEN } from './pairing.js';
import type { Passed } from './passing.js';
import { amountText } from './size.js';

/**
 * The code of a reason: what keeps most hosts from the job, or what concerns all of them. `docs/explanation/placement.md`
 * has a row for each (a test holds it).
 */
export type WaitCode =
  Obstacle | Passed['by'] | 'no-host' | 'no-slot' | 'no-label' | 'too-big' | 'taken' | 'outside' | 'no-dispatcher';

export interface WaitReason {
  readonly code: WaitCode;
  readonly words: string;
}

/** What an operator reads about such hosts, after their number. Every obstacle has its words. */
export const OBSTACLES: Readonly<Record<Obstacle, string>> = {
  lost: 'lost',
  draining: 'draining',
  'needs-reboot': 'needs-reboot',
  broken: 'broken',
  'too-small': 'too small for its VM',
  busy: 'busy',
  'other-scopes': 'with slots for other scopes only',
  resources: 'without the CPUs or the memory free for its VM',
  disk: 'without the disk space for its template',
  pulling: 'pulling another template',
  kept: 'kept for an older job',
};

/** What is added for a job that was passed over. It stays true until the job has a slot, and so does not change all the time. */
export const PASSED: Readonly<Record<Passed['by'], string>> = {
  priority: 'younger jobs of higher priority went first',
  fairness: 'younger jobs of repositories with fewer slots for their weight went first',
};

/** With hosts in these states somebody else was preferred; with others the job would wait all the same. */
const CONTENDED: ReadonlySet<WaitCode> = new Set([
  'busy',
  'other-scopes',
  'resources',
  'too-small',
  'pulling',
  'kept',
] as const);

/** For a job that would perhaps not wait if jobs came by age. */
export function whyPassed({ code, words }: WaitReason, by: Passed['by']): WaitReason {
  return CONTENDED.has(code) ? { code: by, words: `${words}; ${PASSED[by]}` } : { code, words };
}

/** @param offers all hosts, with what is left of them once every grant is handed out */
export function whyWaits(offers: readonly Offer[], demand: Demand): WaitReason {
  if (offers.length === 0) return { code: 'no-host', words: 'no host has announced itself yet' };
  const labelled = offers.filter((offer) => hasLabels(offer, demand));
  if (labelled.length === 0) return whyNoneHasLabels(offers, demand);
  const serving = labelled.filter((offer) => hasSlot(offer, demand));
  if (serving.length === 0) {
    const words = `none of ${hostsText(labelled.length, demand)} has a slot for ${demand.owner}/${demand.repo}`;
    return { code: 'no-slot', words };
  }
  if (!serving.some(({ host }) => couldHold(host, demand))) return tooBig(serving, demand);
  return whyNoneTakes(serving, demand) ?? describe(serving, demand);
}

/** For a job whose runners were taken too often: no slot is given to it. */
export function whyRobbed({ taken }: FleetJob): WaitReason {
  const words = `jobs that aren't Berth's took its runner ${taken} times: give its labels one that no other job has`;
  return { code: 'taken', words };
}

export const isRobbed = (job: FleetJob): boolean => job.taken > MAX_TAKEN;

function tooBig(serving: readonly Offer[], demand: Demand): WaitReason {
  const { size } = demand;
  const [largest] = serving
    .map(({ host }) => host.report)
    .sort((a, b) => b.resources.memoryBytes - a.resources.memoryBytes || b.resources.cpus - a.resources.cpus);
  const vm = size === undefined ? '' : ` (${amountText(size)})`;
  const most = largest === undefined ? '' : `; the largest, ${largest.host}, has ${amountText(largest.resources)}`;
  const none = serving.length === 1 ? 'the one host' : `any of ${count(serving.length, 'host')}`;
  const label = demand.hostLabels.length === 0 ? '' : `${labelText(demand.hostLabels)} and `;
  return { code: 'too-big', words: `its VM${vm} is too big for ${none} with ${label}a slot for it${most}` };
}

/** Each of the job's labels is some host's; no host has all of them. */
function whyNoneHasLabels(offers: readonly Offer[], { hostLabels }: Demand): WaitReason {
  const parts = offers.flatMap(({ name, labels }) => {
    const some = hostLabels.filter((label) => labels.includes(label));
    return some.length === 0 ? [] : [{ name, text: `${name} has ${some.join(', ')}` }];
  });
  return { code: 'no-label', words: `no host has all of its ${labelText(hostLabels)}: ${eachText(parts)}` };
}

/** Hosts have the job's labels, and none of them can take it as they are: what is wrong with each, for they are few. */
function whyNoneTakes(serving: readonly Offer[], demand: Demand): WaitReason | undefined {
  const { hostLabels } = demand;
  if (hostLabels.length === 0) return undefined;
  const closed = serving.flatMap(({ name, host }) => {
    const why = whyClosed(host) ?? (couldHold(host, demand) ? undefined : 'too-small');
    return why === undefined ? [] : [{ name, text: `${name} ${OBSTACLES[why]}` }];
  });
  if (closed.length < serving.length) return undefined;
  return { code: 'no-label', words: `no host with ${labelText(hostLabels)} can take it: ${eachText(closed)}` };
}

const labelText = (labels: readonly string[]): string => `label${labels.length === 1 ? '' : 's'} ${labels.join(', ')}`;

/** More would make every reason long. */
const MOST_NAMED = 5;

/** Always in one order: a reason that changes is told anew. */
function eachText(hosts: readonly { readonly name: string; readonly text: string }[]): string {
  const texts = [...hosts].sort((a, b) => byText(a.name, b.name)).map(({ text }) => text);
  const more = texts.length > MOST_NAMED ? `; and ${texts.length - MOST_NAMED} more` : '';
  return `${texts.slice(0, MOST_NAMED).join('; ')}${more}`;
}

/** "2 of 3 hosts busy, 1 draining". */
function describe(serving: readonly Offer[], demand: Demand): WaitReason {
  const counts = new Map<Obstacle, number>();
  for (const offer of serving) {
    // What is free by now became so through an older job's leave; the next look gives it away.
    const obstacle = obstacleOf(offer, demand) ?? 'busy';
    counts.set(obstacle, (counts.get(obstacle) ?? 0) + 1);
  }
  const [first, ...rest] = [...counts].sort(([, a], [, b]) => b - a);
  if (first === undefined) return { code: 'busy', words: 'no host is free' };
  const others = rest.map(([obstacle, n]) => `, ${n} ${OBSTACLES[obstacle]}`).join('');
  return {
    code: first[0],
    words: `${first[1]} of ${hostsText(serving.length, demand)} ${OBSTACLES[first[0]]}${others}`,
  };
}

/** "3 hosts", or of those that the job's labels leave "1 host with label iphone". */
const hostsText = (n: number, { hostLabels }: Demand): string =>
  `${count(n, 'host')}${hostLabels.length === 0 ? '' : ` with ${labelText(hostLabels)}`}`;

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
