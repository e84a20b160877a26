/** `anka` fails, lies, prints nonsense, or loses a VM: the job runs all the same, or ends for a reason. */

import { describe, expect, it } from 'vitest';
import type { AnkaFault } from '../../simulators/anka/host.js';
import { callsOn, untilNoVm, vmsOf } from './hosts.js';
import { QUICK, expectRanOnce, ownHost, runs, siteAt, stackFor } from './sites.js';
import { resultOf, until, untilConclusion } from './support.js';

/** GitHub takes a silent runner for lost long after Berth has seen its VM die: then the loss is Berth's to name. */
const GITHUB_LOSES_AFTER_MS = 20_000;

interface FaultCell {
  readonly name: string;
  readonly faults: readonly AnkaFault[];
  readonly attempts: number;
}

const FAULT_CELLS: readonly FaultCell[] = [
  { name: 'a clone fails once', faults: [{ command: 'clone', kind: 'error', times: 1 }], attempts: 2 },
  { name: 'a clone prints garbage once', faults: [{ command: 'clone', kind: 'garbage', times: 1 }], attempts: 2 },
  {
    name: 'a clone that was not made is said to be',
    faults: [{ command: 'clone', kind: 'lie', times: 1 }],
    attempts: 2,
  },
  {
    name: 'a clone leaves half a VM',
    faults: [{ command: 'clone', kind: 'partial', times: 1, message: 'interrupted' }],
    attempts: 2,
  },
  { name: 'a start fails once', faults: [{ command: 'start', kind: 'error', times: 1 }], attempts: 2 },
  { name: 'a start prints garbage once', faults: [{ command: 'start', kind: 'garbage', times: 1 }], attempts: 2 },
  {
    name: 'a start that did not happen is said to have',
    faults: [{ command: 'start', kind: 'lie', times: 1 }],
    attempts: 2,
  },
  { name: 'a start leaves a failed VM', faults: [{ command: 'start', kind: 'partial', times: 1 }], attempts: 2 },
  { name: 'a guest takes its time', faults: [{ command: 'start', kind: 'unready', ms: 1_500, times: 1 }], attempts: 1 },
  { name: 'a copy fails once', faults: [{ command: 'cp', kind: 'error', times: 1 }], attempts: 2 },
  { name: 'a list prints garbage once', faults: [{ command: 'list', kind: 'garbage', times: 1 }], attempts: 2 },
  { name: 'a delete fails twice', faults: [{ command: 'delete', kind: 'error', times: 2 }], attempts: 1 },
];

describe.concurrent('anka misbehaves:', () => {
  const started = stackFor([ownHost('ios', 'ios', QUICK)], 30_000, { lostAfterMs: GITHUB_LOSES_AFTER_MS });

  it.sequential.each(FAULT_CELLS)('$name', async (cell) => {
    await started().hosts[0]?.anka.setFaults(cell.faults);
    await expectRanOnce(siteAt(started(), 'ios'), cell.attempts);
  });

  it.sequential('a VM dies under its job: GitHub lets the job fail, and Berth hears of it', async () => {
    const site = siteAt(started(), 'ios', { durationMs: 30_000 });
    await runs(site);
    const [vm = ''] = await vmsOf(site.host);
    await site.host.anka.crashVm(vm);
    await untilNoVm(site.host, 30_000);
    await untilConclusion(site.stack, site.job, 'failure');
    expect(await resultOf(site.stack, site.job)).toMatchObject({ outcome: 'infra_lost' });
  });
});

describe.concurrent('anka says that it deleted a VM, and did not', () => {
  const started = stackFor([ownHost('ios', 'ios', QUICK)], 90_000);

  it('the sweeps find the VM', async () => {
    const site = siteAt(started(), 'ios');
    await site.host.anka.setFaults([{ command: 'delete', kind: 'lie', times: 1 }]);
    await expectRanOnce(site, 1);
    await until('anka has lied', async () => (await callsOn(site.host, 'delete')).some(({ end }) => end !== undefined));
    expect(await vmsOf(site.host)).toHaveLength(1);
  });
});
