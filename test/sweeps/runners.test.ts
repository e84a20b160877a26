/** The sweep of runners against the simulated GitHub. */

import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createRunnersSweep } from '../../activities/sweeps/runners.js';
import { createGitHub } from '../../github/github.js';
import type { SweepLook, SweepReport } from '../../jobs/sweeps.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { GitHubSimulatorOptions } from '../../simulators/github/options.js';
import { startSim } from '../simulators-github/helpers.js';
import type { Sim } from '../simulators-github/helpers.js';
import { fakeFleet } from './fixtures.js';

const LEFT = 'berth-1-1-aaaa';
const look: SweepLook = { dryRun: false, byHand: false, memory: null };

async function setUp(options: GitHubSimulatorOptions = {}) {
  const sim = await startSim(options);
  const fleet = fakeFleet();
  const clock = { at: Date.now() };
  const github = createGitHub({
    apiUrl: `${sim.url}/api/v3`,
    credentialFor: () => ({ kind: 'token', token: DEFAULT_TOKEN }),
    log: pino({ level: 'silent' }),
  });
  const sweep = createRunnersSweep({
    namePrefix: 'berth',
    scopes: [{ kind: 'org', owner: 'acme' }],
    github,
    fleet,
    now: () => clock.at,
  });
  /** One look, and another so much later. */
  const twice = async (apartMs: number, more: Partial<SweepLook> = {}): Promise<[SweepReport, SweepReport]> => {
    const first = await sweep({ ...look, ...more });
    clock.at += apartMs;
    return [first, await sweep({ ...look, ...more, memory: first.memory })];
  };
  return { sim, fleet, sweep, twice };
}

async function register(sim: Sim, name: string, path = '/orgs/acme'): Promise<void> {
  const body = { name, runner_group_id: 1, labels: ['x'] };
  const { status } = await sim.rest('POST', `/api/v3${path}/actions/runners/generate-jitconfig`, { body });
  expect(status).toBe(201);
}

const namesOn = (sim: Sim): string[] => sim.snapshot().runners.map(({ name }) => name);
const deeds = ({ findings }: SweepReport) => findings.map(({ what, done }) => [what, done]);
const deletes = (sim: Sim): number => sim.calls().filter(({ method }) => method === 'DELETE').length;

