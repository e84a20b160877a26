import { readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { FailureType } from '../../jobs/failures.js';
import { createAnkaProvider } from '../../providers/anka/anka.js';
import { runCommand } from '../../providers/anka/command.js';
import type { Provider } from '../../providers/provider.js';
import { eventually } from './eventually.js';
import { createFakeAnka } from './fake-anka.js';
import type { FakeAnka } from './fake-anka.js';

const fakes: FakeAnka[] = [];

afterEach(async () => {
  await Promise.all(fakes.splice(0).map((fake) => fake.remove()));
});

async function anka(script: string): Promise<{ provider: Provider; fake: FakeAnka }> {
  const fake = await createFakeAnka(script);
  fakes.push(fake);
  return { provider: createAnkaProvider({ path: fake.path }), fake };
}

const ok = (body: unknown): string => `echo '${JSON.stringify({ status: 'OK', body, message: '' })}'`;
const error = (code: number, message: string): string =>
  `echo '${JSON.stringify({ status: 'ERROR', code, body: {}, message })}'; exit ${code % 256}`;

const T = 'a6f24306-2af7-45ed-9d70-3a3c1ee7f03a';
const nothing = (): void => undefined;
const typed = (type: FailureType) => expect.objectContaining({ name: 'ProviderError', type }) as unknown;

describe('the anka provider', () => {
  it('lists templates and VMs with their states in one command', async () => {
    const body = [
      { name: '12.2.0-arm', uuid: 'u1', version: 'vanilla', status: 'stopped', creation_date: '2022-01-06T12:34:52Z' },
      { name: 'vm', uuid: 'u2', status: 'running' },
      { name: 'odd', uuid: 'u3', status: 'melting' },
    ];
    const { provider, fake } = await anka(ok(body));
    expect(await provider.list()).toEqual([
      { name: '12.2.0-arm', uuid: 'u1', tag: 'vanilla', status: 'stopped' },
      { name: 'vm', uuid: 'u2', status: 'running' },
      { name: 'odd', uuid: 'u3', status: 'unknown' },
    ]);
    expect(await fake.calls()).toEqual([['-j', 'list']]);
  });

  it.each([[[]], [{}], [null], [undefined]])('takes %j for an empty library', async (body) => {
    const { provider } = await anka(ok(body));
    expect(await provider.list()).toEqual([]);
  });

  it('reads the last line only, and never standard error', async () => {
    const { provider } = await anka(`echo 'progress 10'; echo '{"status":"ERROR"}' >&2; ${ok([])}; echo; echo '  '`);
    expect(await provider.list()).toEqual([]);
  });

  it('tells the local tag of a template', async () => {
    const { provider, fake } = await anka(ok([{ name: 't', uuid: T, version: 'v2', status: 'suspended' }]));
    expect(await provider.localTag(T)).toEqual({ tag: 'v2' });
    expect(await fake.calls()).toEqual([['-j', 'list', T]]);
  });

  it.each([
    ['missing', error(3, `${T}: not found`)],
    ['broken', ok([{ name: 't', uuid: T, version: 'v2', status: 'failed' }])],
    ['nowhere', ok([])],
  ])('has no local tag for a template that is %s', async (_, script) => {
    const { provider } = await anka(script);
    expect(await provider.localTag(T)).toBeUndefined();
  });

  it.each([
    [
      'v1',
      undefined,
      [
        ['registry', 'show', T, '--tag', 'v1'],
        ['registry', 'pull', '--shrink', T, '--tag', 'v1'],
      ],
    ],
    [
      'latest',
      undefined,
      [
        ['registry', 'show', T],
        ['registry', 'pull', '--shrink', T],
      ],
    ],
    [
      'v1',
      'https://reg:8089',
      [
        ['registry', '--remote', 'https://reg:8089', 'show', T, '--tag', 'v1'],
        ['registry', '--remote', 'https://reg:8089', 'pull', '--shrink', T, '--tag', 'v1'],
      ],
    ],
  ])('asks the registry for tag %s, then pulls it (registry %s)', async (tag, registry, calls) => {
    const { provider, fake } = await anka(`echo '{"status":"OK","body":{"percent":40}}'; ${ok({})}`);
    const seen: unknown[] = [];
    const pids: number[] = [];
    const onProcess = (pid: number): unknown => pids.push(pid);
    await provider.pull({ template: T, tag }, registry, (progress) => seen.push(progress), { onProcess });
    expect(await fake.calls()).toEqual(calls.map((call) => ['-j', ...call]));
    expect(seen).toEqual([{ percent: 40 }]);
    expect(pids, 'the process of the pull, and no other').toEqual([expect.any(Number)]);
  });

  it.each<[string, string, FailureType, number]>([
    ['the registry does not know it', error(3, 'not found'), 'TemplateNotFound', 1],
    ['the registry cannot be found', error(1, 'host not found: registry'), 'RegistryUnavailable', 1],
    ['the registry answers nonsense', 'echo oops', 'RegistryUnavailable', 1],
    [
      'the pull breaks',
      `case "$*" in *pull*) ${error(1, 'connection reset by peer')};; esac; ${ok({})}`,
      'TemplatePullFailed',
      2,
    ],
    [
      'the pull says not found',
      `case "$*" in *pull*) ${error(3, 'not found')};; esac; ${ok({})}`,
      'TemplatePullFailed',
      2,
    ],
    [
      'the disk is full',
      `case "$*" in *pull*) ${error(1, 'No space left on device')};; esac; ${ok({})}`,
      'DiskFull',
      2,
    ],
  ])('classifies a pull when %s', async (_, script, type, calls) => {
    const { provider, fake } = await anka(script);
    await expect(provider.pull({ template: T, tag: 'v1' }, undefined, nothing)).rejects.toEqual(typed(type));
    expect(await fake.calls()).toHaveLength(calls);
  });

  it.each<[string, (provider: Provider) => Promise<unknown>, string[]]>([
    ['clone', (p) => p.clone({ template: T, tag: 'v1' }, 'vm'), ['clone', T, 'vm']],
    ['start', (p) => p.start('vm'), ['start', 'vm']],
    ['copy', (p) => p.copyIn('vm', '/tmp/a file'), ['cp', '-a', '/tmp/a file', 'vm:']],
    ['delete', (p) => p.destroy('vm'), ['delete', '--yes', 'vm']],
  ])('runs %s as an argument array', async (_, call, args) => {
    const { provider, fake } = await anka(ok({}));
    await call(provider);
    expect(await fake.calls()).toEqual([['-j', ...args]]);
  });

  it.each<[string, string, FailureType]>([
    ['not found', error(3, 'vm: not found'), 'VmGone'],
    ['name exists', error(18, 'vm already exists'), 'CommandFailed'],
    ['the limit of Anka', error(1, 'maximum number of running instances exceeded'), 'VmLimit'],
    ['the limit of Apple', error(1, 'The number of virtual machines exceeds the limit'), 'VmLimit'],
    ['a locked keychain', error(1, 'Failed to generate keypair (-25308)'), 'HostBroken'],
    ['no licence', error(1, 'License has expired'), 'HostBroken'],
    ['no licence, said on standard error', 'echo "license expired" >&2; exit 1', 'HostBroken'],
    ['a guest that does not answer', error(1, 'communication timeout'), 'GuestUnreachable'],
    ['anything else', error(1, 'disk I/O error'), 'CommandFailed'],
    ['no output', 'exit 1', 'BadOutput'],
    ['not JSON', 'echo starting', 'BadOutput'],
    ['JSON that is no envelope', 'echo 17', 'BadOutput'],
    ['OK with an exit code', `${ok({})}; exit 4`, 'CommandFailed'],
    ['an error without an exit code', `echo '{"status":"ERROR","code":9,"message":"no"}'`, 'CommandFailed'],
  ])('classifies a start that failed by %s', async (_, script, type) => {
    const { provider } = await anka(script);
    await expect(provider.start('vm')).rejects.toEqual(typed(type));
  });

  it('tells what a pull would take, and the size of the disk that the VM library is on', async () => {
    const size = ok({ size: 40e9, cached: 15e9, available: 100e9 });
    const { provider, fake } = await anka(`case "$*" in pull*) ${size};; *) ${ok({ vm_lib_dir: '/' })};; esac`);
    const answer = await provider.pullSize({ template: T, tag: 'v1' }, 'https://reg:8089');
    expect(answer).toMatchObject({ bytes: 25e9, availableBytes: 100e9 });
    const { blocks, bsize } = await statfs('/');
    expect(answer?.diskBytes).toBe(Math.max(blocks * bsize, 100e9));
    expect(await fake.calls()).toEqual([
      ['-j', 'pull', T, '--check-download-size', '--tag', 'v1', 'https://reg:8089'],
      ['-j', 'config', 'vm_lib_dir'],
    ]);
  });

  it('has nothing to download for a template that is here', async () => {
    const { provider, fake } = await anka(ok({}));
    expect(await provider.pullSize({ template: T, tag: 'latest' }, undefined)).toBeUndefined();
    expect(await fake.calls()).toEqual([['-j', 'pull', T, '--check-download-size']]);
  });

  it('takes what is free for the whole disk where the library cannot be found', async () => {
    const size = ok({ size: 1, available: 7e15 });
    const { provider } = await anka(`case "$*" in pull*) ${size};; *) ${error(1, 'no such parameter')};; esac`);
    expect(await provider.pullSize({ template: T, tag: 'v1' }, undefined)).toMatchObject({ bytes: 1, diskBytes: 7e15 });
  });

  it.each([
    ['has it', ok({}), true],
    ['has it not', error(3, 'not found'), false],
  ])('asks whether a registry %s', async (_, script, expected) => {
    const { provider, fake } = await anka(script);
    expect(await provider.hasInRegistry({ template: T, tag: 'v1' }, undefined)).toBe(expected);
    expect(await fake.calls()).toEqual([['-j', 'registry', 'show', T, '--tag', 'v1']]);
  });

  it('does not take a registry that is away for one that lacks a template', async () => {
    const { provider } = await anka(error(1, 'connection refused'));
    const asked = provider.hasInRegistry({ template: T, tag: 'v1' }, undefined);
    await expect(asked).rejects.toEqual(typed('RegistryUnavailable'));
  });

  it('tells what a template takes of the disk, and removes one by its id', async () => {
    const { provider, fake } = await anka(ok({ cpu_cores: 4, ram_size: 8e9, image_size: 19e9 }));
    expect(await provider.sizeOf(T)).toEqual({ cpus: 4, memoryBytes: 8e9, imageBytes: 19e9 });
    await provider.removeTemplate(T);
    expect(await fake.calls()).toEqual([
      ['-j', 'show', T],
      ['-j', 'delete', '--yes', T],
    ]);
  });

  it('mounts a folder under its own name or another', async () => {
    const { provider, fake } = await anka(ok({}));
    await provider.mount('vm', '/opt/cache', undefined);
    await provider.mount('vm', '/opt/cache', 'warm');
    expect(await fake.calls()).toEqual([
      ['-j', 'mount', 'vm', '/opt/cache'],
      ['-j', 'mount', 'vm', '/opt/cache:warm'],
    ]);
    const { provider: broken } = await anka(error(1, 'no such folder'));
    await expect(broken.mount('vm', '/opt', undefined)).rejects.toEqual(typed('MountFailed'));
  });

  it('takes a missing VM for deleted', async () => {
    const { provider } = await anka(error(3, 'vm: not found'));
    expect(await provider.destroy('vm')).toEqual({ existed: false });
  });

  it('says what to do when anka is not installed', async () => {
    const provider = createAnkaProvider({ path: '/nowhere/anka' });
    await expect(provider.list()).rejects.toEqual(typed('ToolMissing'));
    expect((await provider.probe()).problems).toEqual([expect.stringContaining('install it')]);
  });

  it.each<[string, string, string[]]>([
    ['all is well', ok({ status: 'valid', license_type: 'com.veertu.anka.entplus' }), []],
    ['the licence is over', ok({ status: 'expired' }), ['expired']],
    ['the licence is too small', ok({ status: 'valid', license_type: 'com.veertu.anka.develop' }), ['develop']],
    ['there is none', error(1, 'no license'), ['no license']],
  ])('probes version and licence when %s', async (_, licence, problems) => {
    const { provider } = await anka(
      `case "$1" in version) ${ok({ version: '3.9.1', build: '2' })};; *) ${licence};; esac`,
    );
    const info = await provider.probe();
    expect(info).toMatchObject({ kind: 'anka', version: '3.9.1' });
    expect(info.problems).toEqual(problems.map((text) => expect.stringContaining(text) as string));
  });

  it('inherits the whole environment of the agent', async () => {
    process.env['BERTH_TEST_SEES'] = 'yes';
    const { provider } = await anka('[ "$BERTH_TEST_SEES" = yes ] && ' + ok([]));
    expect(await provider.list()).toEqual([]);
    delete process.env['BERTH_TEST_SEES'];
  });
});

describe('a command in the guest', () => {
  it('gets one constant, without -j, and its lines and exit code come back', async () => {
    const { provider, fake } = await anka('shift 2; "$@"; exit $?');
    const lines: string[] = [];
    const command = 'echo one; echo "two  words"; echo oops >&2; printf three; exit 7';
    const result = await provider.run('vm', command, { timeoutMs: 5_000, onLine: (line) => lines.push(line) });
    expect(result).toEqual({ exitCode: 7, stderrTail: 'oops\n' });
    expect(lines).toEqual(['one', 'two  words', 'three']);
    expect(await fake.calls()).toEqual([['run', 'vm', 'bash', '-c', command]]);
  });

  it.each<[string, string, FailureType]>([
    ['the connection is lost', 'exit 125', 'GuestUnreachable'],
    ['the command is killed', 'kill -9 $$', 'GuestUnreachable'],
    ['the guest does not answer', 'echo "communication timeout" >&2; exit 1', 'GuestUnreachable'],
    ['there is no such VM', 'echo "vm: not found" >&2; exit 3', 'VmGone'],
  ])('is classified when %s', async (_, script, type) => {
    const { provider } = await anka(script);
    await expect(provider.run('vm', 'true', { timeoutMs: 5_000 })).rejects.toEqual(typed(type));
  });

  it('keeps the last 4 kB of standard error', async () => {
    const { provider } = await anka('head -c 100000 /dev/zero | tr "\\0" x >&2; echo end >&2; exit 1');
    const { stderrTail } = await provider.run('vm', 'true', { timeoutMs: 5_000 });
    expect(stderrTail).toHaveLength(4096);
    expect(stderrTail.endsWith('end\n')).toBe(true);
  });

  it('ends though something it left in the background keeps its output open', async () => {
    const { provider, fake } = await anka('sleep 30 & echo $! >"$FOLDER/left"; echo first; exit 7');
    const lines: string[] = [];
    const result = await provider.run('vm', 'true', { timeoutMs: 10_000, onLine: (line) => lines.push(line) });
    expect(result.exitCode).toBe(7);
    expect(lines).toEqual(['first']);
    process.kill(Number(await readFile(join(fake.folder, 'left'), 'utf8')));
  });

  it('is aborted though its background keeps its output open', async () => {
    const { provider, fake } = await anka('sleep 30 & echo $! >"$FOLDER/left"; wait');
    const abort = new AbortController();
    const running = provider.run('vm', 'true', { timeoutMs: 0, signal: abort.signal });
    const left = await eventually(async () => {
      const text = await readFile(join(fake.folder, 'left'), 'utf8');
      expect(text).not.toBe('');
      return Number(text);
    });
    abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    process.kill(left);
  });

  it('ends at its time limit', async () => {
    const { provider } = await anka('exec sleep 30');
    await expect(provider.run('vm', 'true', { timeoutMs: 100 })).rejects.toEqual(typed('CommandTimeout'));
  });

  it('ends when aborted, with the reason of the abort', async () => {
    const { provider, fake } = await anka('echo $$ >"$FOLDER/pid"; exec sleep 30');
    const abort = new AbortController();
    const reason = new Error('enough');
    const running = provider.run('vm', 'true', { timeoutMs: 0, signal: abort.signal });
    const pid = await eventually(async () => {
      const text = await readFile(join(fake.folder, 'pid'), 'utf8');
      expect(text).not.toBe('');
      return Number(text);
    });
    abort.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(() => process.kill(pid, 0)).toThrow();
    await expect(provider.list({ signal: abort.signal })).rejects.toBe(reason);
  });
});

describe('a delete', () => {
  it('is left to itself at its limit', async () => {
    const { fake } = await anka('while [ ! -f "$FOLDER/go" ]; do sleep 0.02; done; echo done >"$FOLDER/done"');
    const call = runCommand(fake.path, ['-j', 'delete', '--yes', 'vm'], {
      timeoutMs: 2_000,
      isLeftAlone: true,
      signal: AbortSignal.timeout(50),
    });
    await expect(call).rejects.toEqual(typed('CommandTimeout'));
    await writeFile(join(fake.folder, 'go'), '');
    await eventually(async () => expect(await readFile(join(fake.folder, 'done'), 'utf8')).toBe('done\n'));
  });

  it('that goes on for as long again hangs, and is ended, be it deaf', async () => {
    const { fake } = await anka('trap "" TERM; echo $$ >"$FOLDER/pid"; while :; do sleep 0.02; done');
    const call = runCommand(fake.path, ['-j', 'delete', '--yes', 'vm'], { timeoutMs: 300, isLeftAlone: true });
    await expect(call).rejects.toEqual(typed('CommandTimeout'));
    const pid = Number(await readFile(join(fake.folder, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).not.toThrow();
    await eventually(() => expect(() => process.kill(pid, 0)).toThrow(), 20_000);
  });
});
