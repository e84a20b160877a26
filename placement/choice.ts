/**
 * The best host for a job, found without looking at every host for every job: a thousand hosts and twenty thousand jobs
 * are twenty million looks. While slots are given away a host only gets worse for a kind of job, and what does not fit
 * once does not fit later, so each kind has its hosts in order once, and only those that come first are looked at again.
 * (Where hosts are packed a host gets better with each VM: then it is put at its new place for every kind.)
 */

import type { SlotReport } from '../activities/contracts.js';
import type { Policy } from '../jobs/policy.js';
import type { Demand } from './demand.js';
import { byAge } from './fleet.js';
import type { Age, FleetJob } from './fleet.js';
import { byText, hasTemplate, isBarred, obstacleOnOpen, serves, slotFor } from './offer.js';
import type { Obstacle, Offer } from './offer.js';
import { indexFor, insertSorted } from './sorted.js';

export interface Choice {
  readonly offer: Offer;
  readonly slot: SlotReport;
  /** The host has the template. */
  readonly isHere: boolean;
}

export interface Chooser {
  /** Undefined: nothing fits this job, nor any of its kind that is not older. */
  readonly choose: (job: FleetJob, demand: Demand) => Choice | undefined;
  /** Whether something is left that one of this kind may fit. */
  readonly hasAny: (demand: Demand) => boolean;
  /** What has kept jobs of this kind from hosts that have room. */
  readonly obstacles: (demand: Demand) => ReadonlySet<Obstacle>;
  /** A slot of this host was given away. */
  readonly noteTaken: (offer: Offer) => void;
}

/** One host for one kind, as it was when it was put in order. */
interface Entry {
  readonly offer: Offer;
  readonly isHere: boolean;
  /** How many labels the host has that the job does not ask for. */
  readonly spared: number;
  readonly sleepInterval: number;
  readonly room: number;
  readonly vms: number;
  readonly freeMemory: number;
}

interface Queue {
  readonly demand: Demand;
  /** The best one last. */
  readonly entries: Entry[];
  /** The same by host, where they must be found again. */
  readonly byHost: Map<string, Entry>;
  readonly obstacles: Set<Obstacle>;
  /** For a job of this age all that is left is kept for others; so it is for younger ones. */
  barredFrom: Age | undefined;
}

/** @param open hosts that take jobs and have room */
export function createChooser(open: readonly Offer[], hosts: Policy['hosts'] = 'spread'): Chooser {
  const queues = new Map<string, Queue>();
  const better = hosts === 'pack' ? packed : spread;
  /** The best one last. */
  const order = (a: Entry, b: Entry): number => better(b, a);

  function queueOf(demand: Demand): Queue {
    const known = queues.get(demand.key);
    if (known !== undefined) return known;
    const queue: Queue = { demand, entries: [], byHost: new Map(), obstacles: new Set(), barredFrom: undefined };
    for (const offer of open) {
      const entry = serves(offer, demand) ? entryOf(offer, demand, queue.obstacles) : undefined;
      if (entry === undefined) continue;
      queue.entries.push(entry);
      if (hosts === 'pack') queue.byHost.set(offer.name, entry);
    }
    queue.entries.sort(order);
    queues.set(demand.key, queue);
    return queue;
  }

  /** Takes the best one out that is still as it was. */
  function popBest(queue: Queue): Entry | undefined {
    const { entries, demand, obstacles } = queue;
    for (let last = entries.pop(); last !== undefined; last = entries.pop()) {
      queue.byHost.delete(last.offer.name);
      const now = entryOf(last.offer, demand, obstacles);
      if (now === undefined) continue;
      const next = entries.at(-1);
      if (next === undefined || better(now, next) <= 0) return now;
      putBack(queue, now);
    }
    return undefined;
  }

  function putBack(queue: Queue, entry: Entry): void {
    insertSorted(queue.entries, entry, order);
    if (hosts === 'pack') queue.byHost.set(entry.offer.name, entry);
  }

  function choose(job: FleetJob, queue: Queue): Entry | undefined {
    const aside: Entry[] = [];
    let avoided: Entry | undefined;
    let best = popBest(queue);
    for (; best !== undefined; best = popBest(queue)) {
      const barred = isBarred(best.offer, queue.demand, job);
      if (!barred && !job.avoid.includes(best.offer.name)) break;
      if (!barred) avoided ??= best;
      aside.push(best);
    }
    for (const entry of best === undefined ? aside : [best, ...aside]) putBack(queue, entry);
    return best ?? avoided;
  }

  function reposition(queue: Queue, offer: Offer): void {
    const before = queue.byHost.get(offer.name);
    if (before === undefined) return;
    queue.entries.splice(indexFor(queue.entries, before, order), 1);
    queue.byHost.delete(offer.name);
    const now = entryOf(offer, queue.demand, queue.obstacles);
    if (now !== undefined) putBack(queue, now);
  }

  return {
    hasAny: (demand) => queueOf(demand).entries.length > 0,
    obstacles: (demand) => queueOf(demand).obstacles,
    choose: (job, demand) => {
      const queue = queueOf(demand);
      if (queue.barredFrom !== undefined && byAge(job, queue.barredFrom) >= 0) return undefined;
      const chosen = choose(job, queue);
      const slot = chosen === undefined ? undefined : slotFor(chosen.offer, demand, job.made);
      if (chosen !== undefined && slot !== undefined) return { offer: chosen.offer, isHere: chosen.isHere, slot };
      queue.barredFrom = job;
      return undefined;
    },
    noteTaken: (offer) => {
      if (hosts === 'pack') for (const queue of queues.values()) reposition(queue, offer);
    },
  };
}

function entryOf(offer: Offer, demand: Demand, obstacles: Set<Obstacle>): Entry | undefined {
  const obstacle = obstacleOnOpen(offer, demand);
  if (obstacle !== undefined) obstacles.add(obstacle);
  const slot = obstacle === undefined ? slotFor(offer, demand, 0) : undefined;
  if (slot === undefined) return undefined;
  const { room, taken, on, free } = offer;
  return {
    offer,
    isHere: hasTemplate(offer.host, demand),
    spared: offer.labels.length - demand.hostLabels.length,
    sleepInterval: slot.sleepInterval,
    room,
    vms: on.length + taken,
    freeMemory: free.memoryBytes,
  };
}

/**
 * Below 0: `a` is the better one: it has the template, or fewer labels that other jobs may need it for, or the lower
 * sleep interval.
 */
const byPreference = (a: Entry, b: Entry): number =>
  Number(b.isHere) - Number(a.isHere) || a.spared - b.spared || a.sleepInterval - b.sleepInterval;

/** The emptier is better. A host that just failed the job is last, by `choose`. */
const spread = (a: Entry, b: Entry): number =>
  byPreference(a, b) || a.offer.on.length - b.offer.on.length || b.room - a.room || byText(a.offer.name, b.offer.name);

/** The fuller is better; of equal ones that with less memory free, so that large hosts stay free for large VMs. */
const packed = (a: Entry, b: Entry): number =>
  byPreference(a, b) ||
  b.vms - a.vms ||
  a.room - b.room ||
  (a.freeMemory === b.freeMemory ? 0 : a.freeMemory < b.freeMemory ? -1 : 1) ||
  byText(a.offer.name, b.offer.name);
