import { chmod, mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  TEMPLATE,
  anka,
  ask,
  begin,
  guestProcesses,
  newHost,
  startedVm,
  textOf,
  until,
  untilNoGuests,
} from './support.js';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'berth-anka-files-')));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const homeOf = (dir: string, vm: string): string => join(dir, 'library', vm, 'home');

describe('run', () => {
  it('hands on output, input and exit code of the guest, which sees its home and little else', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    process.env.BERTH_TEST_LEAK = 'must not be seen';
    const script = 'pwd; echo "$HOME"; echo "${BERTH_TEST_LEAK:-clean}"; cat; echo oops >&2; exit 42';
    const reply = await begin(host, ['run', 'a', 'bash', '-c', script], 'from outside').done;
    delete process.env.BERTH_TEST_LEAK;
    const home = homeOf(host.dir, 'a');
    expect(reply).toEqual({ code: 42, out: `${home}\n${home}\nclean\nfrom outside`, err: 'oops\n' });
  });

  it('takes a folder, variables and a file of variables', async () => {
    const host = await newHost({ templates: [{ ...TEMPLATE, files: { 'sub/x': { content: '' } } }] });
    await startedVm(host, 'a');
    await writeFile(join(folder, 'env'), 'TWO=b c\n# nothing\n');
    const options = ['-D', 'sub', '-e', 'ONE=a', '-f', join(folder, 'env')];
    const { out } = await anka(host, 'run', ...options, 'a', 'bash', '-c', 'echo "$ONE,$TWO,${PWD##*/}"');
    expect(out).toBe('a,b c,sub\n');
  });

  it('streams while the command runs', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    const { child, done } = begin(host, ['run', 'a', 'bash', '-c', 'echo first; until [ -e go ]; do sleep 0.01; done']);
    const first = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (data: Buffer) => resolve(data.toString())),
    );
    expect(first).toBe('first\n');
    expect(child.exitCode).toBeNull();
    await writeFile(join(homeOf(host.dir, 'a'), 'go'), '');
    expect((await done).code).toBe(0);
  });

  it('starts a stopped VM', async () => {
    const host = await newHost();
    await ask(host, 'clone', TEMPLATE.uuid, 'a');
    expect((await anka(host, 'run', 'a', 'true')).code).toBe(0);
    expect((await host.vms())[0]?.status).toBe('running');
  });

  it.each([
    ['nope', ['true'], 3],
    ['a', ['no-such-command'], 127],
    ['a', ['bash', '-c', 'kill -KILL $$'], 137],
  ])('of %s %j ends with %i', async (vm, command, code) => {
    const host = await newHost();
    await startedVm(host, 'a');
    expect((await anka(host, 'run', vm, ...command)).code).toBe(code);
  });

  it.each(['delete', 'stop', 'crash'])('ends with 125 when the guest goes by %s', async (way) => {
    const host = await newHost();
    await startedVm(host, 'a');
    const { done } = begin(host, ['run', 'a', 'bash', '-c', 'echo $$ > up; sleep 60']);
    await until(() => textOf(join(homeOf(host.dir, 'a'), 'up')));
    if (way === 'crash') await host.crashVm('a');
    else await ask(host, way, ...(way === 'delete' ? ['--yes'] : []), 'a');
    expect(await done).toMatchObject({ code: 125, err: 'a: connection to the guest lost\n' });
    expect((await ask(host, 'list', '-r')).body).toEqual([]);
  });

  it('leaves the command running in the guest when its own process is killed, and is logged when it could be', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    const { child, done } = begin(host, ['run', 'a', 'bash', '-c', 'exec >/dev/null 2>&1; echo $$ > up; sleep 60']);
    await until(() => textOf(join(homeOf(host.dir, 'a'), 'up')));
    child.kill('SIGTERM');
    expect((await done).code).toBe(143);
    expect(await guestProcesses(host)).not.toEqual([]);
    expect((await host.commands()).at(-1)).toMatchObject({ exit: 143 });
  });

  it('lets a signal reach what runs in the guest', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    const { code, out } = await anka(host, 'run', 'a', 'bash', '-c', 'trap "echo caught" INT; kill -INT $$; exit 4');
    expect({ code, out }).toEqual({ code: 4, out: 'caught\n' });
  });
});

