/** An operator terminates Berth's workflows: jobs run all the same, or end for a reason, and nothing of them is left. */

import { describe, expect, it, vi } from 'vitest';
import { dispatcherWorkflowId, hostWorkflowId } from '../../jobs/names.js';
import { hostNamed, untilNoVm, vmsOf } from './hosts.js';
import {
  at,
  during,
  expectEachRanOnce,
  expectRanOnce,
  ownHost,
  runs,
  siteAt,
  stackFor,
  terminateJob,
  terminateRunner,
} from './sites.js';
import { resultOf, until, untilConclusion } from './support.js';

vi.setConfig({ maxConcurrency: 7 });

describe.concurrent('an operator terminates the dispatcher', () => {
  const started = stackFor([ownHost('d-start'), ownHost('d-runs')]);

  it('while a VM starts, a job runs and others wait: all of them run', async () => {
    const stack = started();
    const { anka } = hostNamed(stack, 'd-start');
    await anka.setHeld(['start']);
    const [running, starting] = [siteAt(stack, 'd-runs', { durationMs: null }), siteAt(stack, 'd-start')];
    await Promise.all([runs(running), during('start')(starting)]);
    const waiting = [siteAt(stack, 'd-runs'), siteAt(stack, 'd-start')];
    await Promise.all(waiting.map(at(/waiting for a slot/)));
    await stack.client.workflow.getHandle(dispatcherWorkflowId('default')).terminate('a test');
    const late = siteAt(stack, 'd-start');
    await anka.setHeld([]);
    stack.github.finishJob(running.job.id);
    await expectEachRanOnce([running, starting, ...waiting, late]);
  });
});

describe.concurrent('an operator terminates', () => {
  const started = stackFor(
    ['r-start', 'r-runs', 'j-start', 'j-runs', 'h-start', 'h-runs'].map((repo) => ownHost(repo)),
  );

  it('the workflow of a runner whose VM starts: the VM is destroyed and the job gets another', async () => {
    const site = siteAt(started(), 'r-start');
    await during('start')(site);
    const before = await vmsOf(site.host);
    await terminateRunner(site);
    await until('its VM is gone', async () => !(await vmsOf(site.host)).includes(before[0] ?? ''));
    await expectRanOnce(site, 2);
  });

  it('the workflow of a runner that works: the VM is destroyed, the job fails, and Berth says so', async () => {
    const site = siteAt(started(), 'r-runs', { durationMs: 30_000 });
    await runs(site);
    await terminateRunner(site);
    await untilNoVm(site.host, 30_000);
    await untilConclusion(site.stack, site.job, 'failure');
    expect(await resultOf(site.stack, site.job)).toMatchObject({ outcome: 'failure' });
  });

  it('the workflow of a job whose VM starts: the job runs all the same', async () => {
    const site = siteAt(started(), 'j-start', { durationMs: 2_000 });
    await during('start')(site);
    await terminateJob(site);
    await expectRanOnce(site, 1);
    await untilNoVm(site.host, 30_000);
  });

  it('the workflow of a job that runs: the job goes on, and its VM goes at its end', async () => {
    const site = siteAt(started(), 'j-runs', { durationMs: null });
    await runs(site);
    await terminateJob(site);
    site.stack.github.finishJob(site.job.id);
    await untilConclusion(site.stack, site.job, 'success');
    await untilNoVm(site.host, 30_000);
  });

  it.each([
    { name: 'whose VM starts', repo: 'h-start', at: during('start') },
    { name: 'where a job runs', repo: 'h-runs', at: runs },
  ])('the workflow of a host $name: the job is not disturbed, and the host serves the next one', async (cell) => {
    const site = siteAt(started(), cell.repo, { durationMs: 3_000 });
    await cell.at(site);
    await site.stack.client.workflow.getHandle(hostWorkflowId(cell.repo)).terminate('a test');
    await expectRanOnce(site, 1);
    await expectRanOnce(siteAt(started(), cell.repo), 1);
  });
});
