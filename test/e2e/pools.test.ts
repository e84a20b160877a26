/** Whose host a job may come to: its pool's, and only with a slot for its repository. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SimJob } from '../../simulators/github/types.js';
import { DEFAULT_TOKEN } from '../../simulators/github/options.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { clonesOn, hostNamed } from './hosts.js';
import { expectNothingLeft, resultOf, statusOf, testStack, until, untilConclusion } from './support.js';

const anka = { templates: [XCODE] };

describe('two pools with a host each', () => {
  const pools = [
    { pool: 'release', labels: ['release'], repositories: ['acme/*'] },
    { pool: 'labs', repositories: ['acme/labs'] },
  ];
  let stack: Stack;
  beforeAll(async () => {
    const hosts = [
      { name: 'mini-1', slots: 1, anka },
      { name: 'mini-2', slots: 1, anka, slotConfig: { queue_name: 'release' } },
    ];
    stack = await testStack({ hosts, receiverConfig: { pools }, orchestratorConfig: { pools } });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  const queue = (label: string, repo = 'ios', durationMs: number | null = 200): SimJob =>
    stack.github.queueJob({ owner: 'acme', repo, labels: [...labelsFor(XCODE), label], durationMs });

  it('run the jobs of their own pool only', async () => {
    const nightly = [queue('nightly'), queue('nightly'), queue('nightly')];
    const release = [queue('release'), queue('Release')];
    for (const job of [...nightly, ...release]) await untilConclusion(stack, job, 'success');
    expect(await clonesOn(hostNamed(stack, 'mini-1'))).toBe(3);
    expect(await clonesOn(hostNamed(stack, 'mini-2'))).toBe(2);
  });

  it('leave a job waiting whose pool has no host, and a host that joins it takes it', async () => {
    const job = queue('nightly', 'labs');
    await until('the job waits', async () => (await statusOf(stack, job).catch(() => null))?.waitCode === 'no-host');
    await stack.addHost({ name: 'mini-3', slots: 2, anka, config: { pool: 'labs' } });
    await untilConclusion(stack, job, 'success');
    expect(await clonesOn(hostNamed(stack, 'mini-3'))).toBe(1);
  });

  it('make a new runner for a job whose runner GitHub gave to a job of another pool', async () => {
    // Equal labels, and the host of the older job is slow: the runner of the younger one is there first.
    stack.github.setAssignment({ policy: 'oldest-first' });
    const slow = hostNamed(stack, 'mini-1').anka;
    await slow.setHeld(['start']);
    const older = queue('nightly', 'ios', null);
    const younger = queue('nightly', 'labs');
    await untilConclusion(stack, younger, 'success');
    const { jobs } = stack.github.snapshot();
    const thief = jobs.find(({ id }) => id === older.id);
    expect(thief?.status, 'without waiting for its end').toBe('in_progress');
    await slow.setHeld([]);
    stack.github.finishJob(older.id);
    await untilConclusion(stack, older, 'success');
    expect((await resultOf(stack, older)).servedBy).toContain(`-${younger.id}-1-`);
  });
});

describe('a repository and another organisation, each with a host and a token of its own', () => {
  const OTHER_TOKEN = 'ghp_of_other';
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({
      github: {
        owners: [{ login: 'acme' }, { login: 'other' }],
        pats: [
          { token: DEFAULT_TOKEN, owners: ['acme'] },
          { token: OTHER_TOKEN, owners: ['other'] },
        ],
      },
      hosts: [
        { name: 'of-ios', slots: 1, owner: 'acme', repo: 'ios', anka },
        { name: 'of-other', slots: 1, owner: 'other', anka },
      ],
      // A slot's entry in the orchestrator's config says with which credential its scope is spoken to.
      orchestratorConfig: {
        plugins: [{ name: 'other', plugin: 'github', owner: 'other', token: OTHER_TOKEN }],
      },
    });
    stack.github.addHook({ url: stack.webhookUrl, secret: stack.webhookSecret, kind: 'organization', owner: 'other' });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  const queue = (owner: string, repo: string): SimJob =>
    stack.github.queueJob({ owner, repo, labels: labelsFor(XCODE), durationMs: 200 });

  it('serve their own jobs, with equal labels, and none of another repository of the organisation', async () => {
    const foreign = queue('acme', 'web');
    const own = [queue('acme', 'ios'), queue('other', 'app'), queue('acme', 'ios'), queue('other', 'site')];
    for (const job of own) await untilConclusion(stack, job, 'success');
    expect(await clonesOn(hostNamed(stack, 'of-ios'))).toBe(2);
    expect(await clonesOn(hostNamed(stack, 'of-other'))).toBe(2);
    const { waitCode, reason } = await until('the other job knows why it waits', async () => {
      const status = await statusOf(stack, foreign);
      return status.reason !== null && status;
    });
    expect({ waitCode, reason }).toEqual({
      waitCode: 'no-slot',
      reason: 'none of 2 hosts has a slot for acme/web',
    });
    stack.github.cancelJob(foreign.id);
    await untilConclusion(stack, foreign, 'cancelled');
  });
});
