import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../providers/provider.js';
import { eventually } from './eventually.js';
import { useRigs, vmInput } from './rig.js';
import type { Rig } from './rig.js';

const A = 'berth-1-1-aaaa';
const B = 'berth-2-1-bbbb';

const rigWith = useRigs();

const states = (rig: Rig, runner: string) =>
  rig.temporal.reports.filter(({ workflowId }) => workflowId === `runner/${runner}`).map(({ state }) => state);

const jobStarted = { owner: 'acme', repo: 'ios', runId: 7 };

const watched = (rig: Rig, runner: string, times = 1): Promise<void> =>
  eventually(() => expect(rig.provider.count(`run ${runner} watch`)).toBe(times));

describe('the watch', () => {
  it('tells the workflow what the guest says, to its end, without asking the provider anything', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    await watched(rig, A);
    const calls = rig.provider.calls.length;
    rig.provider.say(A, { jobStarted });
    await eventually(() => expect(states(rig, A).at(-1)).toEqual({ jobStarted, jobCompleted: false, exitCode: null }));
    rig.provider.say(A, { jobCompleted: true, exitCode: 0 });
    await eventually(() => expect(states(rig, A).at(-1)).toEqual({ jobStarted, jobCompleted: true, exitCode: 0 }));
    expect(rig.provider.calls.length).toBe(calls);
  });

  it('tells a VM that crashed as an exit, with what was known before', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    await watched(rig, A);
    rig.provider.say(A, { jobStarted });
    rig.provider.crash(A);
    await eventually(() => expect(states(rig, A).at(-1)).toEqual({ jobStarted, jobCompleted: false, exitCode: 125 }));
  });

  it('is taken up again when only the connection broke', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    for (let times = 1; times < 4; times++) {
      await watched(rig, A, times);
      rig.provider.breakWatch(A);
    }
    await watched(rig, A, 4);
    rig.provider.say(A, { exitCode: 3 });
    await eventually(() => expect(states(rig, A).at(-1)?.exitCode).toBe(3));
    expect(states(rig, A).filter(({ exitCode }) => exitCode === 125)).toEqual([]);
  });

  it('does not give a VM up because it cannot be listed, or is missing from one list', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    await watched(rig, A);
    let lists = 0;
    const list = rig.provider.list.bind(rig.provider);
    rig.provider.list = async () => {
      lists++;
      if (lists === 1) throw new ProviderError('CommandTimeout', 'list took too long');
      return lists === 2 ? [] : list();
    };
    rig.provider.breakWatch(A);
    await watched(rig, A, 2);
    rig.provider.breakWatch(A);
    await watched(rig, A, 3);
    expect(lists).toBe(3);
    expect(states(rig, A).filter(({ exitCode }) => exitCode !== null)).toEqual([]);
  });

  it('tells the newest state once Temporal is back', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    await watched(rig, A);
    rig.temporal.isAway = true;
    rig.provider.say(A, { jobStarted });
    rig.provider.say(A, { exitCode: 0 });
    await eventually(() => expect(rig.provider.vms.get(A)?.watchers.size).toBe(0));
    rig.temporal.isAway = false;
    await eventually(() => expect(states(rig, A).at(-1)).toMatchObject({ jobStarted, exitCode: 0 }));
  });

  it('believes only lines that are a state', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    await watched(rig, A);
    const told = states(rig, A).length;
    for (const { line } of rig.provider.vms.get(A)?.watchers ?? []) {
      line('hello');
      line('{"exitCode":0}');
      line('{"jobStarted":{"owner":"$(x)","repo":"b","runId":1},"jobCompleted":false,"exitCode":null}');
    }
    rig.provider.say(A, { jobStarted });
    await eventually(() => expect(states(rig, A)).toHaveLength(told + 1));
    expect(states(rig, A).at(-1)?.jobStarted).toEqual(jobStarted);
  });

  it('goes on after a restart of the agent, once the VM is adopted', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    await rig.restart();
    rig.hold(A, 'a', true);
    await watched(rig, A, 2);
    rig.provider.say(A, { exitCode: 0 });
    await eventually(() => expect(states(rig, A).at(-1)?.exitCode).toBe(0));
  });

  it('goes on at the start of the agent, but never for a VM that is off, which it would start', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    await rig.bringUp(B, 'b');
    await watched(rig, B);
    await rig.restart();
    rig.provider.crash(A);
    await rig.agent.start();
    await watched(rig, B, 2);
    expect(rig.provider.count(`run ${A} watch`)).toBe(1);
  });
});