describe('the sweep of runners', () => {
  it('removes what was seen offline twice, and touches nobody else’s', async () => {
    const { sim, twice } = await setUp();
    const others = ['berth2-1-1-aaaa', 'berth-tools', 'someones', 'anklet-vm-1'];
    for (const name of [LEFT, ...others]) await register(sim, name);
    const [first, second] = await twice(60_000);
    expect([first.looked, deeds(first)]).toEqual([1, [[`runner ${LEFT} of acme`, 'seen']]]);
    expect(deeds(second)).toEqual([[`runner ${LEFT} of acme`, 'removed']]);
    expect(namesOn(sim).sort()).toEqual([...others].sort());
    expect(second.memory).toEqual({ seen: {}, next: null });
  });

  it('waits a minute between the two looks, unless a person asks', async () => {
    const { sim, twice } = await setUp();
    await register(sim, LEFT);
    const [, tooSoon] = await twice(59_000);
    expect(deeds(tooSoon)).toEqual([[`runner ${LEFT} of acme`, 'seen']]);
    expect(namesOn(sim)).toEqual([LEFT]);
    const [, byHand] = await twice(15_000, { byHand: true });
    expect(deeds(byHand)).toEqual([[`runner ${LEFT} of acme`, 'removed']]);
  });

  it('changes nothing in a dry run', async () => {
    const { sim, twice } = await setUp();
    await register(sim, LEFT);
    const [, second] = await twice(60_000, { dryRun: true });
    expect(deeds(second)).toEqual([[`runner ${LEFT} of acme`, 'would']]);
    expect([namesOn(sim), deletes(sim)]).toEqual([[LEFT], 0]);
  });

  it('leaves a runner whose workflow is open, even if the list of workflows is late', async () => {
    const { sim, fleet, twice } = await setUp();
    await register(sim, LEFT);
    fleet.runners.add(LEFT);
    fleet.listed = new Set();
    const [first, second] = await twice(60_000);
    expect([...first.findings, ...second.findings]).toEqual([]);
    expect(fleet.asked).toEqual([LEFT, LEFT]);
    expect(namesOn(sim)).toEqual([LEFT]);
  });

  it('forgets what it saw when the runner’s workflow turns out to be there, or the runner goes', async () => {
    const { sim, fleet, sweep } = await setUp();
    await register(sim, LEFT);
    const first = await sweep(look);
    fleet.runners.add(LEFT);
    const second = await sweep({ ...look, memory: first.memory });
    expect(second.memory).toEqual({ seen: {}, next: null });
    fleet.runners.clear();
    const third = await sweep({ ...look, memory: second.memory });
    sim.removeRunner(sim.snapshot().runners[0]?.id ?? -1);
    expect((await sweep({ ...look, memory: third.memory })).memory).toEqual({ seen: {}, next: null });
  });

  it('leaves a runner whose VM is still on a host to that host, and one that is online', async () => {
    const { sim, fleet, twice } = await setUp();
    await register(sim, LEFT);
    fleet.hostsThere.push({ host: 'mini-1', isLost: true, vms: [LEFT], scopes: [] });
    sim.addForeignRunner({ name: 'berth-2-1-bbbb', scope: { kind: 'org', owner: 'acme' }, labels: ['y'] });
    const [, second] = await twice(60_000, { byHand: true });
    expect(deeds(second).sort()).toEqual([
      [`runner ${LEFT} of acme`, 'left'],
      ['runner berth-2-1-bbbb of acme', 'left'],
    ]);
    expect(deletes(sim)).toBe(0);
  });

  it('says of a busy one that GitHub keeps it, and tries again next time', async () => {
    const runner = { id: 7, name: LEFT, isOnline: false, isBusy: true };
    const asked: string[] = [];
    const sweep = createRunnersSweep({
      namePrefix: 'berth',
      scopes: [{ kind: 'org', owner: 'acme' }],
      github: {
        listRunners: () => Promise.resolve({ runners: [runner], isLast: true, calls: 1 }),
        removeRunner: ({ runnerId }) => Promise.resolve(asked.push(String(runnerId)) > 1 ? 'removed' : 'busy'),
      },
      fleet: fakeFleet(),
    });
    let { memory } = await sweep({ ...look, byHand: true });
    const done: unknown[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const report = await sweep({ ...look, byHand: true, memory });
      memory = report.memory;
      done.push(...report.findings);
    }
    expect(done).toMatchObject([
      { done: 'left', why: expect.stringMatching(/calls it busy.*gives its job up/) as string },
      { done: 'removed' },
    ]);
    expect(asked).toEqual(['7', '7']);
  });

  it('looks in the scopes of the hosts’ slots, too, and goes on when one of them refuses', async () => {
    const { sim, fleet, twice } = await setUp({ owners: [{ login: 'acme' }, { login: 'beta' }] });
    await register(sim, LEFT, '/orgs/beta');
    const scopes = ['aaaa', 'beta', 'ACME'].map((owner) => ({ kind: 'org' as const, owner }));
    fleet.hostsThere.push({ host: 'mini-1', isLost: false, vms: [], scopes });
    const [first, second] = await twice(60_000);
    expect(deeds(first)).toEqual([
      ['runners of aaaa', 'failed'],
      [`runner ${LEFT} of beta`, 'seen'],
    ]);
    expect(deeds(second)).toContainEqual([`runner ${LEFT} of beta`, 'removed']);
    expect(sim.calls().filter(({ path }) => /acme/i.test(path)).length).toBe(2);
  });

  it('reads page after page, and what has not changed costs nothing', async () => {
    const { sim, sweep, twice } = await setUp();
    for (let n = 0; n < 230; n += 1) await register(sim, `berth-${n}-1-aaaa`);
    const first = await sweep(look);
    expect([first.looked, first.found, first.findings.length, first.calls]).toEqual([230, 230, 100, 3]);
    const [again] = await twice(0);
    expect(again.calls).toBe(0);
  });

  it('ends at a limit of GitHub’s and goes on there next time', async () => {
    const { sim, sweep } = await setUp();
    await register(sim, LEFT);
    sim.addFault({ kind: 'secondary-limit', times: 1 });
    const report = await sweep(look);
    expect(report).toMatchObject({ looked: 0, isComplete: false, memory: { next: { scope: 'acme', page: 1 } } });
  });
});
