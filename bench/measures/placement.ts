/**
 * The pure placement alone: 1,000 hosts with two slots, 20,000 jobs that wait. Each time all slots that are free are
 * granted in one call, as the dispatcher does it; a job's share of that call is what placing it costs.
 */

import type { HostReport } from '../../activities/contracts.js';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import type { Policy } from '../../jobs/policy.js';
import { emptyFleet } from '../../placement/fleet.js';
import type { Fleet } from '../../placement/fleet.js';
import { applyAsk } from '../../placement/pairing.js';
import { applyHostReport } from '../../placement/hosts-heard.js';
import { place } from '../../placement/place.js';
import type { Measure } from '../measure.js';
import { idleHost } from '../placement/scene.js';

const HOSTS = 1_000;
const JOBS = 20_000;
const REPOS = 50;
const ROUNDS = 9;

/** Every template is on every tenth host. */
const report = (index: number): HostReport => ({
  ...idleHost(`mini-${index}`, { cpus: 12, memoryBytes: 64e9, diskFreeBytes: 500e9 }),
  templates: [{ uuid: `template-${index % 10}`, name: `mac-${index % 10}`, tag: 'v1' }],
});

function fleetAt(now: number): Fleet {
  const fleet = emptyFleet();
  for (let index = 0; index < HOSTS; index += 1) applyHostReport(fleet, report(index), now);
  for (let jobId = 1; jobId <= JOBS; jobId += 1) {
    const template = `template-${jobId % 10}`;
    applyAsk(
      fleet,
      {
        job: { owner: 'acme', repo: `repo-${jobId % REPOS}`, jobId },
        workflowId: `job/github.com/${jobId}`,
        namePrefix: 'berth',
        labels: [`anka-template:${template}`],
        template,
        tag: 'v1',
        createdAt: now + jobId,
        standing: null,
        made: 0,
        avoid: [],
        runner: null,
      },
      now,
    );
  }
  return fleet;
}

/** @returns ms for each job that was placed */
function placeOnce(fleet: Fleet, policy: Policy): number {
  const startedAt = performance.now();
  const { grants } = place(fleet, policy);
  const tookMs = performance.now() - startedAt;
  if (grants.length !== 2 * HOSTS) throw new Error(`placed ${grants.length} jobs on ${2 * HOSTS} slots`);
  return tookMs / grants.length;
}

/** Several times over: ms for each job that was placed. */
export function timesByPolicy(policy: Policy = DEFAULT_POLICY): readonly number[] {
  const fleet = fleetAt(1_700_000_000_000);
  return Array.from({ length: ROUNDS }, () => placeOnce(fleet, policy));
}

export const placement: Measure = {
  name: 'placement',
  run: async () => {
    return {
      rows: [
        {
          measure: 'placement of one job, 1,000 hosts, 20,000 waiting',
          anklet: 'n/a',
          unit: 'ms',
          judged: 'p50',
          goal: { direction: 'at most', must: 1, aim: 0.1 },
          samples: timesByPolicy(),
        },
      ],
    };
  },
};
