/** What was left by hand is found by `berth sweep`, named and removed, and nothing else. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostNamed, vmsOf } from './hosts.js';
import {
  LEFT_RUNNER,
  ORG,
  STRAY_VM,
  expectOthersUntouched,
  leaveThings,
  runnersOf,
  startFleet,
  twoHosts,
} from './left-things.js';
import type { Fleet } from './left-things.js';
import { openWorkflows, resultOf, until } from './support.js';

interface Finding {
  readonly part: string;
  readonly what: string;
  readonly done: string;
}

describe('berth sweep', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    const off = { deliveries: 'off', queued: 'off', runners: 'off', jobs: 'off', vms: 'off' };
    fleet = await startFleet({ hosts: twoHosts('24h'), orchestratorConfig: { sweep: off, ...ORG } });
  });
  afterAll(() => fleet.stop());

  const sweep = async (...args: readonly string[]): Promise<readonly Finding[]> => {
    const { code, out } = await fleet.desk.berth(['sweep', '--json', ...args]);
    expect([code, out]).toEqual([0, expect.stringMatching(/^\[/)]);
    const parts = JSON.parse(out) as readonly { readonly part: string; readonly findings: readonly Finding[] }[];
    return parts.flatMap(({ part, findings }) => findings.map(({ what, done }) => ({ part, what, done })));
  };

  it('names exactly what was left, changes nothing in a dry run, then removes exactly that', async () => {
    const { stack } = fleet;
    const { live, lost, foreign } = await leaveThings(stack);
    const left = (vm: string, job: string, runner: string): Finding[] => [
      { part: 'vms', what: `VM ${STRAY_VM} on idle`, done: vm },
      { part: 'jobs', what: `job ${lost.id} of acme/nowhere`, done: job },
      { part: 'runners', what: `runner ${LEFT_RUNNER} of acme`, done: runner },
    ];
    const before = { runners: runnersOf(stack).sort(), open: (await openWorkflows(stack)).sort() };

    expect(await sweep('--dry-run')).toEqual(left('would', 'would', 'would'));
    expect({ runners: runnersOf(stack).sort(), open: (await openWorkflows(stack)).sort() }).toEqual(before);
    expect(await vmsOf(hostNamed(stack, 'idle'))).toContain(STRAY_VM);

    expect(await sweep()).toEqual(left('destroyed', 'ended', 'removed'));
    expect(await vmsOf(hostNamed(stack, 'idle'))).toEqual([foreign]);
    expect(runnersOf(stack)).not.toContain(LEFT_RUNNER);
    expect(await resultOf(stack, lost)).toMatchObject({ outcome: 'cancelled' });
    await expectOthersUntouched(stack, live, foreign);

    const { out } = await fleet.desk.berth(['sweep', 'vms']);
    expect(out).toMatch(/^vms: \d+ looked at, 0 found$/m);
  }, 300_000);

  it('says so when no orchestrator answers, and leaves nothing of itself', async () => {
    const { stack } = fleet;
    await stack.orchestrator.stop();
    expect((await fleet.desk.berth(['sweep', 'vms'])).code).toBe(69);
    const query = "WorkflowType = 'reconcile' AND ExecutionStatus = 'Running'";
    await until('no sweep is open', async () => {
      for await (const open of stack.client.workflow.list({ query })) return open === undefined;
      return true;
    });
  }, 60_000);
});
