import { spawn } from 'node:child_process';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import type { GuestState } from '../../activities/contracts.js';
import {
  GUEST_START,
  GUEST_STATE,
  GUEST_WATCH,
  INSTALL_FAILED,
  START_FAILED,
  guestProgram,
} from '../../agent/guest-files.js';
import { parseGuestState } from '../../agent/guest-state.js';
import { eventually } from './eventually.js';
import { UNTIL_GO, killGroup, useGuestHome } from './guest-home.js';

const JIT = 'eyJzZWNyZXQiOiJub3RoaW5nLXRvLXNlZSJ9';

const guest = useGuestHome();
const { environment, go, inGuest, inHome, isThere, replace } = guest;

async function putProgram(): Promise<void> {
  await writeFile(join(guest.home, 'berth-guest.bash'), await guestProgram(guest.plugins), { mode: 0o600 });
}

async function putRunner(script: string): Promise<void> {
  await mkdir(join(guest.home, 'actions-runner'), { recursive: true });
  await writeFile(join(guest.home, 'actions-runner', 'run.sh'), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
}

async function start(more?: Record<string, string>) {
  await writeFile(join(guest.home, 'berth-jitconfig'), `${JIT}\n`, { mode: 0o600 });
  return inGuest(GUEST_START, more);
}

async function state(): Promise<GuestState> {
  const { stdout } = await inGuest(GUEST_STATE);
  const parsed = parseGuestState(stdout);
  if (parsed === undefined) throw new Error(`not a state: ${stdout}`);
  return parsed;
}

describe('the guest program', () => {
  it('starts the runner with the JIT config in its environment and removes the file', async () => {
    await putProgram();
    await putRunner(`printf %s "$ACTIONS_RUNNER_INPUT_JITCONFIG" >"$HOME/seen"; ${UNTIL_GO}`);
    expect(await start()).toMatchObject({ exitCode: 0 });
    await eventually(async () => expect(await inHome('seen')).toBe(JIT));
    expect(await isThere('berth-jitconfig')).toBe(false);
    expect(await state()).toEqual({ jobStarted: null, jobCompleted: false, exitCode: null });
  });

  it('tells the exit code of the runner', async () => {
    await putProgram();
    await putRunner('exit 7');
    await start();
    await eventually(async () => expect((await state()).exitCode).toBe(7));
  });

  it('keeps the JIT config out of every argument list, log and file', async () => {
    await putProgram();
    await putRunner(`echo running; ${UNTIL_GO}`);
    const { stdout, stderr } = await start();
    const { stdout: processes } = await execa('ps', ['-eww', '-o', 'args']);
    expect(processes).toContain('supervise');
    const files = await readdir(join(guest.home, '.berth'));
    const texts = await Promise.all(files.map((file) => inHome(join('.berth', file))));
    for (const text of [stdout, stderr, processes, ...texts]) expect(text).not.toContain(JIT);
    expect(await inHome('.berth/runner.log')).toContain('running');
  });

  it('leaves the runner alone when the command that started it is killed with its whole process group', async () => {
    await putProgram();
    await putRunner(`${UNTIL_GO}; exit 3`);
    await writeFile(join(guest.home, 'berth-jitconfig'), JIT, { mode: 0o600 });
    // The session lives on after the start, as a connection to a guest may.
    const session = spawn('bash', ['-c', `${GUEST_START}; sleep 60`], {
      cwd: guest.home,
      env: environment(),
      detached: true,
      stdio: 'ignore',
    });
    await eventually(async () => expect(await isThere('.berth/runner.pid')).toBe(true));
    killGroup(session.pid ?? 0);
    expect((await state()).exitCode).toBeNull();
    await go();
    await eventually(async () => expect((await state()).exitCode).toBe(3));
  });

  it('notes by its hooks which job started, and that it completed', async () => {
    await putProgram();
    await putRunner(
      `export GITHUB_REPOSITORY=acme/ios GITHUB_RUN_ID=42; bash "$ACTIONS_RUNNER_HOOK_JOB_STARTED" || exit 9; ${UNTIL_GO}; bash "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"`,
    );
    await start();
    const jobStarted = { owner: 'acme', repo: 'ios', runId: 42 };
    await eventually(async () => expect(await state()).toEqual({ jobStarted, jobCompleted: false, exitCode: null }));
    await go();
    await eventually(async () => expect(await state()).toEqual({ jobStarted, jobCompleted: true, exitCode: 0 }));
  });

  it.each(['; rm -rf / 1', 'acme/ios"} 1', 'acme/ios x', 'acme/ios/more 3', 'acme/ios 0'])(
    'says nothing about a job when the note is not one: %s',
    async (note) => {
      await putProgram();
      await mkdir(join(guest.home, '.berth'));
      await writeFile(join(guest.home, '.berth', 'job-started'), `${note}\n`);
      expect((await state()).jobStarted).toBeNull();
    },
  );

  it("keeps the template's own hooks, from the environment and from the runner's .env, with their exit codes", async () => {
    await putProgram();
    await putRunner(
      'bash "$ACTIONS_RUNNER_HOOK_JOB_STARTED"; echo $? >"$HOME/started-code"; bash "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"; echo $? >"$HOME/completed-code"',
    );
    await writeFile(join(guest.home, 'own-started.sh'), 'echo started >>"$HOME/own"; exit 5');
    await writeFile(join(guest.home, 'own completed.sh'), 'echo completed >>"$HOME/own"');
    await writeFile(
      join(guest.home, 'actions-runner', '.env'),
      `LANG=C\nACTIONS_RUNNER_HOOK_JOB_COMPLETED=${join(guest.home, 'own completed.sh')}\nOTHER=1\n`,
    );
    await start({ ACTIONS_RUNNER_HOOK_JOB_STARTED: join(guest.home, 'own-started.sh') });
    await eventually(async () => expect((await state()).exitCode).toBe(0));
    expect(await inHome('own')).toBe('started\ncompleted\n');
    expect(await inHome('started-code')).toBe('5\n');
    expect(await inHome('completed-code')).toBe('0\n');
    expect(await inHome('actions-runner/.env')).toBe('LANG=C\nOTHER=1\n');
    expect((await state()).jobCompleted).toBe(true);
  });

  it('runs scripts that the operator put in place of the shipped ones, one by one', async () => {
    await replace('install-runner.bash', 'mkdir -p "$HOME/actions-runner"; echo installed >"$HOME/installed"');
    await replace('start-runner.bash', 'echo own start >"$HOME/started"; exit 4');
    await putProgram();
    expect(await start()).toMatchObject({ exitCode: 0 });
    await eventually(async () => expect((await state()).exitCode).toBe(4));
    expect(await inHome('installed')).toBe('installed\n');
    expect(await inHome('started')).toBe('own start\n');
  });

  it('waits for a runner that a replaced script left in the background', async () => {
    await replace('start-runner.bash', `( ${UNTIL_GO} ) & echo $! >"$HOME/daemon"; exit 0`);
    await putRunner('exit 0');
    await putProgram();
    await start();
    await eventually(async () => expect(await isThere('daemon')).toBe(true));
    const { stdout } = await inGuest(`${GUEST_WATCH} & sleep 1.2; kill $!`);
    expect(stdout.split('\n').map((line) => parseGuestState(line)?.exitCode)).toEqual([null]);
    await go();
    await eventually(async () => expect((await state()).exitCode).toBe(0));
  });

  it('waits for a runner that a replaced script left to svc.sh', async () => {
    await putRunner('exit 0');
    await writeFile(join(guest.home, 'actions-runner', '.service'), 'x');
    await writeFile(
      join(guest.home, 'actions-runner', 'svc.sh'),
      '#!/bin/bash\necho asked >>"$HOME/asked"; if [ -f "$HOME/go" ]; then echo Stopped; else echo "Started:"; fi\n',
      { mode: 0o755 },
    );
    await replace('start-runner.bash', 'exit 0');
    await putProgram();
    await start();
    await eventually(async () => expect((await inHome('asked')).split('\n').length).toBeGreaterThan(2));
    expect((await state()).exitCode).toBeNull();
    await go();
    await eventually(async () => expect((await state()).exitCode).toBe(0));
  });

  it('prints each change once while it watches, and ends with the runner', async () => {
    await putProgram();
    await putRunner(
      `export GITHUB_REPOSITORY=a/b GITHUB_RUN_ID=1; ${UNTIL_GO}; bash "$ACTIONS_RUNNER_HOOK_JOB_STARTED"; sleep 0.6; exit 2`,
    );
    await start();
    const watch = inGuest(GUEST_WATCH);
    const lines: string[] = [];
    for await (const line of watch) {
      if (lines.push(line) === 1) await go();
    }
    expect(lines.map((line) => parseGuestState(line))).toEqual([
      { jobStarted: null, jobCompleted: false, exitCode: null },
      { jobStarted: { owner: 'a', repo: 'b', runId: 1 }, jobCompleted: false, exitCode: null },
      { jobStarted: { owner: 'a', repo: 'b', runId: 1 }, jobCompleted: false, exitCode: 2 },
    ]);
  });

  it('tells an end also when the supervisor was killed', async () => {
    await putProgram();
    await putRunner(UNTIL_GO);
    await start();
    process.kill(Number(await inHome('.berth/supervisor.pid')), 'SIGKILL');
    await eventually(async () => expect((await state()).exitCode).toBe(137));
  });

  it('fails with a code of its own, and the last lines, when the installation fails', async () => {
    await replace('install-runner.bash', 'echo "curl: (6) no such host" >&2; exit 6');
    await putProgram();
    const { exitCode, stderr } = await start();
    expect(exitCode).toBe(INSTALL_FAILED);
    expect(stderr).toContain('curl: (6) no such host');
    expect(await isThere('berth-jitconfig')).toBe(false);
  });

  it('fails when there is no JIT config to take', async () => {
    await putProgram();
    await putRunner('exit 0');
    expect((await inGuest(GUEST_START)).exitCode).toBe(START_FAILED);
  });

  it('takes the place of a runner started before that has no job, and leaves one alone that has', async () => {
    await putProgram();
    await putRunner(
      'echo $$ >>"$HOME/pids"; if [ -f "$HOME/take" ]; then export GITHUB_REPOSITORY=a/b GITHUB_RUN_ID=1; bash "$ACTIONS_RUNNER_HOOK_JOB_STARTED"; fi; sleep 60',
    );
    const pids = async (): Promise<number[]> => (await inHome('pids')).trim().split('\n').map(Number);
    await start();
    await eventually(async () => expect(await pids()).toHaveLength(1));
    await writeFile(join(guest.home, 'take'), '');
    await start();
    await eventually(async () => expect((await state()).jobStarted).not.toBeNull());
    const [first, second] = await pids();
    expect(() => process.kill(first ?? 0, 0)).toThrow();
    const third = await start();
    expect(third).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('already') as string });
    expect(await pids()).toHaveLength(2);
    expect(process.kill(second ?? 0, 0)).toBe(true);
    expect(await isThere('berth-jitconfig')).toBe(false);
  });

  it('gives the job the umask of the guest, and signals that work', async () => {
    await putProgram();
    await putRunner('umask >"$HOME/umask"; trap "exit 11" HUP; kill -HUP $$; exit 0');
    await writeFile(join(guest.home, 'berth-jitconfig'), JIT, { mode: 0o600 });
    await inGuest(`umask 022; ${GUEST_START}`);
    await eventually(async () => expect((await state()).exitCode).toBe(11));
    expect(await inHome('umask')).toBe('0022\n');
  });

  it('lives through a hang-up', async () => {
    await putProgram();
    await putRunner(`${UNTIL_GO}; exit 3`);
    await start();
    process.kill(Number(await inHome('.berth/supervisor.pid')), 'SIGHUP');
    await go();
    await eventually(async () => expect((await state()).exitCode).toBe(3));
  });

  it('makes files that only their owner can read', async () => {
    await putProgram();
    await putRunner('exit 0');
    await start();
    await eventually(async () => expect((await state()).exitCode).toBe(0));
    for (const file of ['', 'runner.log', 'exit-code']) {
      expect((await stat(join(guest.home, '.berth', file))).mode & 0o077).toBe(0);
    }
  });
});
