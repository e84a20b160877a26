/** By which rules slots are granted: the orchestrator's config says so, also to a dispatcher that runs already. */

import { appendFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { SimJob } from '../../simulators/github/types.js';
import { startStack } from '../../simulators/stack/stack.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import {
  PAT,
  expectNothingLeft,
  fleetOf,
  newNamespace,
  statusOf,
  until,
  untilConclusion,
  untilStep,
} from './support.js';

let dir: string;
let stack: Stack;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-e2e-'));
  const hosts = [{ name: 'mini', slots: 1, anka: { templates: [XCODE] } }];
  stack = await startStack({ credential: PAT, hosts, dir, temporal: await newNamespace() });
});
afterAll(() => stack.stop());

/** With a label of its repository, so that GitHub deals out no runner to a job of the other one. */
const queue = (repo: string, durationMs: number | null = 200): SimJob =>
  stack.github.queueJob({ owner: 'acme', repo, labels: labelsFor(XCODE, repo), durationMs });

it('a changed config reaches the dispatcher that runs, and the jobs that wait already', async () => {
  const running = queue('web', null);
  await untilStep(stack, running, /running on/);
  const older = queue('web');
  await untilStep(stack, older, /waiting for a slot/);
  const urgent = queue('release', null);
  await untilStep(stack, urgent, /waiting for a slot/);
  await stack.orchestrator.stop();
  const placement = { priorities: [{ repo: 'acme/release', priority: 5 }] };
  await appendFile(join(dir, 'orchestrator.yml'), stringify({ placement }));
  await stack.restartOrchestrator();
  const { policy } = await until('the dispatcher has the policy', async () => {
    const now = await fleetOf(stack);
    return now.policy?.priorities.length === 1 && now;
  });
  expect(policy).toEqual({
    order: 'fifo',
    hosts: 'spread',
    priorities: [{ of: { owner: 'acme', repo: 'release' }, label: null, priority: 5 }],
    weights: [],
  });
  stack.github.finishJob(running.id);
  await until('the older job says that it was passed over', async () => {
    const { waitCode, reason } = await statusOf(stack, older);
    return waitCode === 'priority' && reason === '1 of 1 host busy; younger jobs of higher priority went first';
  });
  stack.github.finishJob(urgent.id);
  const first = await untilConclusion(stack, urgent, 'success');
  const second = await untilConclusion(stack, older, 'success');
  expect(first.startedAt).toBeLessThan(second.startedAt);
  await expectNothingLeft(stack);
});
