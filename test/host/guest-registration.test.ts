import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, it } from 'vitest';
import { GUEST_START, GUEST_STATE, REGISTER_FAILED, START_FAILED, guestProgram } from '../../agent/guest-files.js';
import { parseGuestState } from '../../agent/guest-state.js';
import { eventually } from './eventually.js';
import { UNTIL_GO, useGuestHome } from './guest-home.js';

const TOKEN = 'AABF3JGZDX3P5PMEXLND6TS6FCWO6';
const NAME = 'berth-42-1-0a1b';
const URL = 'https://github.com/acme';
const LABELS = 'macOS,size[xl],~night,#1,two words,$(touch spliced),-beta';

const guest = useGuestHome();
const { go, inGuest, inHome, isThere, replace } = guest;

beforeEach(async () => {
  await mkdir(join(guest.home, 'actions-runner'));
  await inRunner('config.sh', 'printf "%s\\n" "$@" >"$HOME/arguments"; touch .runner');
  await inRunner('run.sh', 'env >"$HOME/environment"; ls -A "$HOME" >"$HOME/listing"; exit 7');
});

/** Whether a process of this group does anything; one that ended may wait for a parent that died, too. */
async function isRunning(group: number): Promise<boolean> {
  const { stdout } = await execa('ps', ['-eo', 'pgid=,stat=']);
  return stdout.split('\n').some((line) => new RegExp(`^\\s*${group}\\s+[^Z]`).test(line));
}

const inRunner = (file: string, script: string): Promise<void> =>
  writeFile(join(guest.home, 'actions-runner', file), `#!/bin/bash\n${script}\n`, { mode: 0o755 });

interface Start {
  readonly group?: string;
  readonly env?: Record<string, string>;
  /** Changes the program, where a test cannot wait as long as it does. */
  readonly change?: (program: string) => string;
}

/** What the agent does: both files, then the command. */
async function start({ group = '', env = {}, change = (program) => program }: Start = {}) {
  await writeFile(join(guest.home, 'berth-guest.bash'), change(await guestProgram(guest.plugins)), { mode: 0o600 });
  const lines = [NAME, TOKEN, URL, LABELS, group];
  await writeFile(join(guest.home, 'berth-registration'), `${lines.join('\n')}\n`, { mode: 0o600 });
  return inGuest(GUEST_START, env);
}

const state = async () => parseGuestState((await inGuest(GUEST_STATE)).stdout);
const untilEnded = () => eventually(async () => expect((await state())?.exitCode).toBe(7));

