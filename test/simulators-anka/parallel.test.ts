import { describe, expect, it } from 'vitest';
import { TEMPLATE, anka, ask, newHost, startedVm } from './support.js';

const T = TEMPLATE.uuid;
const twenty = Array.from({ length: 20 }, (_, index) => index);

describe('parallel calls', () => {
  it('clone twenty VMs beside twenty lists, none of which is torn', async () => {
    const host = await newHost();
    const clones = twenty.map((n) => ask(host, 'clone', T, `vm-${n}`));
    const lists = twenty.map(() => ask(host, 'list'));
    for (const reply of await Promise.all([...clones, ...lists])) expect(reply.status).toBe('OK');
    const vms = await host.vms();
    expect(vms).toHaveLength(20);
    expect(new Set(vms.map((vm) => vm.uuid)).size).toBe(20);
    expect(vms.every((vm) => vm.status === 'stopped')).toBe(true);
    expect(await host.commands()).toHaveLength(40);
  });

  it('let one of twenty clones of the same name win', async () => {
    const host = await newHost();
    const replies = await Promise.all(twenty.map(() => ask(host, 'clone', T, 'same')));
    expect(replies.filter((reply) => reply.status === 'OK')).toHaveLength(1);
    expect(replies.filter((reply) => reply.code === 18)).toHaveLength(19);
  });

  it('never start more VMs than may run', async () => {
    const host = await newHost();
    await Promise.all(twenty.map((n) => ask(host, 'clone', T, `vm-${n}`)));
    const replies = await Promise.all(twenty.map((n) => ask(host, 'start', `vm-${n}`)));
    expect(replies.filter((reply) => reply.status === 'OK')).toHaveLength(2);
    expect((await host.vms()).filter((vm) => vm.status === 'running')).toHaveLength(2);
  });

  it('hit no more calls with a fault than its times say', async () => {
    const host = await newHost();
    await host.setFaults([{ command: 'list', kind: 'error', code: 7, times: 5 }]);
    const replies = await Promise.all(twenty.map(() => ask(host, 'list')));
    expect(replies.filter((reply) => reply.code === 7)).toHaveLength(5);
    await host.setFaults([{ command: 'list', kind: 'error', code: 7, times: 1 }]);
    expect((await ask(host, 'list')).code).toBe(7);
    expect((await ask(host, 'list')).status).toBe('OK');
  });
});

describe('the log of calls', () => {
  it('has times, process, arguments as given, and the exit code', async () => {
    const host = await newHost();
    const before = Date.now();
    const odd = `a "quoted" \\ line\nwith\ttabs, ünïcode, $(touch x) and \u0001`;
    await startedVm(host, 'vm');
    await anka(host, 'run', 'vm', 'bash', '-c', 'exit 9', odd);
    const call = (await host.commands()).at(-1);
    expect(call?.argv).toEqual(['run', 'vm', 'bash', '-c', 'exit 9', odd]);
    expect(call?.exit).toBe(9);
    expect(call?.start).toBeGreaterThanOrEqual(before);
    expect(call?.end).toBeGreaterThanOrEqual(call?.start ?? Infinity);
    expect(call?.end).toBeLessThanOrEqual(Date.now());
  });

  it('keeps lines whole when many calls with long arguments end at once', async () => {
    const host = await newHost();
    const long = 'x'.repeat(20_000);
    await Promise.all(twenty.map((n) => anka(host, '-j', 'show', `${long}-${n}`)));
    const ends = (await host.commands()).map((call) => call.argv.at(-1)?.slice(-3));
    expect(ends).toHaveLength(20);
    expect(new Set(ends).size).toBe(20);
  });
});
