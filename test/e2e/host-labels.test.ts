/** Hosts that differ: a job with a label that one of them has goes there and nowhere else, and waits for it. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dispatcherWorkflowId, hostWorkflowId } from '../../jobs/names.js';
import type { SimJob } from '../../simulators/github/types.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack } from '../../simulators/stack/stack.js';
import type { TemporalAt } from '../../simulators/stack/stack-config.js';
import type { FleetView, JobStatus } from '../../workflows/messages.js';
import { createDesk } from './desk.js';
import type { Desk } from './desk.js';
import { expectNothingLeft, newNamespace, statusOf, testStack, until, untilConclusion } from './support.js';

const DRAINED = 'no host with label iphone can take it: b-phone draining';

describe('two hosts, one with an iPhone', () => {
  let stack: Stack;
  let desk: Desk;
  beforeAll(async () => {
    const temporal: TemporalAt = await newNamespace();
    const host = { slots: 1, anka: { templates: [XCODE], delays: { clone: 30, start: 150 } } };
    stack = await testStack({
      temporal,
      hosts: [
        { ...host, name: 'a-plain' },
        { ...host, name: 'b-phone', config: { host_labels: ['iPhone', 'signing'] } },
      ],
    });
    desk = await createDesk(stack, temporal);
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(async () => {
    await stack.stop();
    await desk.close();
  });

  const queue = (...labels: readonly string[]): SimJob =>
    stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: [...labelsFor(XCODE), ...labels], durationMs: 200 });

  const clones = async (name: string): Promise<number> => {
    const host = stack.hosts.find((one) => one.name === name);
    if (host === undefined) throw new Error(`no host is named ${name}`);
    return (await host.anka.commands()).filter(({ argv }) => argv.includes('clone')).length;
  };

  /** How many VMs were made on the plain host and on that with the labels. */
  const made = async (): Promise<readonly number[]> => [await clones('a-plain'), await clones('b-phone')];

  const untilGranted = (state: string): Promise<unknown> =>
    until(`who grants slots knows that b-phone is ${state}`, async () => {
      const dispatcher = stack.client.workflow.getHandle(dispatcherWorkflowId('default'));
      const { hosts } = await dispatcher.query<FleetView>('fleet');
      return hosts.find(({ name }) => name === 'b-phone')?.state === state;
    });

  const untilWaiting = (job: SimJob): Promise<JobStatus> =>
    until(`job ${job.id} knows why it waits`, async () => {
      const status = await statusOf(stack, job).catch(() => null);
      return status !== null && status.waitCode === 'no-label' && status;
    });

  it('shows their labels, in the list and on the page', async () => {
    expect(await desk.hosts()).toMatchObject([
      { host: 'a-plain', labels: [] },
      { host: 'b-phone', labels: ['iPhone', 'signing'] },
    ]);
    const { code, out } = await desk.berth(['hosts']);
    expect(code).toBe(0);
    expect(out).toMatch(/^b-phone +up +0\/1 +\d+ +iPhone, signing /m);
    const page = stack.client.workflow.getHandle(hostWorkflowId('b-phone'));
    const { currentDetails } = await page.query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('labels iPhone, signing');
  });

  it('runs jobs with a label there, others elsewhere as long as there is a choice', async () => {
    for (const labels of [['IPHONE'], ['signing', 'iphone'], [], ['iphone', 'run-42'], ['run-42']]) {
      await untilConclusion(stack, queue(...labels), 'success');
      // The next one finds both hosts free.
      await expectNothingLeft(stack);
    }
    expect(await made()).toEqual([2, 3]);
  });

  it('leaves jobs with the label waiting while that host is drained, with the reason; the others run', async () => {
    const before = await made();
    expect(await desk.berth(['drain', 'b-phone'])).toMatchObject({ code: 0 });
    await untilGranted('draining');
    const waiting = queue('iphone');
    expect((await untilWaiting(waiting)).reason).toBe(DRAINED);
    await untilConclusion(stack, queue(), 'success');

    // It forgets everything; what it hears first may be the job.
    await stack.client.workflow.getHandle(dispatcherWorkflowId('default')).terminate('a test');
    const later = queue('iphone');
    expect((await untilWaiting(later)).reason).toMatch(
      /^no host with label iphone can take it: b-phone (lost|draining)$/,
    );
    await untilConclusion(stack, queue(), 'success');
    expect(await made()).toEqual([(before[0] ?? 0) + 2, before[1]]);

    expect(await desk.berth(['resume', 'b-phone'])).toMatchObject({ code: 0 });
    for (const job of [waiting, later]) await untilConclusion(stack, job, 'success');
    expect(await made()).toEqual([(before[0] ?? 0) + 2, (before[1] ?? 0) + 2]);
  });
});
