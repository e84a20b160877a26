/** `berth sweep`, with a Temporal that answers as a test wants. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceError, WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../cli/exit-codes.js';
import { createSweepsClient } from '../../cli/fleet/sweeps-client.js';
import { runCli } from '../../cli/main.js';
import type { SweepFinding, SweepInput, SweepReport } from '../../jobs/sweeps.js';
import { fakeContext } from './support.js';

type Answer = (input: SweepInput) => Promise<SweepReport>;

const temporal = vi.hoisted(() => ({
  answer: undefined as unknown as Answer,
  started: [] as { readonly id: string; readonly input: SweepInput }[],
  startFails: undefined as Error | undefined,
  historyLength: 5,
  terminated: [] as string[],
}));

const client = vi.hoisted(() => ({
  workflow: {
    start: async (_type: string, { workflowId: id, args }: { workflowId: string; args: readonly [SweepInput] }) => {
      if (temporal.startFails !== undefined) throw temporal.startFails;
      temporal.started.push({ id, input: args[0] });
      return {
        result: () => temporal.answer(args[0]),
        describe: async () => ({ historyLength: temporal.historyLength }),
        terminate: async () => void temporal.terminated.push(id),
      };
    },
  },
  connection: { close: async () => undefined },
}));

vi.mock('../../temporal/connect.js', () => ({ connectClient: async () => client }));

const report = (part: SweepInput['part'], ...findings: readonly SweepFinding[]): SweepReport => ({
  part,
  looked: 3,
  found: findings.length,
  findings,
  calls: part === 'vms' ? 0 : 1,
  isComplete: true,
  memory: null,
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-sweep-'));
  await writeFile(join(folder, 'a.yml'), 'plugins: []\n');
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  temporal.answer = ({ part }) => Promise.resolve(report(part));
  temporal.started.length = 0;
  temporal.terminated.length = 0;
  temporal.startFails = undefined;
});

async function berth(...args: readonly string[]) {
  const context = fakeContext(folder);
  const code = await runCli(['sweep', '-c', join(folder, 'a.yml'), ...args], context);
  return { code, out: context.stdout(), err: context.stderr() };
}

const parts = (): string[] => temporal.started.map(({ input: { part } }) => part);

describe('berth sweep', () => {
  it('sweeps every part by hand, VMs first, and says that nothing was found', async () => {
    const { code, out } = await berth();
    expect([code, parts()]).toEqual([EXIT.ok, ['vms', 'jobs', 'runners', 'deliveries', 'queued']]);
    expect(temporal.started[0]).toEqual({
      id: 'reconcile/vms/by-hand',
      input: { part: 'vms', dryRun: false, byHand: true },
    });
    expect(out).toContain('vms: 3 looked at, 0 found\njobs: 3 looked at, 0 found, 1 call to GitHub\n');
    expect(out).not.toContain('PART');
  });

  it('sweeps the parts that are named, each once, in its own order', async () => {
    await berth('runners', 'vms', 'runners');
    expect(parts()).toEqual(['vms', 'runners']);
  });

  it('prints what was found and done as a table', async () => {
    temporal.answer = ({ part }) =>
      Promise.resolve(
        report(part, { what: 'runner berth-1-1-aaaa of acme', why: 'offline\n\u001b[31m', done: 'removed' }),
      );
    const { code, out } = await berth('runners');
    expect(code).toBe(EXIT.ok);
    expect(out.split('\n').slice(0, 4)).toEqual([
      'PART     WHAT                           DONE     WHY',
      'runners  runner berth-1-1-aaaa of acme  removed  offline [31m',
      '',
      'runners: 3 looked at, 1 found, 1 call to GitHub',
    ]);
  });

  it('says that a dry run changed nothing', async () => {
    const { out } = await berth('--dry-run', 'vms');
    expect(temporal.started[0]?.input.dryRun).toBe(true);
    expect(out).toMatch(/dry run: nothing was changed\n$/);
  });

  it('says what is missing in a report', async () => {
    temporal.answer = ({ part }) => Promise.resolve({ ...report(part), found: 120, isComplete: false });
    expect((await berth('jobs')).out).toMatch(
      /120 found, .*the first 0 are shown, not complete: the next sweep goes on/,
    );
  });

  it('prints JSON without its memory', async () => {
    temporal.answer = ({ part }) => Promise.resolve({ ...report(part), memory: { seen: {} } });
    const { out } = await berth('--json', 'jobs');
    expect(JSON.parse(out)).toEqual([{ part: 'jobs', looked: 3, found: 0, findings: [], calls: 1, isComplete: true }]);
  });

  it('goes on with the other parts when one fails, and fails at the end', async () => {
    temporal.answer = ({ part }) => {
      const cause = ApplicationFailure.nonRetryable('no credential is configured', 'GitHubNoCredential');
      const failed = new WorkflowFailedError('workflow failed', cause, 'NON_RETRYABLE_FAILURE');
      return part === 'jobs' ? Promise.reject(failed) : Promise.resolve(report(part));
    };
    const { code, out, err } = await berth('jobs', 'runners');
    expect(code).toBe(EXIT.failed);
    expect(out).toContain('jobs: not swept: no credential is configured\nrunners: 3 looked at');
    expect(err).toContain('not everything could be dealt with: jobs');
  });

  it('fails when something could not be dealt with', async () => {
    temporal.answer = ({ part }) => Promise.resolve(report(part, { what: 'VM a on b', why: 'stuck', done: 'failed' }));
    expect((await berth('vms')).code).toBe(EXIT.failed);
  });

  it.each([
    ['no such part', ['vmz'], EXIT.usage, /Expected one of vms, jobs, runners/],
    ['no such option', ['--dry'], EXIT.usage, /unknown option/],
  ] as const)('%s', async (_, args, code, message) => {
    const ended = await berth(...args);
    expect(ended.code).toBe(code);
    expect(ended.err).toMatch(message);
    expect(temporal.started).toEqual([]);
  });

  it('refuses when another one by hand is under way', async () => {
    temporal.startFails = new WorkflowExecutionAlreadyStartedError('started', 'reconcile/vms/by-hand', 'reconcile');
    const { code, err } = await berth('vms');
    expect([code, err]).toEqual([EXIT.failed, expect.stringContaining('a sweep of vms by hand is under way already')]);
  });

  it('says so when Temporal gives no answer', async () => {
    temporal.startFails = new ServiceError('failed', { cause: new Error('14 UNAVAILABLE: no route') });
    const { code, err } = await berth('vms');
    expect(code).toBe(EXIT.unavailable);
    expect(err).toContain('Temporal at localhost:7233 (namespace berth) gave no answer (14 UNAVAILABLE: no route)');
  });

  it('gives up, and leaves nothing, when no orchestrator takes it up', async () => {
    temporal.answer = () => new Promise(() => undefined);
    temporal.historyLength = 2;
    const sweeps = createSweepsClient(client as never, 'Temporal', 1);
    await expect(sweeps.sweep('vms', false)).rejects.toMatchObject({
      exitCode: EXIT.unavailable,
      message: expect.stringContaining('is `berth orchestrator` running?') as string,
    });
    expect(temporal.terminated).toEqual(['reconcile/vms/by-hand']);
    temporal.historyLength = 5;
  });
});
