/**
 * Hosts that are kept for jobs which would starve otherwise. A VM that needs more than one ended VM leaves, or a pull
 * while pulls never end, would wait for ever behind small jobs that take each bit as it gets free. So the oldest such
 * job of each kind has one host kept for it, and keeps that until it has a slot: from then on nothing younger begins
 * there (or nothing younger is pulled there), and the job begins when what ran there has ended, at the latest.
 *
 * Hosts that are kept stand partly idle. At most one in four open hosts is kept for room at a time (at least one); who
 * finds them all kept waits for the next, by age.
 */

import type { Demand, Demands } from './demand.js';
import type { FleetJob, FleetRunner } from './fleet.js';
import { byText, couldHold, hasTemplate, serves, usedBy, whyClosed } from './offer.js';
import type { Keeping, Offer } from './offer.js';
import { fitsIn, forBerth, plus } from './size.js';
import type { SizeBook } from './size.js';

/** A host that is kept, as the job carries it from one placement to the next. */
export interface Kept {
  readonly host: string;
  readonly what: Keeping['what'];
}

const SHARE_KEPT = 1 / 4;

export interface Keeper {
  /**
   * Keeps a host for the job: the one that is kept already, or if it needs one by what is in its way, another. Call it
   * by age. @param olderKinds where jobs do not come by age: the kinds that have older jobs
   */
  readonly keepFor: (
    job: FleetJob,
    demand: Demand,
    obstacles: ReadonlySet<string>,
    olderKinds?: () => ReadonlySet<string>,
  ) => void;
  /** A job got a slot: what was kept for it is free. @returns whether something was kept in this very placement */
  readonly release: (job: FleetJob) => boolean;
  readonly kept: ReadonlyMap<number, Kept>;
}

export interface KeeperDeps {
  /** By age. */
  readonly waiting: readonly FleetJob[];
  readonly offers: readonly Offer[];
  readonly demands: Demands;
  readonly sizes: SizeBook;
}

export function createKeeper({ waiting, offers, demands, sizes }: KeeperDeps): Keeper {
  const byName = new Map(offers.map((offer) => [offer.name, offer]));
  const kept = new Map<number, Kept>();
  /** What is kept from before, by host. Who is older chooses first all the same: a younger one must not be in its way. */
  const held = new Map<string, Kept & { readonly demand: string }>();
  for (const job of waiting) {
    if (job.kept == null || held.has(job.kept.host)) continue;
    const demand = demands(job);
    const offer = byName.get(job.kept.host);
    if (offer !== undefined && isCandidate(offer, demand)) held.set(offer.name, { ...job.kept, demand: demand.key });
  }
  const limit = Math.max(1, Math.floor(offers.filter(({ host }) => whyClosed(host) === undefined).length * SHARE_KEPT));

  const roomKept = (): number => [...kept.values()].filter(({ what }) => what === 'room').length;

  function heldFor(demand: Demand): Kept | undefined {
    const [host, before] = [...held].find(([, one]) => one.demand === demand.key) ?? [];
    const offer = host === undefined ? undefined : byName.get(host);
    if (offer === undefined || before === undefined) return undefined;
    if (offer.keptFor !== null) return undefined;
    const what = before.what === 'room' || isShort(offer, demand) ? 'room' : 'pull';
    return what === 'room' && roomKept() >= limit ? undefined : { host: offer.name, what };
  }

  function choose(demand: Demand, isShortOfRoom: boolean): Kept | undefined {
    const mayKeepRoom = roomKept() < limit;
    let best: { readonly offer: Offer; readonly outlook: Outlook; readonly what: Keeping['what'] } | undefined;
    for (const offer of offers) {
      if (offer.keptFor !== null || !isCandidate(offer, demand)) continue;
      const what = isShort(offer, demand) ? 'room' : 'pull';
      if (what === 'room' ? !isShortOfRoom || !mayKeepRoom : hasTemplate(offer.host, demand)) continue;
      const outlook = outlookOf(offer, demand, sizes);
      if (best === undefined || isSooner(outlook, best.outlook, offer.name, best.offer.name))
        best = { offer, outlook, what };
    }
    return best === undefined ? undefined : { host: best.offer.name, what: best.what };
  }

  return {
    kept,
    release: ({ jobId, kept: before }) => {
      if (before !== undefined && before !== null) held.delete(before.host);
      return kept.delete(jobId);
    },
    keepFor: (job, demand, obstacles, olderKinds) => {
      const isBlocked = obstacles.has('resources') || obstacles.has('pulling');
      const mine = heldFor(demand) ?? (isBlocked ? choose(demand, obstacles.has('resources')) : undefined);
      const offer = mine === undefined ? undefined : byName.get(mine.host);
      if (mine === undefined || offer === undefined) return;
      const { position, jobId } = job;
      const order = olderKinds === undefined ? {} : { holder: { position, jobId }, olderKinds: olderKinds() };
      offer.keptFor = { demand: demand.key, what: mine.what, ...order };
      kept.set(job.jobId, mine);
    },
  };
}

/** It fits there once Berth's own VMs have ended; one beside somebody else's VM might wait for ever. */
function isCandidate(offer: Offer, demand: Demand): boolean {
  const { host } = offer;
  const { vmLimit, foreignVms } = host.report;
  const hasPlace = vmLimit > foreignVms.length && couldHold(host, demand) && serves(offer, demand);
  return whyClosed(host) === undefined && hasPlace && fitsIn(demand.size, forBerth(host));
}

const isShort = ({ free }: Offer, { size }: Demand): boolean => !fitsIn(size, free);

/** How long it will be until the job fits. */
interface Outlook {
  /** VMs that must end first. */
  readonly toEnd: number;
  /** When the last of those began; the longer ago the better. */
  readonly begunAt: number;
}

/** The VMs that began first are likely to end first. */
function outlookOf(offer: Offer, { size }: Demand, sizes: SizeBook): Outlook {
  const running = [...offer.on].sort((a, b) => a.grantedAt - b.grantedAt || byText(a.name, b.name));
  const ended: FleetRunner[] = [];
  const fits = (): boolean => fitsIn(size, plus(offer.free, usedBy(ended, sizes)));
  while (!fits() || offer.room + ended.length <= 0) {
    const next = running.shift();
    if (next === undefined) break;
    ended.push(next);
  }
  return { toEnd: ended.length, begunAt: ended.at(-1)?.grantedAt ?? 0 };
}

function isSooner(a: Outlook, b: Outlook, hostA: string, hostB: string): boolean {
  return (a.toEnd - b.toEnd || a.begunAt - b.begunAt || byText(hostA, hostB)) < 0;
}
