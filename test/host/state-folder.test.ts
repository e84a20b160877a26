import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeAgentLock } from '../../agent/agent-lock.js';
import { agentId, bootId } from '../../agent/identity.js';
import { openLedger } from '../../agent/ledger.js';
import type { LedgerEntry } from '../../agent/ledger.js';
import { eventually } from './eventually.js';

const log = pino({ level: 'silent' });

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-state-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const entry = (runner: string, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  runner,
  workflowId: `runner/${runner}`,
  runId: 'r1',
  slot: 'mac-1',
  since: 1_700_000_000_000,
  started: false,
  ...more,
});

const open = () => openLedger(join(folder, 'holds'), 'berth', log);

describe('the ledger', () => {
  it('has after a restart what was put, and not what was removed', async () => {
    const ledger = await open();
    await ledger.put(entry('berth-1-1-aaaa'));
    await ledger.put(entry('berth-2-1-bbbb'));
    await ledger.put(entry('berth-1-1-aaaa', { started: true }));
    await ledger.remove('berth-2-1-bbbb');
    await ledger.remove('berth-2-1-bbbb');
    expect((await open()).found).toEqual([entry('berth-1-1-aaaa', { started: true })]);
  });

  it('is readable by its owner only', async () => {
    await (await open()).put(entry('berth-1-1-aaaa'));
    expect((await stat(join(folder, 'holds', 'berth-1-1-aaaa.json'))).mode & 0o077).toBe(0);
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"runner":"berth-3-1-cccc","work'],
    ['of another runner', JSON.stringify(entry('berth-9-1-dddd'))],
    ['without its fields', '{}'],
  ])('takes a file that is %s for a hold of its name', async (_, text) => {
    await mkdir(join(folder, 'holds'));
    await writeFile(join(folder, 'holds', 'berth-3-1-cccc.json'), text);
    expect((await open()).found).toMatchObject([
      { runner: 'berth-3-1-cccc', workflowId: 'runner/berth-3-1-cccc', slot: '', started: true },
    ]);
  });

  it('forgets an unfinished write and leaves files alone that are not its own', async () => {
    await mkdir(join(folder, 'holds'));
    await writeFile(join(folder, 'holds', 'berth-3-1-cccc.json.tmp'), '{');
    await writeFile(join(folder, 'holds', 'notes.json'), '{}');
    expect((await open()).found).toEqual([]);
    expect(await readdir(join(folder, 'holds'))).toEqual(['notes.json']);
  });

  it('is whole whenever its writer is killed', async () => {
    const module = fileURLToPath(new URL('../../agent/atomic-file.ts', import.meta.url));
    const file = join(folder, 'berth-1-1-aaaa.json');
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const source = ts.transpileModule(await readFile(module, 'utf8'), { compilerOptions }).outputText;
    await writeFile(
      join(folder, 'writer.mjs'),
      `${source}
      for (let n = 0; ; n++) await writeFileAtomically(${JSON.stringify(file)}, JSON.stringify({ n, pad: 'x'.repeat(20_000) }));`,
    );
    for (let round = 0; round < 5; round++) {
      await rm(file, { force: true });
      const writer = spawn(process.execPath, [join(folder, 'writer.mjs')], { stdio: 'ignore' });
      const ended = new Promise((resolve) => writer.on('exit', resolve));
      await eventually(() => stat(file));
      writer.kill('SIGKILL');
      await ended;
      expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pad: 'x'.repeat(20_000) });
    }
  });
});

describe('the identity of an agent', () => {
  it('stays the same for ever', async () => {
    const id = await agentId(folder);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await agentId(folder)).toBe(id);
  });

  it('is made anew when its file is damaged', async () => {
    await writeFile(join(folder, 'agent-id'), 'not an id');
    const id = await agentId(folder);
    expect(await agentId(folder)).toBe(id);
  });

  it('knows the boot', async () => {
    expect(await bootId()).not.toBe('');
    expect(await bootId()).toBe(await bootId());
  });
});

describe('the lock of the state folder', () => {
  const file = (): string => join(folder, 'agent.lock');
  const owner = (pid: number, boot = 'boot'): string => JSON.stringify({ pid, bootId: boot, nonce: 'n' });

  it('is refused while its owner lives, by a message that names it, and free afterwards', async () => {
    const lock = await takeAgentLock(folder, 'mac-1', 'boot');
    await expect(takeAgentLock(folder, 'mac-1', 'boot')).rejects.toThrow(`process ${process.pid}`);
    await lock.release();
    await (await takeAgentLock(folder, 'mac-1', 'boot')).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is taken over from a process that was killed', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => dead.on('exit', resolve));
    await writeFile(file(), owner(dead.pid ?? 0));
    await (await takeAgentLock(folder, 'mac-1', 'boot')).release();
  });

  it('is taken over from an earlier boot, whoever has that process id now', async () => {
    await writeFile(file(), owner(process.pid, 'boot before'));
    await (await takeAgentLock(folder, 'mac-1', 'boot')).release();
  });

  it('is taken over when nobody can read it', async () => {
    await writeFile(file(), 'rubbish');
    await (await takeAgentLock(folder, 'mac-1', 'boot')).release();
  });

  it('is taken over when the one that was taking it over was killed, too', async () => {
    await writeFile(file(), owner(process.pid, 'boot before'));
    const digest = createHash('sha256').update(owner(process.pid, 'boot before')).digest('hex').slice(0, 16);
    await writeFile(`${file()}.${digest}`, owner(process.pid, 'boot before, too'));
    await (await takeAgentLock(folder, 'mac-1', 'boot')).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes to exactly one of many that start at once on a stale lock', async () => {
    for (let round = 0; round < 40; round++) {
      await writeFile(file(), owner(process.pid, 'boot before'));
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => takeAgentLock(folder, 'mac-1', 'boot')));
      const taken = tries.filter((one) => one.status === 'fulfilled');
      expect(taken).toHaveLength(1);
      await taken[0]?.value.release();
    }
  });

  it('is not released by an owner that lost it', async () => {
    const lock = await takeAgentLock(folder, 'mac-1', 'boot');
    await writeFile(file(), owner(1));
    await lock.release();
    expect(await readFile(file(), 'utf8')).toBe(owner(1));
  });
});
