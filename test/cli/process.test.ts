/** The built program as a process; the main test script builds first. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageVersion } from '../../cli/package-version.js';

const ROOT = join(import.meta.dirname, '..', '..');
const BIN = join(ROOT, 'bin', 'berth.js');

describe.skipIf(!existsSync(join(ROOT, 'dist', 'cli', 'main.js')))('the berth process', () => {
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-process-'));
  });

  afterAll(() => rm(home, { recursive: true }));

  const berth = (args: readonly string[]) =>
    execa(process.execPath, [BIN, ...args], { reject: false, env: { HOME: home }, timeout: 20_000 });

  it('prints its version, soon', async () => {
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const { exitCode, stdout, durationMs } = await berth(['--version']);
      expect([exitCode, stdout]).toEqual([0, packageVersion()]);
      times.push(durationMs);
    }
    // 100 ms by itself; the tests share the machine.
    expect(Math.min(...times)).toBeLessThan(300);
  });

  it('ends with 78 for a bad config and 64 for a bad command', async () => {
    const file = join(home, 'a.yml');
    await writeFile(file, 'pol: a\n');
    const bad = await berth(['config', 'check', '-c', file]);
    expect([bad.exitCode, bad.stderr]).toEqual([78, expect.stringContaining(`${file}:1:1: pol:`)]);
    expect((await berth(['recever'])).exitCode).toBe(64);
  });

  it('serves webhooks until SIGTERM, then ends with 0', async () => {
    const file = join(home, 'r.yml');
    const entry = '{name: R, plugin: github_receiver, port: 0, secret: hush}';
    await writeFile(file, `temporal: {address: "127.0.0.1:1"}\npid_file_dir: ${home}\nplugins: [${entry}]\n`);
    const process_ = execa(process.execPath, [BIN, 'receiver', '-c', file, '--listen', '127.0.0.1'], {
      reject: false,
      timeout: 20_000,
    });
    const lines: string[] = [];
    for await (const line of process_) {
      lines.push(line);
      const { port } = JSON.parse(line) as { readonly port?: number };
      if (port === undefined) continue;
      expect(await (await fetch(`http://127.0.0.1:${port}/healthcheck`)).text()).toBe('ok');
      await expect.poll(() => existsSync(join(home, 'berth-receiver.pid'))).toBe(true);
      process_.kill('SIGTERM');
    }
    expect((await process_).exitCode).toBe(0);
    expect(existsSync(join(home, 'berth-receiver.pid'))).toBe(false);
    expect(lines.join('')).not.toContain('hush');
  });
});
