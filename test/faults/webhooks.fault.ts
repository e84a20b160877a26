/** Webhooks as GitHub sends them on a bad day, over 300 jobs: lost, doubled, out of order. Every job runs, once. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { expectNothingLeft, lastWords, resultOf, testStack, until } from '../e2e/support.js';
import { SWEPT } from './ground.js';
import { isReduced } from './play.js';
import { overlapsBeyond } from './vm-times.js';

/** Fewer of them on a machine that is busy otherwise. */
const JOBS = Number(process.env['BERTH_FAULTS_JOBS'] ?? 300);
const REPOS = ['ios', 'mac', 'web'];
const HOSTS = ['mini-1', 'mini-2', 'mini-3', 'mini-4'];
const SLOTS = 2;

/** Of all webhooks. */
const LOST = 0.1;
const DOUBLED = 0.1;
const REORDERED = 0.2;

/** Jobs come while others run, as many as the fleet can serve. */
const AT_ONCE = 3 * HOSTS.length * SLOTS;

const labels = labelsFor(XCODE);

describe.skipIf(isReduced)('webhooks:', () => {
  let stack: Stack;
  beforeAll(async () => {
    const anka = { templates: [XCODE], delays: { clone: 20, start: 100 } };
    stack = await testStack({
      hosts: HOSTS.map((name) => ({ name, slots: SLOTS, anka })),
      github: { owners: [{ login: 'acme', repos: REPOS }] },
      ...SWEPT,
    });
  });
  afterAll(() => stack.stop());

  const jobNow = (id: number): SimJob | undefined => stack.github.snapshot().jobs.find((job) => job.id === id);

  async function queueAll(): Promise<readonly SimJob[]> {
    const jobs: SimJob[] = [];
    for (let n = 0; n < JOBS; n += 1) {
      const repo = REPOS[n % REPOS.length] ?? '';
      jobs.push(stack.github.queueJob({ owner: 'acme', repo, labels, durationMs: 50 + ((n * 37) % 300) }));
      await stack.github.waitFor(({ jobs: all }) => all.filter(isOpen).length < AT_ONCE, 300_000);
    }
    return jobs;
  }

  it(`${LOST * 100} % lost, ${DOUBLED * 100} % doubled, ${REORDERED * 100} % out of order: each of ${JOBS} jobs runs, once`, async () => {
    const { github } = stack;
    github.setNasty({
      seed: 6,
      lose: { probability: LOST },
      repeat: { probability: DOUBLED },
      reorder: { probability: REORDERED, holdMs: 500 },
    });
    const jobs = await queueAll();
    await github
      .waitFor(({ jobs: all }) => !all.some(isOpen), 900_000)
      .catch((err: unknown) => {
        throw new Error(`${(err as Error).message.slice(0, 2_000)}\n${lastWords(stack)}`);
      });
    const begun = (id: number): number =>
      github.history().filter(({ jobId, step }) => jobId === id && step === 'in_progress').length;
    const seen = jobs.map(({ id }) => ({ id, conclusion: jobNow(id)?.conclusion, begun: begun(id) }));
    expect(seen).toEqual(jobs.map(({ id }) => ({ id, conclusion: 'success', begun: 1 })));
    for (const job of jobs) {
      const result = await until('a result', () => resultOf(stack, job).catch(() => undefined), 60_000);
      expect(result.outcome, `job ${job.id}`).toBe('success');
    }
    await expectNothingLeft(stack, 200_000);
    for (const { anka } of stack.hosts) expect(overlapsBeyond(SLOTS, await anka.commands())).toEqual([]);
  }, 1_800_000);
});

const isOpen = ({ status }: SimJob): boolean => status !== 'completed';
