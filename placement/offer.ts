/** What each host can still take while slots are handed out, and what keeps a job from it. */

import type { SlotReport, VmSize } from '../activities/contracts.js';
import { LATEST } from '../jobs/labels.js';
import { scopeAdmits } from '../jobs/scope.js';
import type { Demand } from './demand.js';
import { byAge, freeSlots, roomOn, runnersByHost, unplacedOn } from './fleet.js';
import type { Age, Fleet, FleetHost, FleetRunner } from './fleet.js';
import { labelsOf } from './host-labels.js';
import { NOTHING, fitsIn, forBerth, less, plus } from './size.js';
import type { Amount, SizeBook, Wish } from './size.js';

/** A host with what is left of it while grants are handed out. */
export interface Offer {
  readonly name: string;
  readonly host: FleetHost;
  /** What jobs may ask of it by label, normalised. */
  readonly labels: readonly string[];
  /** Berth's runners there. */
  readonly on: readonly FleetRunner[];
  /** VMs of Berth's are there, and nobody knows in which slots. */
  readonly hasUnplaced: boolean;
  room: number;
  /** Slots that were handed out now. */
  taken: number;
  /** In the order of preference. */
  slots: SlotReport[];
  /** CPUs and memory that no VM has. May be less than nothing. */
  free: Amount;
  /** The template that is being pulled there, or is about to be. */
  pulling: Wish | null;
  /** An older job waits for this host. */
  keptFor: Keeping | null;
}

/** `room`: nothing else begins there; `pull`: nothing else is pulled there. */
export interface Keeping {
  readonly demand: string;
  readonly what: 'room' | 'pull';
  /** Where jobs do not come by age: for whom, and the kinds that have older jobs. To those alone the host is open. */
  readonly holder?: Age;
  readonly olderKinds?: ReadonlySet<string>;
}

/** What keeps a job from a host, by the code of its reason. */
export type Obstacle =
  | 'lost'
  | 'draining'
  | 'needs-reboot'
  | 'broken'
  | 'too-small'
  | 'busy'
  | 'other-scopes'
  | 'resources'
  | 'disk'
  | 'pulling'
  | 'kept';

export function offersOf(fleet: Fleet, sizes: SizeBook): Offer[] {
  const byHost = runnersByHost(fleet);
  return Object.values(fleet.hosts).map((host) => {
    const on = byHost.get(host.report.host) ?? [];
    const slots = freeSlots(fleet, host, on).sort(
      (a, b) => a.sleepInterval - b.sleepInterval || byText(a.name, b.name),
    );
    return {
      name: host.report.host,
      host,
      labels: labelsOf(fleet, host),
      on,
      hasUnplaced: unplacedOn(fleet, host) > 0,
      room: roomOn(fleet, host, on),
      taken: 0,
      slots,
      free: less(forBerth(host), usedBy(on, sizes)),
      pulling: host.report.pulling ?? pullAheadOn(host, on),
      keptFor: null,
    };
  });
}

/** What these runners' VMs take, as far as it is known. */
export const usedBy = (runners: readonly FleetRunner[], sizes: SizeBook): Amount =>
  runners.reduce((sum, runner) => plus(sum, sizeOfRunner(runner, sizes)), NOTHING);

function sizeOfRunner({ template, tag }: FleetRunner, sizes: SizeBook): Amount {
  return (template !== undefined && tag !== undefined ? sizes({ template, tag }) : undefined) ?? NOTHING;
}

/** A pull that the host has not begun yet. Once it has reported the runner's VM its own word about pulls counts. */
function pullAheadOn(host: FleetHost, on: readonly FleetRunner[]): Wish | null {
  for (const { pulls, phase, seenOnHost, template, tag } of on) {
    if (pulls !== true || phase !== 'coming' || seenOnHost || template === undefined || tag === undefined) continue;
    if (!hasTemplate(host, { template, tag })) return { template, tag };
  }
  return null;
}

/** Not by locale: a replay on another machine must come to the same answer. */
export const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Whether the host has the template with this tag; for `latest`, any tag of it will do as a start. */
export function hasTemplate(host: FleetHost, { template, tag: wanted }: Wish): boolean {
  return host.report.templates.some(
    ({ uuid, name, tag }) => (uuid === template || name === template) && (wanted === LATEST || tag === wanted),
  );
}

/** Whether a host takes jobs at all. */
export function whyClosed({ lost, report }: FleetHost): Obstacle | undefined {
  if (lost) return 'lost';
  if (report.draining) return 'draining';
  if (report.needsReboot === true) return 'needs-reboot';
  return report.provider.problems.length > 0 ? 'broken' : undefined;
}

export const takesJobs = (offer: Offer): boolean =>
  whyClosed(offer.host) === undefined && offer.room > 0 && offer.slots.length > 0;

const admits = (slot: SlotReport, { owner, repo }: Demand): boolean => scopeAdmits(slot.scope, owner, repo);

/** Whether a host could ever have such jobs: by its slots' scopes, what makes its VMs, and its labels. */
export const serves = (offer: Offer, demand: Demand): boolean => hasLabels(offer, demand) && hasSlot(offer, demand);

