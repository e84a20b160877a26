/** A stack with the payload codec on all processes: nothing in the raw histories names a repository or a label. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelsFor, XCODE } from '../../simulators/stack/templates.js';
import { startStack } from '../../simulators/stack/stack.js';
import type { Stack } from '../../simulators/stack/stack.js';
import type { TemporalAt } from '../../simulators/stack/stack-config.js';
import { connectClient } from '../../temporal/connect.js';
import { PAT, expectNothingLeft, newNamespace, resultOf, statusOf, untilConclusion, untilStep } from './support.js';

const REPO = 'nimbus-payroll';
const LABEL = 'only-for-nimbus';
const UNKNOWN = { ...XCODE, uuid: '99999999-0000-4000-8000-000000000000', name: 'nowhere' };
const IN_CLEAR = [REPO, LABEL, XCODE.uuid, UNKNOWN.uuid];

const HEALTH = join(import.meta.dirname, '..', '..', 'dist', 'scripts', 'orchestrator-health.js');

let keys: string;
let dir: string;
let at: TemporalAt;
let stack: Stack;
/** As the server has it: this one has no key. */
let raw: Client;

beforeAll(async () => {
  keys = await mkdtemp(join(tmpdir(), 'berth-keys-'));
  dir = await mkdtemp(join(tmpdir(), 'berth-e2e-'));
  const files = await Promise.all(['k1', 'k2'].map(newKey));
  const plain = await newNamespace();
  at = { ...plain, codec: { currentId: 'k1', keys: files } };
  raw = await connectClient(plain);
  const anka = { templates: [XCODE], registry: [XCODE] };
  stack = await startStack({ credential: PAT, dir, temporal: at, hosts: [{ name: 'mini-1', anka }] });
});

afterAll(async () => {
  await stack?.stop();
  await raw?.connection.close();
  await rm(keys, { recursive: true, force: true });
});

async function newKey(id: string): Promise<{ readonly id: string; readonly file: string }> {
  const file = join(keys, id);
  await writeFile(file, randomBytes(32).toString('base64'), { mode: 0o600 });
  return { id, file };
}

interface Raw {
  readonly id: string;
  /** History and listing, with all base64 read. */
  readonly text: string;
  /** Ids of the keys that encrypted something in it. */
  readonly keyIds: ReadonlySet<string>;
}

async function rawWorkflows(): Promise<readonly Raw[]> {
  const found: Raw[] = [];
  for await (const { workflowId, runId, raw: listed } of raw.workflow.list()) {
    const history = historyToJSON(await raw.workflow.getHandle(workflowId, runId).fetchHistory());
    const inBase64 = [...history.matchAll(/"([A-Za-z0-9+/]{3,}={0,2})"/g)].map(([, data = '']) =>
      Buffer.from(data, 'base64').toString('latin1'),
    );
    const text = [workflowId, history, JSON.stringify(listed), ...inBase64].join('\n');
    const keyIds = new Set(inBase64.filter((word) => /^k\d$/.test(word)));
    found.push({ id: workflowId, text, keyIds });
  }
  return found;
}

async function expectNothingInClear(): Promise<readonly Raw[]> {
  const workflows = await rawWorkflows();
  for (const { id, text } of workflows) {
    for (const word of IN_CLEAR) expect(text.includes(word), `${word} in ${id}`).toBe(false);
    expect(text).toContain('binary/encrypted');
  }
  return workflows;
}

const queue = (...more: readonly string[]) =>
  stack.github.queueJob({ owner: 'acme', repo: REPO, labels: labelsFor(XCODE, LABEL, ...more), durationMs: 300 });

describe('with the payload codec', () => {
  it('a job runs, is readable for who has the key, and for nobody else', async () => {
    const job = queue();
    await untilConclusion(stack, job, 'success');
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', attempts: 1 });
    expect(JSON.stringify(await statusOf(stack, job))).toContain('mini-1');
    await expectNothingLeft(stack);
    const workflows = await expectNothingInClear();
    expect(workflows.map(({ id }) => id.split('/')[0])).toEqual(
      expect.arrayContaining(['job', 'runner', 'dispatcher']),
    );
  });

  it("the container's health check knows whether an orchestrator works here", async () => {
    const check = (namespace: string) =>
      execa(process.execPath, [HEALTH, '-c', join(dir, 'orchestrator.yml')], {
        reject: false,
        env: { BERTH_TEMPORAL_NAMESPACE: namespace },
      });
    expect(await check(at.namespace)).toMatchObject({ exitCode: 0, stderr: '' });
    const elsewhere = await check('berth-tests');
    expect(elsewhere.exitCode).toBe(1);
    expect(elsewhere.stderr).toMatch(/^no orchestrator of .* takes tasks from 127\.0\.0\.1:\d+$/);
  });

  it('a failure hides its message, which names the template', async () => {
    const job = stack.github.queueJob({ owner: 'acme', repo: REPO, labels: labelsFor(UNKNOWN, LABEL) });
    await untilConclusion(stack, job, 'cancelled');
    const { outcome, reason } = await resultOf(stack, job);
    expect(outcome).toBe('unrunnable');
    expect(reason).toContain(UNKNOWN.uuid);
    await expectNothingLeft(stack);
    const workflows = await expectNothingInClear();
    expect(workflows.some(({ text }) => text.includes('Encoded failure'))).toBe(true);
  });

  it('the key is rotated under a running job, process by process', async () => {
    const job = stack.github.queueJob({
      owner: 'acme',
      repo: REPO,
      labels: labelsFor(XCODE, LABEL),
      durationMs: null,
    });
    await untilStep(stack, job, /^running/);
    for (const name of await readdir(dir)) {
      if (!name.endsWith('.yml')) continue;
      const text = await readFile(join(dir, name), 'utf8');
      await writeFile(join(dir, name), text.replace('current: k1', 'current: k2'));
    }
    await stack.orchestrator.stop();
    await stack.restartOrchestrator();
    await stack.receiver.stop();
    await stack.restartReceiver();
    stack.github.finishJob(job.id);
    await untilConclusion(stack, job, 'success');
    expect(await resultOf(stack, job)).toMatchObject({ outcome: 'success', attempts: 1 });
    await expectNothingLeft(stack);
    const workflows = await expectNothingInClear();
    const own = workflows.find(({ id }) => id.endsWith(`/${job.id}`));
    expect([...(own?.keyIds ?? [])].sort()).toEqual(['k1', 'k2']);
  });
});
