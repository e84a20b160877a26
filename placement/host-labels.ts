/**
 * Labels of a job that only some hosts have. A label is a host's if any host in the books declares it, also one that is
 * lost or drained: a job must not go elsewhere, and fail there, because its host is away. All other labels merely go on
 * the runner. Compared as GitHub does it, without regard to case.
 */

import { normaliseLabels } from '../jobs/labels.js';
import type { Fleet, FleetHost, FleetJob } from './fleet.js';

/** Those of a job's labels that are hosts', normalised. */
export type HostLabels = (job: Pick<FleetJob, 'labelKey'>) => readonly string[];

const NONE: readonly string[] = [];

export const declaresLabels = ({ report }: FleetHost): boolean => (report.labels ?? NONE).length > 0;

/** Whether this run of the dispatcher looks at hosts' labels at all. */
const looksAtLabels = ({ rules }: Fleet): boolean => rules?.hostLabels === true;

/** What a host declares, normalised. */
export const labelsOf = (fleet: Fleet, { report }: FleetHost): readonly string[] =>
  looksAtLabels(fleet) ? normaliseLabels(report.labels ?? NONE) : NONE;

/** Jobs with equal labels are many: each set of labels is looked at once. */
export function createHostLabels(fleet: Fleet): HostLabels {
  const declared = new Set(Object.values(fleet.hosts).flatMap((host) => labelsOf(fleet, host)));
  if (declared.size === 0) return () => NONE;
  const known = new Map<string, readonly string[]>();
  return ({ labelKey }) => {
    const before = known.get(labelKey);
    if (before !== undefined) return before;
    const labels = labelKey.split('\n').filter((label) => declared.has(label));
    known.set(labelKey, labels);
    return labels;
  };
}

/** Whether a job with these labels may be served on this host, as far as labels of hosts go. */
export function admitsLabels(fleet: Fleet, host: FleetHost, job: Pick<FleetJob, 'labelKey'>): boolean {
  const own = labelsOf(fleet, host);
  return createHostLabels(fleet)(job).every((label) => own.includes(label));
}
