/**
 * Berth's processes are killed, stopped and restarted at the worst moments. Whatever happens, a job runs once or ends for
 * a reason, and nothing of it is left. Most of the time is waiting for time limits, so the cells of one table run at
 * once.
 */

import { describe, expect, it, vi } from 'vitest';
import { GUEST_START } from '../../agent/guest-files.js';
import type { AnkaDelays } from '../../simulators/anka/host.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { hostNamed, untilNoVm, vmsOf } from './hosts.js';
import {
  QUICK,
  SLOW,
  during,
  expectRanOnce,
  isRegistering,
  ownHost,
  runs,
  siteAt,
  stackFor,
  waitsForGitHub,
} from './sites.js';
import type { Blow, Moment } from './sites.js';
import { watchSlowness } from './slowness.js';
import { expectNothingLeft, resultOf, statusOf, until, untilConclusion, untilStep } from './support.js';

/** More at once would slow each other down, on two cores, past the time limits that are tested. */
vi.setConfig({ maxConcurrency: 7 });

/** A host is waited for this long at least before a runner without a job is given up: its pulse, and a grace. */
const RETURNS_WITHIN_MS = 12_000;

const killAgent: Blow = ({ host }) => host.agent.kill();

const killAndRestartAgent: Blow = async ({ host }) => {
  await host.agent.kill();
  await host.restart();
};

const stopAndRestartAgent: Blow = async ({ host }) => {
  await host.agent.stop();
  await host.restart();
};

const killAndRestartOrchestrator: Blow = async ({ stack }) => {
  await stack.orchestrator.kill();
  await stack.restartOrchestrator();
};

interface Cell {
  readonly name: string;
  readonly repo: string;
  readonly at: Moment;
  readonly blow: Blow;
  readonly job?: Partial<QueueJobOptions>;
  /** VMs that may be made for it. */
  readonly attempts: number;
}

const AGENT_CELLS: readonly Cell[] = [
  { name: 'killed while a VM is cloned', repo: 'k-clone', at: during('clone'), blow: killAndRestartAgent, attempts: 2 },
  { name: 'killed while a VM starts', repo: 'k-start', at: during('start'), blow: killAndRestartAgent, attempts: 2 },
  {
    name: 'killed while a runner starts',
    repo: 'k-runner',
    at: during(GUEST_START),
    blow: killAndRestartAgent,
    attempts: 2,
  },
  {
    name: 'killed while a runner waits for GitHub',
    repo: 'k-idle',
    at: waitsForGitHub,
    blow: async (site) => {
      await killAndRestartAgent(site);
      site.stack.github.releaseJob(site.job.id);
    },
    job: { held: true },
    attempts: 1,
  },
  {
    name: 'killed while a job runs, which goes on',
    repo: 'k-runs',
    at: runs,
    blow: killAndRestartAgent,
    job: { durationMs: 16_000 },
    attempts: 1,
  },
  {
    name: 'killed while a job runs, which ends before the agent is back',
    repo: 'k-ends',
    at: runs,
    blow: async ({ host, stack, job }) => {
      await host.agent.kill();
      await untilConclusion(stack, job, 'success');
      await host.restart();
    },
    job: { durationMs: 3_000 },
    attempts: 1,
  },
  {
    name: 'killed twice while a job runs, which goes on',
    repo: 'k-twice',
    at: runs,
    blow: async (site) => {
      await killAndRestartAgent(site);
      await killAndRestartAgent(site);
    },
    job: { durationMs: 16_000 },
    attempts: 1,
  },
  {
    name: 'killed while a VM is deleted',
    repo: 'k-delete',
    at: during('delete'),
    blow: killAndRestartAgent,
    attempts: 1,
  },
  {
    name: 'stopped while a VM starts',
    repo: 's-start',
    at: during('start'),
    blow: stopAndRestartAgent,
    attempts: 2,
  },
  {
    name: 'stopped while a runner starts',
    repo: 's-runner',
    at: during(GUEST_START),
    blow: stopAndRestartAgent,
    attempts: 2,
  },
  {
    name: 'stopped while a job runs, which goes on',
    repo: 's-runs',
    at: runs,
    blow: stopAndRestartAgent,
    job: { durationMs: 16_000 },
    attempts: 1,
  },
];

const MORE_DELAYS: Readonly<Record<string, AnkaDelays>> = {
  'k-runner': { run: 1_500 },
  's-runner': { run: 1_500 },
  'k-delete': { delete: 1_500 },
};

