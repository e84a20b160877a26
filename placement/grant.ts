import type { SlotReport } from '../activities/contracts.js';
import { LATEST } from '../jobs/labels.js';
import type { Choice } from './choice.js';
import type { Demand } from './demand.js';
import type { FleetJob } from './fleet.js';
import { take, tellsPulls } from './offer.js';

export interface Placement {
  readonly job: FleetJob;
  readonly host: string;
  readonly slot: SlotReport;
  /** The host has the template with this very tag: nothing needs to be pulled. `latest` is always asked for. */
  readonly local: boolean;
  /** The host does not have the template at all. */
  readonly pulls: boolean;
}

/** Gives the job what was chosen for it: that is taken from what the host offers. */
export function grant({ offer, slot, isHere }: Choice, job: FleetJob, demand: Demand): Placement {
  const pulls = !isHere && tellsPulls(offer.host);
  take(offer, slot, demand, pulls);
  return { job, host: offer.name, slot, local: isHere && job.tag !== LATEST, pulls };
}