describe('registration by token, in the guest', () => {
  it('gives every value to config.sh as it is, and then starts the runner', async () => {
    expect(await start({ group: 'Macs in Berlin' })).toMatchObject({ exitCode: 0 });
    await untilEnded();
    const given = (await inHome('arguments')).trim().split('\n');
    const valueOf = (option: string): string | undefined => given[given.indexOf(option) + 1];
    expect(['--name', '--url', '--token', '--labels', '--runnergroup'].map(valueOf)).toEqual([
      NAME,
      URL,
      TOKEN,
      LABELS,
      'Macs in Berlin',
    ]);
    for (const flag of ['--unattended', '--ephemeral', '--disableupdate', '--no-default-labels', '--replace']) {
      expect(given).toContain(flag);
    }
    expect(await isThere('spliced')).toBe(false);
    expect(await isThere('actions-runner/spliced')).toBe(false);
  });

  it('names no group where none is given', async () => {
    await start();
    await untilEnded();
    expect(await inHome('arguments')).not.toContain('--runnergroup');
  });

  it('gives a script in its place the same arguments', async () => {
    await replace('register-runner.bash', 'printf "%s|" "$#" "$@" >"$HOME/arguments"');
    await start({ group: 'Macs' });
    await untilEnded();
    expect(await inHome('arguments')).toBe(`5|${NAME}|${TOKEN}|${URL}|${LABELS}|Macs|`);
    await start();
    await eventually(async () => expect(await inHome('arguments')).toBe(`4|${NAME}|${TOKEN}|${URL}|${LABELS}|`));
  });

  it('leaves nothing of the token to the job: no file, no variable, not what the script printed', async () => {
    await replace('register-runner.bash', 'set -x; echo "token is $2."; : "$@"');
    // Variables of these names that the guest exports would carry on what is put into them.
    const { stdout, stderr } = await start({ env: { REG_TOKEN: 'x', TOKEN: 'x', JIT: 'x', token: 'x' } });
    await untilEnded();
    expect(await inHome('.berth/register.log')).toContain('token is [secret].');
    const files = (await readdir(guest.home, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
    const texts = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')));
    for (const text of [stdout, stderr, ...texts]) expect(text).not.toContain(TOKEN);
    expect(await inHome('listing')).not.toContain('berth-registration');
    expect(await inHome('environment')).not.toContain('ACTIONS_RUNNER_INPUT_JITCONFIG');
  });

  it('fails with a code of its own and the last lines, without the token, and starts nothing', async () => {
    await replace('register-runner.bash', 'echo "Http response code: NotFound for $2" >&2; exit 3');
    const { exitCode, stderr } = await start();
    expect(exitCode).toBe(REGISTER_FAILED);
    expect(stderr).toContain('NotFound for [secret]');
    expect(stderr).toContain('register-runner.bash ended with exit code 3');
    expect(stderr).not.toContain(TOKEN);
    expect(await isThere('berth-registration')).toBe(false);
    expect(await isThere('environment')).toBe(false);
  });

  it('ends a script that hangs, with all it started', async () => {
    await replace('register-runner.bash', 'echo $$ >"$HOME/pid"; sleep 600 & sleep 600');
    const change = (program: string): string => program.replace('REGISTER_WITHIN=180', 'REGISTER_WITHIN=1');
    const { exitCode, stderr } = await start({ change });
    expect(exitCode).toBe(REGISTER_FAILED);
    expect(stderr.trim()).toBe('berth: register-runner.bash was killed (it may take 1 s)');
    const pid = Number(await inHome('pid'));
    await eventually(async () => expect(await isRunning(pid)).toBe(false));
  });

  it('forgets an earlier configuration of the runner, which would be in the way', async () => {
    await inRunner('config.sh', '[ ! -e .runner ] && [ ! -e .credentials ] || exit 1');
    await inRunner('.runner', '');
    await inRunner('.credentials', '');
    expect(await start()).toMatchObject({ exitCode: 0 });
  });

  it('ends a start before it that still registers', async () => {
    await replace(
      'register-runner.bash',
      `echo $$ >>"$HOME/pids"; if mkdir "$HOME/first"; then ${UNTIL_GO}; touch "$HOME/late"; fi`,
    );
    const first = start();
    await eventually(async () => expect(await isThere('first')).toBe(true));
    expect(await start()).toMatchObject({ exitCode: 0 });
    await first;
    await untilEnded();
    const [pid = 0] = (await inHome('pids')).split('\n').map(Number);
    await eventually(async () => expect(await isRunning(pid)).toBe(false));
    await go();
    expect(await isThere('late')).toBe(false);
    expect(await isThere('.berth/start.pid')).toBe(false);
  });

  it('hands its hooks on to a runner that is run as a service', async () => {
    await inRunner('.env', 'LANG=C');
    await start();
    await untilEnded();
    await start();
    const env = (await inHome('actions-runner/.env')).trim().split('\n').slice(-2);
    expect(env).toEqual([
      `ACTIONS_RUNNER_HOOK_JOB_STARTED=${join(guest.home, '.berth/job-started.sh')}`,
      `ACTIONS_RUNNER_HOOK_JOB_COMPLETED=${join(guest.home, '.berth/job-completed.sh')}`,
    ]);
    expect((await inHome('actions-runner/.env')).match(/HOOK/g)).toHaveLength(2);
  });

  it("runs an operator's script that only knows the service, which a JIT runner cannot use", async () => {
    await replace('start-runner.bash', '[ -n "${ACTIONS_RUNNER_INPUT_JITCONFIG:-}" ] || : ./svc.sh; exit 7');
    await inRunner('run.sh', 'touch "$HOME/shipped"; exit 7');
    await start();
    await untilEnded();
    expect(await isThere('shipped')).toBe(false);
    await writeFile(join(guest.home, 'berth-jitconfig'), 'jit\n', { mode: 0o600 });
    await inGuest(GUEST_START);
    await eventually(async () => expect(await isThere('shipped')).toBe(true));
  });

  it.each(['', `${NAME}\n`])('fails when there is no token in its file: %j', async (text) => {
    await writeFile(join(guest.home, 'berth-guest.bash'), await guestProgram(guest.plugins));
    await writeFile(join(guest.home, 'berth-registration'), text);
    expect(await inGuest(GUEST_START)).toMatchObject({
      exitCode: START_FAILED,
      stderr: expect.stringContaining('is empty') as string,
    });
  });
});
