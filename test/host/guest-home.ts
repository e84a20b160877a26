/** A pretend guest: a folder of this machine as its home, in which the guest's scripts run. */

import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach } from 'vitest';

/** In a script: waits for `go`. */
export const UNTIL_GO = 'while [ ! -f "$HOME/go" ]; do sleep 0.02; done';

/**
 * A guest of its own for each test of a file; whatever it left running is ended, and its folders are removed.
 * What is returned speaks of the guest of the test that runs.
 */
export function useGuestHome() {
  let home = '';
  let plugins = '';

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-guest-'));
    plugins = await mkdtemp(join(tmpdir(), 'berth-plugins-'));
  });
  afterEach(async () => {
    await go();
    await endProcesses(home);
    await Promise.all([home, plugins].map((folder) => rm(folder, { recursive: true, force: true })));
  });

  const go = (): Promise<void> => writeFile(join(home, 'go'), '');
  const environment = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
    HOME: home,
    PATH: process.env['PATH'] ?? '',
    ...more,
  });

  return {
    get home(): string {
      return home;
    },
    /** The `plugins_path` of its host. */
    get plugins(): string {
      return plugins;
    },
    environment,
    /** Lets those go on that wait by {@link UNTIL_GO}. */
    go,
    /** What that file in its home says. */
    inHome: (file: string): Promise<string> => readFile(join(home, file), 'utf8'),
    isThere: (file: string): Promise<boolean> =>
      stat(join(home, file)).then(
        () => true,
        () => false,
      ),
    /** Puts a script of the operator's in place of Berth's. */
    replace: async (name: string, script: string): Promise<void> => {
      const folder = join(plugins, 'handlers', 'github');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, name), `#!/bin/bash\n${script}\n`);
    },
    /** Runs a command there; one that fails is told, not thrown. */
    inGuest: (command: string, more?: Readonly<Record<string, string>>) =>
      execa('bash', ['-c', command], {
        cwd: home,
        env: environment(more),
        extendEnv: false,
        reject: false,
        stdin: 'ignore',
      }),
  };
}

async function endProcesses(home: string): Promise<void> {
  for (const file of ['start.pid', 'supervisor.pid', 'runner.pid']) {
    const text = await readFile(join(home, '.berth', file), 'utf8').catch(() => '');
    for (const pid of text.trim().split(' ').map(Number)) if (pid > 1) killGroup(pid);
  }
}

export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