/** Whether the host declares all of the job's labels that are hosts'. */
export const hasLabels = ({ labels }: Offer, { hostLabels }: Demand): boolean =>
  hostLabels.every((label) => labels.includes(label));

/** Whether it serves the repository, and makes such VMs. */
export function hasSlot({ host: { report } }: Offer, demand: Demand): boolean {
  const { kind } = report.provider;
  const isProvider = demand.provider === undefined || kind === demand.provider || kind === 'unknown';
  return isProvider && report.slots.some((slot) => admits(slot, demand));
}

/** Whether a VM of this size would find its place there if nothing else ran, not even VMs of others. */
export const couldHold = ({ report }: FleetHost, demand: Demand): boolean =>
  fitsIn(demand.size, report.resources) ||
  report.slots.some((slot) => slot.skipResourceChecks === true && admits(slot, demand));

/** What is in the way of such a job on a host that serves it; undefined when nothing is. */
export function obstacleOf(offer: Offer, demand: Demand): Obstacle | undefined {
  return whyClosed(offer.host) ?? obstacleOnOpen(offer, demand);
}

/** The same for a host that is known to be open. */
export function obstacleOnOpen(offer: Offer, demand: Demand): Obstacle | undefined {
  if (!couldHold(offer.host, demand)) return 'too-small';
  if (offer.room <= 0) return 'busy';
  const slots = offer.slots.filter((slot) => admits(slot, demand));
  if (slots.length === 0) return 'other-scopes';
  if (!slots.some((slot) => fitsSlot(offer, slot, demand))) return 'resources';
  return obstacleToTemplate(offer, demand) ?? (isKeptFrom(offer, demand, 'room') ? 'kept' : undefined);
}

const fitsSlot = (offer: Offer, slot: SlotReport, { size }: Demand): boolean =>
  slot.skipResourceChecks === true || fitsIn(size, offer.free);

function obstacleToTemplate(offer: Offer, demand: Demand): Obstacle | undefined {
  const isHere = hasTemplate(offer.host, demand);
  if (isHere && demand.tag !== LATEST) return undefined;
  if (!isHere && !hasDiskFor(offer.host, demand.size)) return 'disk';
  if (pullsAnother(offer, demand)) return 'pulling';
  return !isHere && isKeptFrom(offer, demand, 'pull') ? 'kept' : undefined;
}

/** From all of this kind. */
function isKeptFrom({ keptFor }: Offer, { key }: Demand, what: Keeping['what']): boolean {
  return keptFor?.what === what && keptFor.demand !== key && keptFor.olderKinds?.has(key) !== true;
}

/** The host is kept for an older job than this one, although not from all of its kind. */
export function isBarred({ host, keptFor }: Offer, demand: Demand, job: Age): boolean {
  if (keptFor?.holder === undefined || keptFor.demand === demand.key || byAge(job, keptFor.holder) < 0) return false;
  return keptFor.what === 'room' || !hasTemplate(host, demand);
}

/** Whether the job could have a slot of this open host right now. */
export const fits = (offer: Offer, demand: Demand, job: Age): boolean =>
  serves(offer, demand) && obstacleOnOpen(offer, demand) === undefined && !isBarred(offer, demand, job);

/** The pull of its own template a job may wait for. */
function pullsAnother({ host, pulling }: Offer, { template, tag }: Demand): boolean {
  if (pulling === null || !tellsPulls(host)) return false;
  return pulling.template !== template || pulling.tag !== tag;
}

/** An agent of before says nothing of its pulls; it makes the second one wait by itself. */
export const tellsPulls = ({ report }: FleetHost): boolean => report.pulling !== undefined;

/** Templates that nothing uses make way for a pull, so only what will not do even then is ruled out here. */
function hasDiskFor({ report }: FleetHost, size: VmSize | undefined): boolean {
  const removable = report.templates.reduce((sum, template) => sum + (template.size?.imageBytes ?? 0), 0);
  return (size?.imageBytes ?? 0) <= report.resources.diskFreeBytes + removable;
}

/** Beside a VM of which nobody knows the slot each try takes another slot, or a job would be refused the same one for as long as such a VM lives. */
export function slotFor(offer: Offer, demand: Demand, tries: number): SlotReport | undefined {
  const fits = (slot: SlotReport): boolean => admits(slot, demand) && fitsSlot(offer, slot, demand);
  if (!offer.hasUnplaced) return offer.slots.find(fits);
  const fitting = offer.slots.filter(fits);
  return fitting[tries % fitting.length];
}

/** The slot is given to a job of this kind. @param pulls the host must pull the template for it */
export function take(offer: Offer, slot: SlotReport, { size, template, tag }: Demand, pulls: boolean): void {
  offer.room -= 1;
  offer.taken += 1;
  offer.slots = offer.slots.filter(({ name }) => name !== slot.name);
  offer.free = less(offer.free, size ?? NOTHING);
  if (pulls) offer.pulling ??= { template, tag };
}
