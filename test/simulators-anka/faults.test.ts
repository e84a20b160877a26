import { describe, expect, it } from 'vitest';
import type { AnkaFault } from '../../simulators/anka/host.js';
import type { AnkaOperation } from '../../simulators/anka/types.js';
import { TEMPLATE, anka, ask, begin, newHost, startedVm, until, untilNoGuests } from './support.js';

const T = TEMPLATE.uuid;

describe('faults that take the place of a command', () => {
  it('fail with the given code and message, once, for matching arguments only', async () => {
    const host = await newHost();
    const message = 'the disk is full: 5 = 5';
    await host.setFaults([{ command: 'clone', kind: 'error', code: 9, exit: 4, match: 'vm-b', times: 1, message }]);
    expect((await ask(host, 'clone', T, 'vm-a')).status).toBe('OK');
    expect(await ask(host, 'clone', T, 'vm-b')).toMatchObject({ status: 'ERROR', code: 9, exit: 4, message });
    expect((await ask(host, 'clone', T, 'vm-b')).status).toBe('OK');
  });

  it('hit every command by *', async () => {
    const host = await newHost();
    await host.setFaults([{ command: '*', kind: 'error', message: 'no' }]);
    for (const args of [['list'], ['version'], ['registry', 'list'], ['pull', T, '--check-download-size']]) {
      expect((await ask(host, ...args)).message).toBe('no');
    }
  });

  it('hang until the process is killed, which is logged', async () => {
    const host = await newHost();
    await host.setFaults([{ command: 'list', kind: 'hang' }]);
    const { child, done } = begin(host, ['-j', 'list']);
    const [call] = await until(async () => {
      const calls = await host.commands();
      return calls.length > 0 && calls;
    });
    expect(call).not.toHaveProperty('end');
    child.kill('SIGTERM');
    expect(await done).toMatchObject({ code: 143, out: '' });
    expect((await host.commands())[0]).toMatchObject({ exit: 143, argv: ['-j', 'list'], fault: 'hang' });
  });

  it('are over when the host is destroyed, a hanging call as well', async () => {
    const host = await newHost();
    await host.setFaults([{ command: 'list', kind: 'hang' }]);
    const { child, done } = begin(host, ['-j', 'list']);
    await until(async () => (await host.commands()).length > 0);
    await host.destroy();
    await done;
    expect(child.signalCode).toBe('SIGKILL');
  });

  it.each<[AnkaFault, number, RegExp]>([
    [{ command: 'list', kind: 'garbage' }, 0, /^Traceback/],
    [{ command: 'list', kind: 'garbage', exit: 6, message: '{"status":' }, 6, /^\{"status":\n$/],
    [{ command: 'list', kind: 'exit', exit: 5 }, 5, /^\{"status":"OK","body":\[\{"name":"macos-15"/],
    [{ command: 'list', kind: 'lie' }, 0, /^\{"status":"OK","body":\{\}/],
  ])('answer as told: %j', async (fault, code, out) => {
    const host = await newHost();
    await host.setFaults([fault]);
    expect(await anka(host, '-j', 'list')).toMatchObject({ code, out: expect.stringMatching(out) as string });
  });

  it('lie: a clone that says OK makes no VM', async () => {
    const host = await newHost();
    await host.setFaults([{ command: 'clone', kind: 'lie', times: 1 }]);
    expect((await ask(host, 'clone', T, 'a')).status).toBe('OK');
    expect(await host.vms()).toEqual([]);
    expect((await ask(host, 'clone', T, 'a')).status).toBe('OK');
    expect((await host.commands()).map(({ fault }) => fault)).toEqual(['lie', undefined]);
  });

  it('reject a match with a blank, which the format cannot hold', async () => {
    const host = await newHost();
    await expect(host.setFaults([{ command: 'list', kind: 'lie', match: 'a b' }])).rejects.toThrow('no blanks');
  });
});

describe('faults that change what a command does', () => {
  it('leave a failed VM when a clone dies half-way; delete removes it', async () => {
    const host = await newHost();
    await host.setFaults([{ command: 'clone', kind: 'partial' }]);
    expect(await ask(host, 'clone', T, 'a')).toMatchObject({ status: 'ERROR', exit: 1 });
    expect((await ask(host, 'list', 'a')).body).toMatchObject([{ name: 'a', status: 'failed' }]);
    expect((await ask(host, 'start', 'a')).status).toBe('ERROR');
    expect((await ask(host, 'stop', 'a')).status).toBe('ERROR');
    expect((await ask(host, 'stop', '-f', 'a')).status).toBe('OK');
    expect((await ask(host, 'delete', '--yes', 'a')).status).toBe('OK');
  });

  it('leave a failed VM and no place taken when a start dies half-way', async () => {
    const host = await newHost({ vmLimit: 1 });
    await ask(host, 'clone', T, 'a');
    await host.setFaults([{ command: 'start', kind: 'partial', times: 1 }]);
    expect((await ask(host, 'start', 'a')).status).toBe('ERROR');
    expect((await host.vms())[0]?.status).toBe('failed');
    await startedVm(host, 'b');
  });

  it('do not let a call end that has done its work', async () => {
    const host = await newHost();
    await ask(host, 'clone', T, 'a');
    await host.setFaults([{ command: 'start', kind: 'endless', times: 1 }]);
    const { child, done } = begin(host, ['-j', 'start', 'a']);
    await until(async () => (await anka(host, 'run', 'a', 'true')).code === 0);
    expect(await host.callsLeft()).toHaveLength(1);
    child.kill('SIGTERM');
    expect(await done).toMatchObject({ code: 143, out: expect.stringContaining('"status":"OK"') as string });
    expect((await host.commands()).find(({ argv }) => argv.includes('start'))).toMatchObject({ fault: 'endless' });
  });

  it('crash the guest while a command runs', async () => {
    const host = await newHost();
    await startedVm(host, 'a');
    await host.setFaults([{ command: 'run', kind: 'crash', ms: 50, times: 1 }]);
    expect((await anka(host, 'run', 'a', 'sleep', '60')).code).toBe(125);
    expect((await host.vms())[0]?.status).toBe('stopped');
    await untilNoGuests(host);
    expect((await anka(host, 'run', 'a', 'true')).code).toBe(0);
  });

  it('keep the guest out of reach for a while after start', async () => {
    const host = await newHost();
    await host.setFaults([{ command: 'start', kind: 'unready', ms: 400 }]);
    await startedVm(host, 'a');
    expect(await anka(host, 'run', 'a', 'true')).toMatchObject({ code: 125, err: 'a: communication timeout\n' });
    expect((await ask(host, 'cp', '-a', '/etc/hostname', 'a:')).message).toContain('communication timeout');
    await until(async () => (await anka(host, 'run', 'a', 'true')).code === 0);
  });

  it('show the progress of a slow pull in lines of JSON, the answer last', async () => {
    const host = await newHost({ templates: [], registry: [TEMPLATE] });
    await host.setFaults([{ command: 'registry-pull', kind: 'slow', ms: 100, steps: 4 }]);
    const { out } = await anka(host, '-j', 'registry', 'pull', T);
    const lines = out.trimEnd().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { readonly body: { readonly progress?: number } });
    expect(parsed.map((line) => line.body.progress)).toEqual([25, 50, 75, 100, undefined]);
  });

  it('interrupt a pull, which leaves no template', async () => {
    const host = await newHost({ templates: [], registry: [TEMPLATE] });
    await host.setFaults([{ command: 'registry-pull', kind: 'partial', times: 1 }]);
    expect((await ask(host, 'registry', 'pull', T)).message).toContain('interrupted');
    expect(await host.templates()).toEqual([]);
    expect((await ask(host, 'registry', 'pull', T)).status).toBe('OK');
  });

  it('put chatter on standard error, never between the JSON', async () => {
    const host = await newHost();
    await host.setFaults([{ command: 'list', kind: 'chatter', message: 'disk is slow' }]);
    const { out, err } = await anka(host, '-j', 'list');
    expect(JSON.parse(out)).toMatchObject({ status: 'OK' });
    expect(err).toBe('disk is slow\n');
  });

  it('delay one command, and not the others', async () => {
    const host = await newHost({ delays: { clone: 80 } });
    await host.setFaults([{ command: 'start', kind: 'delay', ms: 60 }]);
    await startedVm(host, 'a');
    await ask(host, 'list');
    const took = (await host.commands()).map((call) => (call.end ?? Infinity) - call.start);
    expect(took[0]).toBeGreaterThanOrEqual(80);
    expect(took[1]).toBeGreaterThanOrEqual(60);
    expect(took[2]).toBeLessThan(50);
  });
});

describe('a call that is held', () => {
  it.each<[AnkaOperation, readonly string[], string]>([
    ['clone', ['clone', T, 'a'], 'cloning'],
    ['start', ['start', 'a'], 'running'],
    ['delete', ['delete', '--yes', 'a'], 'failed'],
    ['list', ['list'], 'stopped'],
    ['registry-pull', ['registry', 'pull', T], 'stopped'],
  ])('stands still in the middle of its %s until it is held no more; others go on', async (operation, args, status) => {
    const host = await newHost({ registry: [TEMPLATE] });
    if (operation !== 'clone') await ask(host, 'clone', T, 'a');
    await host.setHeld([operation]);
    const { done } = begin(host, args);
    const [left] = await until(async () => {
      const calls = await host.callsLeft();
      return calls.length === 1 && (await host.vms())[0]?.status === status && calls;
    });
    expect(left?.argv).toEqual(args);
    expect((await ask(host, 'version')).status).toBe('OK');
    await host.setHeld([]);
    expect((await done).code).toBe(0);
    expect(await host.callsLeft()).toEqual([]);
  });

  it('is there though it is stopped, and not once it was killed', async () => {
    const host = await newHost();
    await host.setHeld(['clone']);
    const { child, done } = begin(host, ['clone', T, 'a']);
    await until(async () => (await host.callsLeft()).length === 1);
    child.kill('SIGSTOP');
    await host.setHeld([]);
    child.kill('SIGTERM');
    expect(await host.callsLeft()).toMatchObject([{ argv: ['clone', T, 'a'] }]);
    child.kill('SIGKILL');
    await done;
    expect(await host.callsLeft()).toEqual([]);
  });
});

describe('a call that is killed', () => {
  it.each<['clone' | 'start' | 'delete', string, NodeJS.Signals]>([
    ['clone', 'failed', 'SIGKILL'],
    ['clone', 'failed', 'SIGTERM'],
    ['start', 'running', 'SIGKILL'],
    ['delete', 'failed', 'SIGKILL'],
  ])('during %s leaves the VM %s (%s)', async (command, status, signal) => {
    const host = await newHost();
    if (command !== 'clone') await ask(host, 'clone', T, 'a');
    await host.setDelays({ [command]: 60_000 });
    const args = { clone: ['clone', T, 'a'], start: ['start', 'a'], delete: ['delete', '--yes', 'a'] }[command];
    const { child, done } = begin(host, args);
    const begun = { clone: 'cloning', start: 'running', delete: 'failed' }[command];
    await until(async () => (await host.vms())[0]?.status === begun);
    if (command === 'clone') expect((await ask(host, 'list', 'a')).code).toBe(3);
    child.kill(signal);
    await done;
    expect((await ask(host, 'list', 'a')).body).toMatchObject([{ status }]);
    await host.setDelays({});
    expect((await ask(host, 'delete', '--yes', 'a')).status).toBe('OK');
    await startedVm(host, 'b');
    await startedVm(host, 'c');
  });
});
