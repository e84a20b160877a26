import { describe, expect, it } from 'vitest';
import { TEMPLATE, anka, ask, newHost, startedVm } from './support.js';

const T = TEMPLATE.uuid;

describe('the pretend anka', () => {
  it('answers every command with its envelope and the exit code of its error', async () => {
    const host = await newHost({ registry: [TEMPLATE, { ...TEMPLATE, tag: 'v2' }] });
    const cases: readonly (readonly [string, number, string, unknown])[] = [
      ['version', 0, '', { version: '3.9.1' }],
      ['license show', 0, '', { status: 'valid', license_type: 'com.veertu.anka.entplus' }],
      ['config max_vms_allowed', 0, '', { max_vms_allowed: '2' }],
      ['config nonsense', 3, 'nonsense: not found', {}],
      [`list`, 0, '', [{ uuid: T, name: 'macos-15', version: 'v1', status: 'stopped' }]],
      [`list ${T}`, 0, '', [{ version: 'v1' }]],
      ['list nope', 3, 'nope: not found', {}],
      ['list -r', 0, '', []],
      [`show ${T}`, 0, '', { cpu_cores: 4, ram_size: 4294967296, ram: '4294967296', image_size: 19035295744 }],
      [`show ${T} tag`, 0, '', [{ tag: 'v1' }]],
      ['show nope', 3, 'nope: not found', {}],
      ['registry list', 0, '', [{ id: T, latest: 'v2' }]],
      [`registry --remote http://registry:8089 show ${T} --tag v1`, 0, '', { tag: 'v1', cpu_cores: 4 }],
      [`registry -r http://registry:8089 show ${T}`, 0, '', { tag: 'v2', name: 'macos-15' }],
      [`registry show ${T} --tag v9`, 3, `${T}:v9: not found`, {}],
      ['registry pull nope', 3, 'nope: not found', {}],
      [`pull ${T} --check-download-size --tag v1`, 0, `${T}: available locally`, {}],
      [`pull ${T} --check-download-size --tag v2 http://registry:8089`, 0, '', { size: 19035295744, cached: 0 }],
      [`clone ${T} a`, 0, '', {}],
      [`clone ${T} a`, 18, 'a: already exists', {}],
      ['clone nope b', 3, 'nope: not found', {}],
      [`clone -t v9 ${T} b`, 3, `${T}:v9: not found`, {}],
      ['show a tag', 0, '', []],
      ['list a', 0, '', [{ name: 'a', status: 'stopped' }]],
      ['suspend a', 1, 'a: VM is not running', {}],
      ['cp -a /etc/hostname a:', 1, 'a: VM is not running (stopped)', {}],
      ['mount a /tmp', 1, 'a: VM is not running (stopped)', {}],
      ['modify a cpu 6', 0, '', {}],
      ['modify a ram 8G', 0, '', {}],
      ['modify a disk -s 100G', 0, '', {}],
      ['start a', 0, '', { name: 'a', status: 'running' }],
      ['start a', 0, '', { status: 'running' }],
      ['start nope', 3, 'nope: not found', {}],
      [
        'show a',
        0,
        '',
        { cpu_cores: 6, ram_size: 8589934592, hard_drive: 107374182400, status: 'running', vnc_port: 5901 },
      ],
      ['modify a cpu 8', 1, 'a: VM must be stopped', {}],
      ['show a network', 0, '', { mode: 'shared' }],
      ['list --running', 0, '', [{ name: 'a' }]],
      ['list -f name -f status=running', 0, '', [{ name: 'a', status: 'running' }]],
      ['cp -a /nowhere/at-all a:', 1, 'No such file', {}],
      ['suspend a', 0, '', {}],
      ['list -f status=suspended -f name', 0, '', [{ name: 'a' }]],
      ['start a', 0, '', {}],
      ['stop a', 0, '', {}],
      ['list -s a', 0, '', [{ status: 'stopped' }]],
      ['delete a', 1, '--yes', {}],
      ['delete --yes a', 0, '', {}],
      ['delete --yes a', 3, 'a: not found', {}],
      ['nonsense', 2, 'nonsense', {}],
    ];
    for (const [line, code, message, body] of cases) {
      const reply = await ask(host, ...line.split(' '));
      expect.soft(reply.exit, line).toBe(code);
      expect.soft(reply.status, line).toBe(code === 0 ? 'OK' : 'ERROR');
      expect.soft(reply.code, line).toBe(code === 0 ? undefined : code);
      expect.soft(reply.message, line).toContain(message);
      if (Array.isArray(body)) expect.soft(reply.body, line).toHaveLength(body.length);
      expect.soft(reply.body, line).toMatchObject(body as object);
    }
  });

  it('prints one line of JSON on standard output, and nothing else, with -j', async () => {
    const host = await newHost({ registry: [{ ...TEMPLATE, tag: 'v2' }] });
    for (const args of [['list'], ['show', T], ['registry', 'pull', T], ['--debug', 'list']]) {
      const { out } = await anka(host, '--machine-readable', ...args);
      expect(out.trimEnd().split('\n')).toHaveLength(1);
      expect(JSON.parse(out)).toMatchObject({ status: 'OK' });
    }
  });

  it('writes for people without -j: results on standard output, errors on standard error', async () => {
    const host = await newHost();
    expect(await anka(host)).toMatchObject({ code: 0, out: expect.stringContaining('Usage') as string });
    expect((await anka(host, 'list')).out).toContain('macos-15 (v1)');
    expect(await anka(host, 'show', 'nope')).toEqual({ code: 3, out: '', err: 'nope: not found\n' });
  });

  it('has no version for an untagged template', async () => {
    const host = await newHost({ templates: [{ uuid: T, name: 'plain', runner: false }] });
    const { body } = await ask(host, 'list', T);
    expect(body).toEqual([expect.not.objectContaining({ version: expect.anything() as unknown })]);
  });

  it('gives the licence and the version it was told to', async () => {
    const host = await newHost({ version: '3.8.0', license: { status: 'expired', type: 'com.veertu.anka.run' } });
    expect((await ask(host, 'version')).body).toMatchObject({ version: '3.8.0' });
    expect((await ask(host, 'license', 'show')).body).toMatchObject({
      status: 'expired',
      license_type: 'com.veertu.anka.run',
    });
  });

  it('pulls a new tag over the old one, and a template that is not there yet', async () => {
    const host = await newHost({ templates: [], registry: [TEMPLATE] });
    expect((await ask(host, 'registry', 'pull', '--shrink', T, '--tag', 'v1')).status).toBe('OK');
    await host.publish({ ...TEMPLATE, tag: 'v2', files: { 'marker.txt': { content: 'two' } } });
    expect((await ask(host, 'registry', 'pull', '--shrink', T)).status).toBe('OK');
    expect((await ask(host, 'show', T, 'tag')).body).toMatchObject([{ tag: 'v2' }]);
    await startedVm(host, 'a');
    expect(await anka(host, 'run', 'a', 'cat', 'marker.txt')).toMatchObject({ code: 0, out: 'two' });
  });

  it('has a disk that templates fill: a pull that does not fit fails, until one is removed', async () => {
    const sized = { ...TEMPLATE, imageBytes: 30e9 };
    const next = { ...sized, uuid: 'f7c1b7e4-0000-4000-8000-000000000001', name: 'next' };
    const host = await newHost({ templates: [sized], registry: [sized, next], diskBytes: 50e9 });
    const check = async (): Promise<unknown> => (await ask(host, 'pull', next.uuid, '--check-download-size')).body;
    expect(await check()).toEqual({ size: 30e9, cached: 0, available: 20e9 });
    expect((await ask(host, 'registry', 'pull', next.uuid)).message).toContain('No space left on device');
    await ask(host, 'delete', '--yes', T);
    expect(await check()).toEqual({ size: 30e9, cached: 0, available: 50e9 });
    expect((await ask(host, 'registry', 'pull', next.uuid)).status).toBe('OK');
    expect(await check()).toEqual({});
    expect(await host.violations()).toEqual([]);
  });

  it('damages a template that two pulls bring at once, and says so', async () => {
    const host = await newHost({ templates: [], registry: [TEMPLATE], delays: { 'registry-pull': 150 } });
    await Promise.all([ask(host, 'registry', 'pull', T), ask(host, 'registry', 'pull', T)]);
    expect((await host.templates())[0]).toMatchObject({ status: 'failed' });
    expect(await host.violations()).toHaveLength(1);
    expect((await ask(host, 'clone', T, 'a')).message).toContain('failed');
  });
});

