/** A host is taken out while a job runs on it, and brought back: by command, by file, and by a signal. */

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../temporal/free-port.js';
import type { SimJob } from '../../simulators/github/types.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import type { TemporalAt } from '../../simulators/stack/stack-config.js';
import { createDesk } from './desk.js';
import type { Desk } from './desk.js';
import { clonesOn, hostNamed } from './hosts.js';
import {
  expectNothingLeft,
  fleetOf,
  newNamespace,
  resultOf,
  statusOf,
  testStack,
  until,
  untilConclusion,
  untilStep,
} from './support.js';

describe('a host that is taken out of a fleet of two', () => {
  let stack: Stack;
  let desk: Desk;
  let temporal: TemporalAt;
  beforeAll(async () => {
    temporal = await newNamespace();
    const anka = { templates: [XCODE], delays: { clone: 30, start: 150 } };
    stack = await testStack({ temporal, hosts: ['mini-1', 'mini-2'].map((name) => ({ name, slots: 1, anka })) });
    desk = await createDesk(stack, temporal);
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(async () => {
    await stack.stop();
    await desk.close();
  });

  /** Null: until the test says that it is done. */
  const queue = (durationMs: number | null): SimJob =>
    stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs });

  const hostOf = async (job: SimJob): Promise<StackHost> => hostNamed(stack, (await statusOf(stack, job)).host);

  const otherThan = (host: StackHost): StackHost => {
    const other = stack.hosts.find(({ name }) => name !== host.name);
    if (other === undefined) throw new Error('there is one host only');
    return other;
  };

  const hasState = (host: StackHost, wanted: string): Promise<unknown> =>
    desk.untilHost(host.name, wanted, ({ state }) => state === wanted);

  /** Who grants slots hears of it a moment later: a job in between is refused by the host, and goes elsewhere. */
  const isForJobs = (host: StackHost, wanted: 'draining' | 'up'): Promise<unknown> =>
    until(`who grants slots takes ${host.name} for ${wanted}`, async () => {
      const { hosts } = await fleetOf(stack);
      return hosts.find(({ name }) => name === host.name)?.state === wanted;
    });

  /** Which runner serves which of them is GitHub's choice: a job may need two VMs, and another one none. */
  async function expectGood(jobs: readonly SimJob[]): Promise<void> {
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    const results = await Promise.all(jobs.map((job) => resultOf(stack, job)));
    expect(results.map(({ outcome }) => outcome)).toEqual(jobs.map(() => 'success'));
    expect(results.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(jobs.length);
  }

  it('ends its job, gets no other until it is resumed, and the other host serves meanwhile', async () => {
    const running = queue(null);
    await untilStep(stack, running, /running/);
    const host = await hostOf(running);
    const drained = await desk.berth(['drain', host.name]);
    expect(drained).toMatchObject({ code: 0, err: '' });
    expect(drained.out).toMatch(
      new RegExp(`^${host.name} drains: .*\n  berth-${running.id}-1-[0-9a-f]{4}  job ${running.id}`),
    );
    await isForJobs(host, 'draining');
    const before = [await clonesOn(host), await clonesOn(otherThan(host))];
    const waiting = desk.berth(['drain', host.name, '--wait']);
    const others = [queue(200), queue(200)];
    for (const job of others) await untilConclusion(stack, job, 'success');
    stack.github.finishJob(running.id);
    await expectGood([running, ...others]);
    expect(await waiting).toMatchObject({ code: 0, out: expect.stringMatching(/is drained/) as string });

    await host.agent.kill();
    await host.restart();
    await hasState(host, 'drained');
    await isForJobs(host, 'draining');
    const later = queue(200);
    await expectGood([later]);
    expect([await clonesOn(host), await clonesOn(otherThan(host))]).toEqual([before[0], (before[1] ?? 0) + 3]);

    expect(await desk.berth(['resume', host.name])).toEqual({ code: 0, out: `${host.name} takes jobs\n`, err: '' });
    await isForJobs(host, 'up');
    // Both are there before one is over: each has a host of its own.
    const both = [queue(null), queue(null)];
    for (const job of both) await untilStep(stack, job, /running/);
    for (const job of both) stack.github.finishJob(job.id);
    await expectGood(both);
    expect(await clonesOn(host)).toBe((before[0] ?? 0) + 1);
  });

  it('is drained by its file for as long as that is there', async () => {
    const [host, other] = stack.hosts as readonly [StackHost, StackHost];
    const file = join(host.pluginsPath, '..', 'state', 'drain');
    await writeFile(file, '');
    await hasState(host, 'drained');
    await isForJobs(host, 'draining');
    const before = await clonesOn(host);
    const jobs = [queue(200), queue(200)];
    await expectGood(jobs);
    expect(await clonesOn(host)).toBe(before);
    await rm(file);
    await hasState(host, 'up');
    await hasState(other, 'up');
  });

  it('ends its job before it stops at SIGQUIT, and serves again when it is started', async () => {
    const job = queue(null);
    await untilStep(stack, job, /running/);
    const host = await hostOf(job);
    process.kill(host.agent.pid, 'SIGQUIT');
    await host.agent.waitForLine((line) => line.includes('"msg":"drain waits for vms"'));
    stack.github.finishJob(job.id);
    expect(await host.agent.exited).toBe(0);
    expect(host.agent.output.join('\n')).toContain('"msg":"host drained"');
    await expectGood([job]);
    expect(await host.anka.vms()).toEqual([]);
    await host.restart();
    await hasState(host, 'up');
  });

  it('must exist, and Temporal must answer', async () => {
    expect(await desk.berth(['drain', 'mini-9'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('known hosts: mini-1, mini-2') as string,
    });
    const away = { ...temporal, address: `127.0.0.1:${await freePort()}` };
    expect(await desk.berth(['drain', 'mini-1'], away)).toMatchObject({
      code: 69,
      err: expect.stringContaining('cannot be reached') as string,
    });
  });
});
