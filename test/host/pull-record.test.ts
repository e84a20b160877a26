/** A pull that goes on after its agent was killed. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootId } from '../../agent/identity.js';
import { processMark } from '../../agent/process-mark.js';
import { openPullRecord } from '../../agent/pull-record.js';
import type { PullRecord, PullRecordDeps } from '../../agent/pull-record.js';
import { eventually } from './eventually.js';
import { createRig, vmInput } from './rig.js';
import type { Rig } from './rig.js';

const REF = { template: 'xcode', tag: 'v2' };
const A = 'berth-1-1-aaaa';

let folder: string;
let file: string;
let pull: ChildProcess;
let pid: number;
let rig: Rig | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-pull-'));
  file = join(folder, 'pull.json');
  pull = spawn('/bin/bash', ['-c', 'trap "" TERM; echo up; while :; do sleep 0.05; done'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  pid = pull.pid ?? 0;
  if (pull.stdout !== null) await once(pull.stdout, 'data');
});

afterEach(async () => {
  pull.kill('SIGKILL');
  await rig?.close();
  rig = undefined;
  await rm(folder, { recursive: true, force: true });
});

const ends = async (): Promise<void> => {
  const exit = once(pull, 'exit');
  pull.kill('SIGKILL');
  await exit;
};

const open = (more: Partial<PullRecordDeps> = {}): Promise<PullRecord> =>
  openPullRecord({
    file,
    bootId: 'boot-1',
    limitMs: 60_000,
    log: pino({ level: 'silent' }),
    pausesMs: [20, 50],
    ...more,
  });

async function recorded(more: Partial<PullRecordDeps> = {}): Promise<void> {
  const record = await open(more);
  record.begun(REF, pid);
  await record.saved();
}

describe('the record of a pull', () => {
  it('tells the next agent of a pull that goes on, until its process has ended', async () => {
    await recorded();
    expect((await stat(file)).mode & 0o077).toBe(0);
    const { left } = await open();
    expect(left?.ref).toEqual(REF);
    let hasEnded = false;
    const ended = left?.ended().then(() => (hasEnded = true));
    await eventually(async () => expect(await processMark(pid)).toBeDefined());
    expect(hasEnded).toBe(false);
    await ends();
    await ended;
    expect((await open()).left).toBeUndefined();
  });

  it('has nothing once the pull has ended', async () => {
    const record = await open();
    record.begun(REF, pid);
    record.ended();
    await record.saved();
    expect((await open()).left).toBeUndefined();
  });

  it.each([
    ['it is of another boot', { bootId: 'boot-0' }],
    ['its number has been given to another process', { mark: 'another' }],
    ['it is not a record', { template: 7 }],
  ])('is not believed when %s', async (_, change) => {
    await recorded();
    const entry = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...entry, ...change }));
    expect((await open()).left).toBeUndefined();
  });

  it('ends a pull that takes longer than a pull may, be it deaf', async () => {
    await recorded();
    const { left } = await open({ limitMs: 0 });
    await left?.ended();
    expect(await processMark(pid)).toBeUndefined();
  });
});

describe('an agent that finds such a pull', () => {
  /** The state folder has it, as an agent that was killed would have left it. */
  async function restarted(): Promise<Rig> {
    rig = await createRig();
    await recorded({ file: join(rig.config.stateDir, 'pull.json'), bootId: await bootId() });
    await rig.restart();
    return rig;
  }

  const ensure = (on: Rig, template: string): Promise<unknown> => {
    on.hold(A);
    return on.call('ensureTemplate', { ...vmInput(A), template, tag: REF.tag }).result;
  };

  it('says that it is pulling, and pulls nothing else', async () => {
    const on = await restarted();
    expect((await on.agent.report()).pulling).toEqual(REF);
    await expect(ensure(on, 'another')).rejects.toMatchObject({ type: 'PullUnderWay' });
    expect(on.provider.count('pull')).toBe(0);
  });

  it('waits for it, and does not pull the same once more', async () => {
    const on = await restarted();
    const ensured = ensure(on, REF.template);
    await eventually(() => expect(on.provider.count('list')).toBeGreaterThan(0));
    on.provider.templates = [
      ...on.provider.templates,
      { uuid: REF.template, name: 'x', tag: REF.tag, status: 'stopped' },
    ];
    await ends();
    expect(await ensured).toEqual({ tag: REF.tag, pulled: false });
    expect(on.provider.count('pull')).toBe(0);
    expect((await on.agent.report()).pulling).toBeNull();
  });

  it('pulls itself when that one came to nothing', async () => {
    const on = await restarted();
    const ensured = ensure(on, REF.template);
    await ends();
    expect(await ensured).toEqual({ tag: REF.tag, pulled: true });
    expect(on.provider.count('pull')).toBe(1);
  });
});
