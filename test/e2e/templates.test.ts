/** Templates on real processes: room on a full disk, one pull at a time, and a host that macOS lets start nothing. */

import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AnkaTemplate } from '../../simulators/anka/host.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import { callsOn, hostNamed } from './hosts.js';
import { expectNothingLeft, hostStatusOf, statusOf, testStack, until, untilConclusion, untilStep } from './support.js';

/** Its progress is first told after 10 s; beside it a whole job runs. */
const PULL_MS = 40_000;

const template = (n: number, name: string): AnkaTemplate => ({
  ...XCODE,
  uuid: `1b2c3d4e-0000-4000-8000-00000000000${n}`,
  name,
  imageBytes: 20e9,
});

const OLD = template(1, 'old');
const NEWER = template(2, 'newer');
const NEXT = template(3, 'next');
const SOMEBODYS: AnkaTemplate = { ...template(4, 'somebodys'), imageBytes: 5e9 };
const BIG = template(5, 'big');
const OTHER = template(6, 'other');

const namesOn = async ({ anka }: StackHost): Promise<readonly string[]> =>
  (await anka.templates()).map(({ name }) => name).sort();

/** The pulls on a host so far, by template, with their ends. */
async function pullsOn(host: StackHost): Promise<readonly { readonly uuid: string; readonly end?: number }[]> {
  const calls = await callsOn(host, '--shrink');
  return calls.map(({ argv, end }) => ({ uuid: argv.at(-3) ?? '', ...(end !== undefined && { end }) }));
}

describe('templates', () => {
  let stack: Stack;

  beforeAll(async () => {
    const limited = { slots: 1, repo: 'shared', slotConfig: { job_retry_attempts: 1 } };
    stack = await testStack({
      hosts: [
        {
          name: 'full',
          repo: 'full',
          anka: { templates: [SOMEBODYS], registry: [OLD, NEWER, NEXT, SOMEBODYS], diskBytes: 50e9 },
          config: { global_template_disk_buffer: 0 },
        },
        {
          name: 'slow',
          repo: 'slow',
          anka: { templates: [XCODE], registry: [BIG, OTHER] },
        },
        { name: 'stuck', ...limited, anka: { templates: [XCODE] } },
        {
          name: 'well',
          ...limited,
          anka: { templates: [XCODE], registry: [OTHER] },
          config: {
            templates: [{ template: OTHER.uuid, tag: OTHER.tag }],
            global_host_to_guest_folder_mounts: [`${tmpdir()}:of-the-host`],
          },
        },
      ],
    });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  it('a pull that does not fit removes the template that Berth used least recently, and nothing of others', async () => {
    const host = hostNamed(stack, 'full');
    for (const wanted of [OLD, NEWER, OLD]) {
      const job = stack.github.queueJob({ owner: 'acme', repo: 'full', labels: labelsFor(wanted), durationMs: 50 });
      await untilConclusion(stack, job, 'success');
    }
    await expectNothingLeft(stack);
    expect(await namesOn(host)).toEqual(['newer', 'old', 'somebodys']);
    const job = stack.github.queueJob({ owner: 'acme', repo: 'full', labels: labelsFor(NEXT), durationMs: 50 });
    await untilConclusion(stack, job, 'success');
    expect(await namesOn(host)).toEqual(['next', 'old', 'somebodys']);
    expect(await host.anka.violations()).toEqual([]);
  }, 120_000);

  it('a second slot works while the first pulls, and a third job waits for that pull with the reason', async () => {
    const host = hostNamed(stack, 'slow');
    const queue = (wanted: AnkaTemplate) =>
      stack.github.queueJob({ owner: 'acme', repo: 'slow', labels: labelsFor(wanted), durationMs: 50 });
    await host.anka.setFaults([
      { command: 'registry-pull', match: BIG.uuid, kind: 'slow', ms: PULL_MS, steps: PULL_MS / 500 },
    ]);
    const big = queue(BIG);
    await until('the pull has begun', async () => (await pullsOn(host)).length === 1);
    const other = queue(OTHER);
    await until('the other job waits for the pull', async () => {
      const { reason } = await statusOf(stack, other).catch(() => ({ reason: null }));
      return reason === '1 of 1 host pulling another template';
    });
    await untilStep(stack, big, /^checking the template on slow/);
    const quick = queue(XCODE);
    await untilConclusion(stack, quick, 'success');
    expect(await pullsOn(host), 'the pull goes on, and no other').toEqual([{ uuid: BIG.uuid }]);
    await until('the page tells how far the pull is', async () =>
      /: \d+ %, \d+\.\d of 20\.0 GB$/.test((await statusOf(stack, big)).reason ?? ''),
    );
    await untilConclusion(stack, big, 'success', 120_000);
    await untilConclusion(stack, other, 'success', 120_000);
    const pulled = (await pullsOn(host)).map(({ uuid }) => uuid);
    expect([...new Set(pulled)]).toEqual([BIG.uuid, OTHER.uuid]);
    expect(await host.anka.violations()).toEqual([]);
  }, 300_000);

  it('a host on which macOS starts nothing needs a reboot: its job moves without using up its only attempt', async () => {
    const { github } = stack;
    await hostNamed(stack, 'stuck').anka.setFaults([
      { command: 'start', kind: 'error', code: 1, message: 'The number of VMs exceeds the system limit' },
    ]);
    const labels = labelsFor(XCODE);
    const job = github.queueJob({ owner: 'acme', repo: 'shared', labels, durationMs: null });
    const { runnerName } = await github.waitFor(
      ({ jobs }) => jobs.find(({ id, status }) => id === job.id && status === 'in_progress'),
      60_000,
    );
    const well = hostNamed(stack, 'well');
    const vms = await well.anka.vms();
    expect(vms.map(({ name }) => name)).toEqual([runnerName]);
    const shared = join(vms[0]?.home ?? '', 'My Shared Files', 'of-the-host');
    expect(await realpath(shared), 'the folder of its config is in its VM').toBe(await realpath(tmpdir()));
    await until('the template of its config is there', async () => (await namesOn(well)).includes('other'));
    const report = await until('its host says so', async () => {
      const status = await hostStatusOf(stack, 'stuck');
      return status.needsReboot && status;
    });
    expect(report.provider.problems).toEqual([expect.stringMatching(/^needs a reboot: /)]);
    const { timeline, host } = await statusOf(stack, job);
    expect(host).toBe('well');
    expect(timeline.map(({ what }) => what).join('\n'), 'its page says why it moved').toMatch(/BERTH-H005/);
    const late = github.queueJob({ owner: 'acme', repo: 'shared', labels, durationMs: 50 });
    await until('the next job is told', async () => {
      const { reason } = await statusOf(stack, late).catch(() => ({ reason: null }));
      return reason?.includes('needs-reboot');
    });
    github.cancelJob(job.id);
    await untilConclusion(stack, job, 'cancelled');
    await untilConclusion(stack, late, 'success');
  }, 120_000);
});