describe('the sweep', () => {
  const gone = (rig: Rig, vm: string): Promise<void> => eventually(() => expect(rig.provider.vms.has(vm)).toBe(false));
  /** Two more sweeps have begun, so one has ended. */
  const swept = async (rig: Rig): Promise<void> => {
    const lists = rig.provider.count('list');
    await eventually(() => expect(rig.provider.count('list')).toBeGreaterThan(lists + 2));
  };

  it('destroys after a restart what no workflow wants, and nothing else', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    await rig.bringUp(A);
    await rig.bringUp(B, 'b');
    await rig.restart();
    rig.provider.add('berth-9-1-ffff', 'running');
    rig.provider.add('berth-8-1-ffff', 'stopped');
    rig.provider.add('someones-vm', 'running');
    rig.provider.add('berth-tools', 'stopped');
    rig.provider.add('berth2-1-1-aaaa', 'stopped');
    rig.temporal.open.delete(`runner/${A}`);
    rig.temporal.open.add('runner/berth-8-1-ffff');
    await rig.agent.start();
    await gone(rig, A);
    await gone(rig, 'berth-9-1-ffff');
    await swept(rig);
    expect([...rig.provider.vms.keys()].sort()).toEqual(
      [B, 'berth-8-1-ffff', 'berth-tools', 'berth2-1-1-aaaa', 'someones-vm'].sort(),
    );
    expect(await readdir(join(rig.config.stateDir, 'holds'))).toEqual([`${B}.json`]);
  });

  it('sees a VM that no hold names twice before it destroys it', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    rig.provider.add(A, 'running');
    let listsAtDelete = 0;
    rig.provider.before = (call) => {
      if (call.startsWith('delete')) listsAtDelete = rig.provider.count('list');
    };
    await rig.agent.start();
    await gone(rig, A);
    // One of them is the look at the start.
    expect(listsAtDelete).toBeGreaterThanOrEqual(3);
  });

  it('touches nothing while Temporal cannot be asked', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    await rig.bringUp(A);
    await rig.restart();
    rig.provider.add('berth-9-1-ffff', 'running');
    rig.temporal.open.clear();
    rig.temporal.isAway = true;
    await rig.agent.start();
    await swept(rig);
    expect(rig.provider.count('delete')).toBe(0);
    rig.temporal.isAway = false;
    await gone(rig, A);
    await gone(rig, 'berth-9-1-ffff');
  });

  it('frees a hold whose VM was never made and whose workflow is over', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    rig.hold(A);
    await eventually(() => expect(rig.agent.heldVms()).toEqual([A]));
    await rig.restart();
    rig.temporal.open.clear();
    await rig.agent.start();
    await eventually(() => expect(rig.agent.heldVms()).toEqual([]));
    expect(await readdir(join(rig.config.stateDir, 'holds'))).toEqual([]);
  });

  it('leaves a VM alone that is attended, whatever Temporal says', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    await rig.bringUp(A);
    rig.temporal.open.clear();
    await rig.agent.start();
    await swept(rig);
    expect(rig.provider.vms.has(A)).toBe(true);
  });

  it('tries again when a delete failed', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    await rig.bringUp(A);
    await rig.restart();
    rig.temporal.open.clear();
    let failures = 2;
    rig.provider.before = (call) => {
      if (call.startsWith('delete') && failures-- > 0) throw new ProviderError('CommandFailed', 'busy');
    };
    await rig.agent.start();
    await gone(rig, A);
    await eventually(() => expect(rig.agent.heldVms()).toEqual([]));
  });
});