describe.concurrent('the host agent is', () => {
  const started = stackFor([
    ...AGENT_CELLS.map(({ repo }) => ownHost(repo, repo, { delays: { ...SLOW, ...MORE_DELAYS[repo] } })),
    ownHost('gone', 'gone'),
    ownHost('gone', 'gone-2'),
    ownHost('left'),
    ownHost('left', 'left-2'),
  ]);

  it.each(AGENT_CELLS)('$name', async (cell) => {
    const site = siteAt(started(), cell.repo, cell.job);
    await cell.at(site);
    const since = Date.now();
    await cell.blow(site);
    // Where a machine is so slow that its agent was away for long, a job that had not begun is elsewhere, and rightly so.
    const wasAwayLong = Date.now() - since > RETURNS_WITHIN_MS;
    await expectRanOnce(site, cell.attempts + (wasAwayLong ? 1 : 0));
    await untilNoVm(site.host, 30_000);
  });

  it.each([
    { name: 'while a VM starts', repo: 'gone', step: /starting the VM/, held: false },
    { name: 'while a runner waits for GitHub', repo: 'left', step: /waiting for GitHub/, held: true },
  ])('killed for good $name: another host has the job within 30 s, and the VM goes when it is back', async (cell) => {
    const ankas = started()
      .hosts.filter(({ name }) => name.startsWith(cell.repo))
      .map(({ anka }) => anka);
    // However late the blow comes, it comes while the VM starts.
    if (!cell.held) for (const anka of ankas) await anka.setHeld(['start']);
    const { stack, job } = siteAt(started(), cell.repo, { held: cell.held });
    const { host: name } = await untilStep(stack, job, cell.step);
    const host = hostNamed(stack, name);
    const slowness = watchSlowness();
    await killAgent({ stack, host, job });
    const since = Date.now();
    for (const anka of ankas) await anka.setHeld([]);
    const isElsewhere = async (): Promise<boolean> => {
      const { host: now, step } = await statusOf(stack, job);
      return now !== null && now !== name && /waiting for GitHub|running|completed/.test(step);
    };
    await until('the job is elsewhere', isElsewhere, 100_000);
    expect(Date.now() - since).toBeLessThan(30_000 * (await slowness()));
    if (cell.held) stack.github.releaseJob(job.id);
    await expectRanOnce({ stack, host, job }, 2);
    expect((await statusOf(stack, job)).host).not.toBe(name);
    expect(await vmsOf(host)).not.toEqual([]);
    await host.restart();
    await untilNoVm(host, 30_000);
  });
});

describe.concurrent('the orchestrator is', () => {
  const started = stackFor([ownHost('ios')]);

  it.sequential.each([
    { name: 'killed while a VM starts', at: during('start') },
    { name: 'killed while a runner waits for GitHub', at: waitsForGitHub, job: { held: true } },
    { name: 'killed while a job runs', at: runs, job: { durationMs: 4_000 } },
  ] as readonly Pick<Cell, 'name' | 'at' | 'job'>[])('$name', async (cell) => {
    const site = siteAt(started(), 'ios', cell.job);
    await cell.at(site);
    await killAndRestartOrchestrator(site);
    if (site.job.held) site.stack.github.releaseJob(site.job.id);
    await expectRanOnce(site, 1);
    await untilNoVm(site.host, 30_000);
  });

  it.sequential('away when a job ends: the slot is free as soon as it is back', async () => {
    const site = siteAt(started(), 'ios', { durationMs: 2_000 });
    await runs(site);
    await site.stack.orchestrator.kill();
    await untilConclusion(site.stack, site.job, 'success');
    await site.stack.restartOrchestrator();
    await expectRanOnce(site, 1);
    await untilNoVm(site.host, 30_000);
  });
});

describe.concurrent('GitHub answers a registration late, and meanwhile', () => {
  const started = stackFor([ownHost('ios', 'ios', QUICK)]);

  it.sequential('the job is cancelled: the runner that is made after all is removed', async () => {
    const site = siteAt(started(), 'ios');
    site.stack.github.addFault({ kind: 'latency', ms: 2_000, path: 'generate-jitconfig', times: 1 });
    await isRegistering(site);
    site.stack.github.cancelJob(site.job.id);
    expect(await resultOf(site.stack, site.job)).toMatchObject({ outcome: 'cancelled' });
    await untilNoVm(site.host, 30_000);
    await expectNothingLeft(site.stack);
  });

  it.sequential('the orchestrator is killed: the job runs within half a minute', async () => {
    const site = siteAt(started(), 'ios');
    site.stack.github.addFault({ kind: 'latency', ms: 2_000, path: 'generate-jitconfig', times: 1 });
    await isRegistering(site);
    const slowness = watchSlowness();
    const since = Date.now();
    await killAndRestartOrchestrator(site);
    await expectRanOnce(site, 2);
    expect(Date.now() - since).toBeLessThan(30_000 * (await slowness()));
  });
});

describe.concurrent('the receiver is', () => {
  const started = stackFor([ownHost('ios')]);

  it.sequential('killed between `queued` and `completed`: what it missed is delivered again', async () => {
    const site = siteAt(started(), 'ios');
    const { stack, job } = site;
    await during('start')(site);
    await stack.receiver.kill();
    await untilConclusion(stack, job, 'success');
    await stack.restartReceiver();
    await redeliverFailed(stack, job);
    await expectRanOnce(site, 1);
  });

  it.sequential(
    'killed between `queued` and `completed`, and nothing is delivered again: GitHub is asked',
    async () => {
      const site = siteAt(started(), 'ios');
      await during('start')(site);
      await site.stack.receiver.kill();
      await untilConclusion(site.stack, site.job, 'success');
      await expectRanOnce(site, 1);
      await site.stack.restartReceiver();
    },
  );
});

async function redeliverFailed(stack: Stack, job: SimJob): Promise<void> {
  const ofJob = await stack.github.waitFor(({ deliveries, pendingDeliveries }) => {
    return pendingDeliveries === 0 && deliveries.filter(({ jobId }) => jobId === job.id);
  }, 20_000);
  for (const { hookId, id } of ofJob.filter(({ status }) => status !== 'OK')) {
    const url = `${stack.githubUrl}/orgs/acme/hooks/${hookId}/deliveries/${id}/attempts`;
    const answer = await fetch(url, { method: 'POST', headers: { authorization: `token ${DEFAULT_TOKEN}` } });
    expect(answer.status).toBe(202);
  }
}
