/** VMs of others run on a host: they are left alone, take room, and are shown. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ForeignVm } from '../../simulators/anka/host.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { createDesk } from './desk.js';
import type { Desk } from './desk.js';
import { hostNamed } from './hosts.js';
import {
  expectNothingLeft,
  newNamespace,
  resultOf,
  statusOf,
  testStack,
  until,
  untilConclusion,
  untilStep,
} from './support.js';

describe('a host on which somebody else runs VMs', () => {
  let stack: Stack;
  let desk: Desk;
  const theirs: ForeignVm[] = [];
  const anka = { templates: [XCODE], delays: { start: 300 } };

  beforeAll(async () => {
    const temporal = await newNamespace();
    const hosts = [
      { name: 'lone', repo: 'lone', slots: 2, anka, slotConfig: { job_retry_attempts: 1 } },
      { name: 'pair-1', repo: 'pair', slots: 2, anka },
      { name: 'pair-2', repo: 'pair', slots: 1, anka, slotConfig: { sleep_interval: 9 } },
    ];
    stack = await testStack({ temporal, hosts });
    desk = await createDesk(stack, temporal);
  });
  afterEach(async () => {
    await Promise.all(theirs.splice(0).map((vm) => vm.remove()));
    await expectNothingLeft(stack);
  });
  afterAll(async () => {
    await stack.stop();
    await desk.close();
  });

  /** Null: until the test says that it is done. */
  const queue = (repo: string, durationMs: number | null): SimJob =>
    stack.github.queueJob({ owner: 'acme', repo, labels: labelsFor(XCODE), durationMs });

  async function begin(host: StackHost, name: string): Promise<void> {
    theirs.push(await host.anka.addForeignVm({ name }));
  }

  /** Still there, and no command has named it. */
  async function expectLeftAlone({ anka: host }: StackHost, name: string): Promise<void> {
    expect((await host.vms()).find((vm) => vm.name === name)?.status).toBe('running');
    const named = (await host.commands()).filter(({ argv }) => argv.some((word) => word.includes(name)));
    expect(named.filter(({ argv }) => !argv.includes('show'))).toEqual([]);
  }

  it('has room for one job beside it; the second waits with its reason, and uses up no attempt', async () => {
    const host = hostNamed(stack, 'lone');
    // Granted by what the host said before: it counts anew, and refuses one of the two.
    await begin(host, 'somebodys-vm');
    const jobs = [queue('lone', null), queue('lone', null)];
    const waits = await until('one of the two waits', async () => {
      const all = await Promise.all(jobs.map((job) => statusOf(stack, job).catch(() => null)));
      return all.find((status) => status?.waitCode === 'busy');
    });
    expect(waits?.reason).toMatch(/^1 of 1 host busy/);
    const listed = await desk.untilHost('lone', 'with their VM', ({ foreignVms }) => foreignVms.length === 1);
    expect(listed).toMatchObject({ foreignVms: ['somebodys-vm'], why: 'VMs of others: somebodys-vm' });
    expect((await desk.berth(['hosts'])).out).toMatch(/^lone .*VMs of others: somebodys-vm$/m);
    for (const job of jobs) stack.github.finishJob(job.id);
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    for (const job of jobs) expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success' });
    await expectLeftAlone(host, 'somebodys-vm');
    expect(await host.anka.violations()).toEqual([]);
  });

  it('has none beside two; a job goes elsewhere, and comes back when they have gone', async () => {
    const full = hostNamed(stack, 'pair-1');
    await begin(full, 'theirs-1');
    await begin(full, 'theirs-2');
    const job = queue('pair', 500);
    await untilConclusion(stack, job, 'success');
    expect((await statusOf(stack, job)).host).toBe('pair-2');
    const running = queue('pair', null);
    await untilStep(stack, running, /^running/);
    const waiting = queue('pair', 500);
    const { reason } = await until('the next job waits', async () => {
      const status = await statusOf(stack, waiting).catch(() => null);
      return status?.reason != null && status;
    });
    expect(reason).toBe('2 of 2 hosts busy');
    for (const name of ['theirs-1', 'theirs-2']) await expectLeftAlone(full, name);
    await Promise.all(theirs.splice(0).map((vm) => vm.remove()));
    // Nobody tells the host: it looks once a minute.
    await untilConclusion(stack, waiting, 'success', 120_000);
    expect((await statusOf(stack, waiting)).host).toBe('pair-1');
    stack.github.finishJob(running.id);
    await untilConclusion(stack, running, 'success');
  }, 300_000);
});