describe('the report', () => {
  it('says what is there, and tells templates, own VMs and foreign ones apart', async () => {
    const rig = await rigWith();
    rig.provider.add('someones-vm', 'running');
    rig.provider.add('berth-9-1-ffff', 'stopped');
    await rig.agent.start();
    const report = await rig.agent.report();
    expect(report).toMatchObject({
      host: 'mac-1',
      pool: 'default',
      sessionId: rig.agent.sessionId,
      provider: { kind: 'fake', version: '1', problems: [] },
      holds: ['berth-9-1-ffff'],
      heldSlots: {},
      foreignVms: ['someones-vm'],
      vmLimit: 2,
      draining: false,
    });
    expect(report.templates.map(({ name }) => name)).toEqual(['macos']);
    expect(report.slots[0]).not.toHaveProperty('skipPull');
    expect(report.resources.diskFreeBytes).toBeGreaterThan(0);
  });

  it('comes as soon as something changed, with the next sequence', async () => {
    const rig = await rigWith();
    await rig.agent.start();
    const { sequence, sessionId } = await rig.agent.report();
    const attend = rig.call('attend', { sessionId, sequence });
    const hold = rig.hold(A);
    const report = await attend.result;
    expect(report.sequence).toBeGreaterThan(sequence);
    expect(report.holds).toEqual([A]);
    expect(Object.keys(report.heldSlots ?? {})).toEqual([A]);
    expect(report.slots.map(({ name }) => name)).toContain(report.heldSlots?.[A]);
    const next = rig.call('attend', { sessionId, sequence: report.sequence });
    await rig.call('destroyVm', { runner: A }).result;
    expect((await next.result).holds).toEqual([]);
    await hold.result;
  });

  it('comes at once to who knows an earlier session', async () => {
    const rig = await rigWith();
    const { sessionId, sequence } = await rig.agent.report();
    await rig.restart();
    const report = await rig.call('attend', { sessionId, sequence: sequence + 100 }).result;
    expect(report.sessionId).toBe(rig.agent.sessionId);
    expect(report.agentId).toBe((await rig.agent.report()).agentId);
  });

  it('ends with the activity that waits for it', async () => {
    const rig = await rigWith();
    const { sessionId, sequence } = await rig.agent.report();
    const attend = rig.call('attend', { sessionId, sequence });
    attend.cancel('WORKER_SHUTDOWN');
    await expect(attend.result).rejects.toMatchObject({ name: 'CancelledFailure' });
  });

  it('names what a person must mend, until it has been mended', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    rig.provider.problems = ['no licence'];
    await rig.agent.start();
    expect((await rig.agent.report()).provider.problems).toEqual(['no licence']);
    rig.provider.problems = [];
    await eventually(async () => expect((await rig.agent.report()).provider.problems).toEqual([]));
  });

  it('says so when its VMs cannot be listed twice in a row, until they can', async () => {
    const rig = await rigWith({ sweepEveryMs: 20 });
    await rig.agent.start();
    const problems = async (): Promise<readonly string[]> => (await rig.agent.report()).provider.problems;
    const garbage = new ProviderError('CommandFailed', 'anka list printed no JSON');
    let lists = 0;
    rig.provider.before = (call) => {
      if (call === 'list' && (lists += 1) === 1) throw garbage;
    };
    await eventually(() => expect(lists).toBeGreaterThan(2));
    expect(await problems(), 'one look that fails may be a restart of its service').toEqual([]);
    rig.provider.before = (call) => {
      if (call === 'list') throw garbage;
    };
    await eventually(async () =>
      expect(await problems()).toEqual(['its VMs cannot be listed: anka list printed no JSON']),
    );
    rig.provider.before = () => undefined;
    await eventually(async () => expect(await problems()).toEqual([]));
  });

  it('begins with that problem when not even its first list can be read', async () => {
    const rig = await rigWith();
    rig.provider.before = (call) => {
      if (call === 'list') throw new ProviderError('CommandFailed', 'anka list printed no JSON');
    };
    await rig.agent.start();
    expect((await rig.agent.report()).provider.problems).toEqual([
      'its VMs cannot be listed: anka list printed no JSON',
    ]);
  });

  it('names a fault of the host that a step met', async () => {
    const rig = await rigWith();
    rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    rig.provider.before = (call) => {
      if (call.startsWith('start')) throw new ProviderError('HostBroken', 'the keychain is locked');
    };
    await expect(rig.call('startVm', { runner: A }).result).rejects.toMatchObject({ type: 'HostBroken' });
    expect((await rig.agent.report()).provider.problems).toEqual(['the keychain is locked']);
  });
});

describe('a stop', () => {
  it('ends what has not begun by AgentStopped, waits for its delete, and leaves running VMs', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    const hold = rig.hold(B, 'b');
    await rig.call('cloneVm', vmInput(B, { slot: 'b' })).result;
    rig.provider.before = (call, options) =>
      call.startsWith('start')
        ? new Promise((resolve) => options?.signal?.addEventListener('abort', () => resolve(), { once: true }))
        : undefined;
    const start = rig.call('startVm', { runner: B });
    await eventually(() => expect(rig.provider.count(`start ${B}`)).toBe(1));
    const stopped = rig.agent.prepareStop();
    await expect(start.result).rejects.toMatchObject({ type: 'AgentStopped', nonRetryable: true });
    // As its workflow does when it hears that.
    await rig.call('destroyVm', { runner: B }).result;
    await Promise.all([stopped, hold.result]);
    expect([...rig.provider.vms.keys()]).toEqual([A]);
    expect((await rig.agent.report()).draining).toBe(true);
    expect(rig.provider.count(`delete ${A}`)).toBe(0);
  });

  it('refuses a second agent on the same state folder until it is closed', async () => {
    const rig = await rigWith();
    const { createHostAgent } = await import('../../agent/host-agent.js');
    const { default: pino } = await import('pino');
    const deps = {
      config: rig.config,
      provider: rig.provider,
      workflows: rig.temporal,
      log: pino({ level: 'silent' }),
    };
    await expect(createHostAgent(deps)).rejects.toThrow(/attended by process/);
    await rig.agent.close();
    await (await createHostAgent(deps)).close();
  });
});