describe('the limit of running VMs', () => {
  it('refuses the third, and lets it run once another has gone', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    await startedVm(host, 'b');
    await ask(host, 'clone', T, 'c');
    const refused = await ask(host, 'start', 'c');
    expect(refused).toMatchObject({ status: 'ERROR', exit: 1 });
    expect(refused.message).toContain('maximum number of running instances exceeded');
    for (const free of [
      ['suspend', 'a'],
      ['stop', 'b'],
      ['delete', '--yes', 'b'],
    ])
      await ask(host, ...free);
    expect((await ask(host, 'start', 'c')).status).toBe('OK');
    expect((await ask(host, 'start', 'a')).status).toBe('OK');
    expect((await ask(host, 'list', '-r')).body).toHaveLength(2);
  });

  it('counts VMs that others run, those of other tools as well', async () => {
    const host = await newHost({ vmLimit: 3 });
    const own = await host.addForeignVm({ name: 'somebody' });
    const hidden = await host.addForeignVm({ inLibrary: false });
    await startedVm(host, 'a');
    await expect(host.addForeignVm()).rejects.toThrow('3 VMs run already');
    await ask(host, 'clone', T, 'b');
    expect((await ask(host, 'start', 'b')).message).toContain('exceeded');
    expect((await ask(host, 'list', '-r')).body).toMatchObject([{ name: 'a' }, { name: 'somebody' }]);
    await hidden.remove();
    expect((await ask(host, 'start', 'b')).status).toBe('OK');
    await own.remove();
    expect((await host.vms()).map((vm) => vm.name)).toEqual(['a', 'b']);
  });
});