describe('the end of a VM', () => {
  const detached = [
    'setsid nohup sleep 61 >/dev/null 2>&1 </dev/null &',
    '(setsid bash -c "cd /; sleep 62 & sleep 63" >/dev/null 2>&1 </dev/null &)',
    'set -m; sleep 64 >/dev/null 2>&1 </dev/null & disown',
    'echo ready',
  ].join('\n');

  it.each(['delete', 'stop', 'crash', 'destroy'])('takes all that its guest detached along: %s', async (way) => {
    const host = await newHost();
    await startedVm(host, 'a');
    await startedVm(host, 'b');
    for (const vm of ['a', 'b']) expect((await anka(host, 'run', vm, 'bash', '-c', detached)).out).toBe('ready\n');
    await until(async () => (await guestProcesses(host)).length >= 10);
    if (way === 'destroy') await host.destroy();
    else if (way === 'crash') await host.crashVm('a');
    else await ask(host, way, ...(way === 'delete' ? ['--yes'] : []), 'a');
    // Exactly the other VM's are left: it is not touched.
    const left = way === 'destroy' ? 0 : 5;
    await until(async () => (await guestProcesses(host)).length === left);
  });

  it('lets nothing begin in a VM that is being deleted', async () => {
    const host = await newHost({ vmLimit: 10 });
    await startedVm(host, 'a');
    const runs = Array.from({ length: 10 }, () => anka(host, 'run', 'a', 'bash', '-c', 'sleep 60'));
    const deletion = ask(host, 'delete', '--yes', 'a');
    expect((await deletion).status).toBe('OK');
    // By how far the delete is when a command begins: its VM is broken, gone, or lost under it.
    for (const { code } of await Promise.all(runs)) expect([1, 3, 125]).toContain(code);
    await untilNoGuests(host);
  });

  it('freezes a suspended guest and thaws it again', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    const ticker = 'i=0; while :; do i=$((i+1)); echo $i > tick; sleep 0.01; done';
    await anka(host, 'run', 'a', 'bash', '-c', `(${ticker}) >/dev/null 2>&1 </dev/null &`);
    const tick = (): Promise<string | undefined> => textOf(join(homeOf(host.dir, 'a'), 'tick'));
    await until(tick);
    await ask(host, 'suspend', 'a');
    // A signal is acted on when its process is next on a processor.
    await until(async () => {
      const pids = await guestProcesses(host);
      const states = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8')));
      return states.every((text) => /\) [TZ] /.test(text));
    });
    const frozen = await tick();
    await ask(host, 'start', 'a');
    await until(async () => (await tick()) !== frozen);
  });
});

describe('cp', () => {
  it('copies files and folders both ways and keeps their modes', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    await mkdir(join(folder, 'tree/inner'), { recursive: true });
    await writeFile(join(folder, 'tree/inner/tool'), 'tool');
    await writeFile(join(folder, 'secret'), 'secret');
    await chmod(join(folder, 'tree/inner/tool'), 0o750);
    await chmod(join(folder, 'secret'), 0o600);
    for (const [from, to] of [
      ['secret', 'a:'],
      ['secret', 'a:renamed'],
      ['secret', 'a:/Users/anka/absolute'],
      ['tree', 'a:'],
    ]) {
      expect((await ask(host, 'cp', '-a', join(folder, from ?? ''), to ?? '')).status, to).toBe('OK');
    }
    const home = homeOf(host.dir, 'a');
    expect((await readdir(home)).sort()).toEqual(['absolute', 'renamed', 'secret', 'tree']);
    expect((await stat(join(home, 'renamed'))).mode & 0o777).toBe(0o600);
    await ask(host, 'cp', '-a', 'a:/Users/anka/tree', join(folder, 'back'));
    expect((await stat(join(folder, 'back/inner/tool'))).mode & 0o777).toBe(0o750);
  });

  it.each(['a:/etc/berth-test', 'a:../../../outside'])('does not write outside of the home: %s', async (target) => {
    const host = await newHost();
    await startedVm(host, 'a');
    await writeFile(join(folder, 'x'), 'x');
    expect(await ask(host, 'cp', '-a', join(folder, 'x'), target)).toMatchObject({ status: 'ERROR', exit: 1 });
  });
});

describe('mount', () => {
  it('shows a folder of the host in the guest, and leaves it whole when the VM goes', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    await writeFile(join(folder, 'shared'), 'shared');
    expect((await ask(host, 'mount', 'a', `${folder}:work`)).status).toBe('OK');
    expect((await anka(host, 'run', 'a', 'cat', 'My Shared Files/work/shared')).out).toBe('shared');
    await ask(host, 'delete', '--yes', 'a');
    expect(await textOf(join(folder, 'shared'))).toBe('shared');
  });

  it('is not there before 3.9', async () => {
    const host = await newHost({ version: '3.8.2' });
    await startedVm(host, 'a');
    expect((await ask(host, 'mount', 'a', folder)).message).toContain("No such command 'mount'");
  });
});
