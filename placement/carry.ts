/**
 * The dispatcher's books on their way into its next run. A payload that Temporal takes has 2 MB at most, and each run
 * begins with one, so they are cut to what they need (`inside.ts` bounds the jobs) and written short (`pack.ts`).
 */

import type { Fleet, FleetHost, FleetJob, FleetRunner } from './fleet.js';
import { pack, unpack } from './pack.js';
import type { Json, Packed } from './pack.js';

/** Names of VMs that are gone, for reports on their way: the latest, ten minutes' worth at 100 jobs a minute. */
const MOST_GONE = 1_000;

interface Carried extends Omit<Fleet, 'jobs' | 'runners' | 'hosts'> {
  readonly jobs: readonly FleetJob[];
  readonly runners: readonly FleetRunner[];
  readonly hosts: readonly FleetHost[];
}

export function packFleet(fleet: Fleet): Packed {
  const { jobs, runners, hosts, gone, ...rest } = fleet;
  const carried: Carried = {
    ...rest,
    jobs: Object.values(jobs).map((job) => ({ ...job, workflowId: withoutId(job) })),
    runners: Object.values(runners),
    hosts: Object.values(hosts),
    gone: latest(gone),
  };
  return pack(carried as unknown as Json);
}

export function unpackFleet(packed: Packed): Fleet {
  const { jobs, runners, hosts, ...rest } = unpack(packed) as unknown as Carried;
  return {
    ...rest,
    jobs: byKey(jobs.map(withId), ({ jobId }) => String(jobId)),
    runners: byKey(runners, ({ name }) => name),
    hosts: byKey(hosts, ({ report }) => report.host),
  };
}

const byKey = <T>(all: readonly T[], keyOf: (one: T) => string): Record<string, T> =>
  Object.fromEntries(all.map((one) => [keyOf(one), one]));

/** `job/github.com/*`: the same for all jobs of one GitHub. */
function withoutId({ workflowId, jobId }: FleetJob): string {
  return workflowId.endsWith(`/${jobId}`) ? `${workflowId.slice(0, -String(jobId).length)}*` : workflowId;
}

const withId = (job: FleetJob): FleetJob =>
  job.workflowId.endsWith('/*') ? { ...job, workflowId: `${job.workflowId.slice(0, -1)}${job.jobId}` } : job;

function latest(gone: Fleet['gone']): Fleet['gone'] {
  const all = Object.entries(gone);
  if (all.length <= MOST_GONE) return gone;
  return Object.fromEntries(all.sort(([, a], [, b]) => b - a).slice(0, MOST_GONE));
}
