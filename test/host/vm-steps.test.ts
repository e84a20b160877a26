import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PublicKey } from '../../activities/contracts.js';
import { LATEST } from '../../jobs/labels.js';
import { ProviderError } from '../../providers/provider.js';
import { createKeyPair, seal } from '../../secrets/seal.js';
import { eventually } from './eventually.js';
import { JIT, TEMPLATE, failure, useRigs, vmInput } from './rig.js';
import type { Rig } from './rig.js';

const A = 'berth-1-1-aaaa';
const B = 'berth-2-1-bbbb';

const rigWith = useRigs();

/** A rig whose VM runs, and the key that secrets for it are sealed with. */
async function withStartedVm(): Promise<{ readonly rig: Rig; readonly publicKey: PublicKey }> {
  const rig = await rigWith();
  rig.hold(A);
  await rig.call('cloneVm', vmInput(A)).result;
  const { publicKey } = await rig.call('startVm', { runner: A }).result;
  return { rig, publicKey };
}

const never = (): Promise<void> => new Promise(() => undefined);

/** A call that lasts until it is aborted. */
const untilAborted = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));

describe('a job with its template in place', () => {
  it('takes eight commands from hold to delete', async () => {
    const rig = await rigWith();
    const hold = await rig.bringUp(A);
    await eventually(() => expect(rig.provider.count(`run ${A} watch`)).toBe(1));
    await rig.call('destroyVm', { runner: A }).result;
    await hold.result;
    expect(rig.provider.calls).toEqual([
      'list',
      `clone ${TEMPLATE} ${A}`,
      `start ${A}`,
      `cp berth-guest.bash ${A}`,
      `cp berth-jitconfig ${A}`,
      `run ${A} start`,
      `run ${A} watch`,
      `delete ${A}`,
    ]);
  });

  it('leaves no file of its own on the host', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    expect(rig.provider.vms.get(A)?.files.get('berth-jitconfig')).toBe(`${JIT}\n`);
    expect((await readdir(rig.config.stateDir)).sort()).toEqual([
      'agent-id',
      'agent.lock',
      'holds',
      'outbox',
      'templates.json',
    ]);
    expect(await readdir(join(rig.config.stateDir, 'outbox'))).toEqual([]);
  });

  it('removes at its start what a killed agent was about to copy', async () => {
    const rig = await rigWith();
    await mkdir(join(rig.config.stateDir, 'outbox', A), { recursive: true });
    await writeFile(join(rig.config.stateDir, 'outbox', A, 'berth-jitconfig'), JIT);
    await rig.restart();
    expect(await readdir(rig.config.stateDir)).not.toContain('outbox');
  });
});

describe('a step', () => {
  it('waits for the hold that was asked for at the same time', async () => {
    const rig = await rigWith();
    const clone = rig.call('cloneVm', vmInput(A));
    rig.hold(A);
    await clone.result;
    expect(rig.provider.vms.has(A)).toBe(true);
  });

  it('is VmGone for a VM that was destroyed, also when it waits for its hold', async () => {
    const rig = await rigWith();
    const early = rig.call('cloneVm', vmInput(A));
    await rig.call('destroyVm', { runner: A }).result;
    await expect(early.result).rejects.toEqual(failure('VmGone', /destroyed/));
    await expect(rig.call('startVm', { runner: A }).result).rejects.toEqual(failure('VmGone', /destroyed/));
    await expect(rig.hold(A).result).rejects.toEqual(failure('VmGone', /destroyed/));
    expect(rig.provider.count('clone')).toBe(0);
  });

  it('stops its command when the workflow cancels it, and stays a cancellation', async () => {
    const rig = await rigWith();
    rig.hold(A);
    rig.provider.before = (call, options) => (call.startsWith('clone') ? untilAborted(options?.signal) : undefined);
    const clone = rig.call('cloneVm', vmInput(A));
    await eventually(() => expect(rig.provider.count('clone')).toBe(1));
    clone.cancel('CANCELLED');
    await expect(clone.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    rig.provider.before = () => undefined;
    await rig.call('cloneVm', vmInput(A)).result;
  });

  it('says what it does in its heartbeats', async () => {
    const rig = await rigWith();
    rig.hold(A);
    let finish = (): void => undefined;
    rig.provider.before = (call) =>
      call.startsWith('clone') ? new Promise<void>((resolve) => (finish = resolve)) : undefined;
    const clone = rig.call('cloneVm', vmInput(A));
    await eventually(() => expect(clone.beats).toContain(`clones ${TEMPLATE}`));
    finish();
    await clone.result;
  });
});

describe('destroying a VM', () => {
  it('ends the command that runs for it, and waits for its end before the delete', async () => {
    const rig = await rigWith();
    const hold = rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    const order: string[] = [];
    rig.provider.before = async (call, options) => {
      if (call.startsWith('start')) {
        await untilAborted(options?.signal);
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push('start ended');
      }
      if (call.startsWith('delete')) order.push('delete');
    };
    const start = rig.call('startVm', { runner: A });
    await eventually(() => expect(rig.provider.count('start')).toBe(1));
    await rig.call('destroyVm', { runner: A }).result;
    await expect(start.result).rejects.toEqual(failure('VmGone', /being destroyed/));
    await hold.result;
    expect(order).toEqual(['start ended', 'delete']);
  });

  it('is one delete however often it is asked for at once, and harmless afterwards', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    const twice = [rig.call('destroyVm', { runner: A }).result, rig.call('destroyVm', { runner: A }).result];
    expect(await Promise.all(twice)).toEqual([{ existed: true }, { existed: true }]);
    expect(rig.provider.count('delete')).toBe(1);
    expect(await rig.call('destroyVm', { runner: A }).result).toEqual({ existed: false });
  });

  it('keeps the slot when the delete fails, and can be repeated by Temporal', async () => {
    const rig = await rigWith({ slots: ['a'] });
    const hold = await rig.bringUp(A);
    rig.provider.before = (call) => {
      if (call.startsWith('delete')) throw new ProviderError('CommandFailed', 'disk I/O error');
    };
    await expect(rig.call('destroyVm', { runner: A }).result).rejects.toMatchObject({
      type: 'CommandFailed',
      nonRetryable: false,
    });
    await expect(rig.hold(B).result).rejects.toEqual(failure('SlotRefused'));
    rig.provider.before = () => undefined;
    await rig.call('destroyVm', { runner: A }).result;
    await hold.result;
  });

  it('goes on when the activity that asked for it is cancelled', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    let finish = (): void => undefined;
    rig.provider.before = (call) =>
      call.startsWith('delete') ? new Promise<void>((resolve) => (finish = resolve)) : undefined;
    const destroy = rig.call('destroyVm', { runner: A });
    await eventually(() => expect(rig.provider.count('delete')).toBe(1));
    destroy.cancel('WORKER_SHUTDOWN');
    finish();
    expect(await destroy.result).toEqual({ existed: true });
  });
});

describe('the template', () => {
  it('is pulled when its tag differs, after a look at the local one', async () => {
    const rig = await rigWith();
    rig.hold(A);
    expect(await rig.call('ensureTemplate', vmInput(A, { tag: 'v2' })).result).toEqual({ tag: 'v2', pulled: true });
    expect(rig.provider.calls).toContain(`pull ${TEMPLATE} v2`);
    expect((await rig.agent.report()).templates).toMatchObject([{ uuid: TEMPLATE, tag: 'v2' }]);
  });

  it('is pulled once for two jobs that need it at the same time', async () => {
    const rig = await rigWith();
    rig.hold(A, 'a');
    rig.hold(B, 'b');
    const both = [
      rig.call('ensureTemplate', vmInput(A, { tag: 'v2' })).result,
      rig.call('ensureTemplate', vmInput(B, { tag: 'v2', slot: 'b' })).result,
    ];
    expect((await Promise.all(both)).map(({ pulled }) => pulled).sort()).toEqual([false, true]);
    expect(rig.provider.count('pull')).toBe(1);
  });

  it('is pulled while no other is: who needs another meanwhile goes elsewhere, without blame', async () => {
    const rig = await rigWith();
    rig.hold(A, 'a');
    rig.hold(B, 'b');
    let finish = (): void => undefined;
    rig.provider.before = (call) =>
      call.startsWith('pull') ? new Promise<void>((resolve) => (finish = resolve)) : undefined;
    const pull = rig.call('ensureTemplate', vmInput(A, { tag: 'v2' }));
    await eventually(() => expect(rig.provider.count('pull')).toBe(1));
    expect((await rig.agent.report()).pulling).toEqual({ template: TEMPLATE, tag: 'v2' });
    const other = { ...vmInput(B, { tag: 'v9', slot: 'b' }), template: 'another' };
    await expect(rig.call('ensureTemplate', other).result).rejects.toEqual(
      failure('PullUnderWay', /mac-1 is pulling template a6f24306.*, tag v2/),
    );
    finish();
    await pull.result;
    expect((await rig.agent.report()).pulling).toBeNull();
    rig.provider.before = () => undefined;
    expect(await rig.call('ensureTemplate', other).result).toEqual({ tag: 'v9', pulled: true });
  });

  it('is looked at again before the clone when another job put another tag in its place', async () => {
    const rig = await rigWith();
    rig.hold(A, 'a');
    rig.hold(B, 'b');
    await rig.call('ensureTemplate', vmInput(A)).result;
    await rig.call('ensureTemplate', vmInput(B, { tag: 'v2', slot: 'b' })).result;
    await rig.call('cloneVm', vmInput(A)).result;
    expect(rig.provider.vms.get(A)?.files.get('tag')).toBe('v1');
  });

  it('without a tag is asked for anew once a minute, and kept when the registry is away', async () => {
    const rig = await rigWith();
    rig.hold(A);
    const input = vmInput(A, { tag: LATEST });
    rig.provider.before = (call) => {
      if (call.startsWith('pull')) throw new ProviderError('TemplatePullFailed', 'no route to host');
    };
    expect(await rig.call('ensureTemplate', input).result).toEqual({ tag: 'v1', pulled: false });
    rig.provider.before = () => undefined;
    expect(await rig.call('ensureTemplate', input).result).toMatchObject({ pulled: true });
    expect(await rig.call('ensureTemplate', input).result).toMatchObject({ pulled: false });
    expect(rig.provider.count('pull')).toBe(2);
  });

  it('that is nowhere ends the step by TemplateNotFound', async () => {
    const rig = await rigWith();
    rig.hold(A);
    rig.provider.before = (call) => {
      if (call.startsWith('pull')) throw new ProviderError('TemplateNotFound', 'not found');
    };
    await expect(rig.call('ensureTemplate', vmInput(A, { tag: 'v7' })).result).rejects.toEqual(
      failure('TemplateNotFound'),
    );
  });

  it('lets the other slot work while it is pulled, and a cancel end the wait for it', async () => {
    const rig = await rigWith();
    rig.hold(A, 'a');
    await rig.call('ensureTemplate', vmInput(A)).result;
    rig.hold(B, 'b');
    rig.provider.before = (call) => (call.startsWith('pull') ? never() : undefined);
    const other = { ...vmInput(B, { slot: 'b' }), template: 'another' };
    const pull = rig.call('ensureTemplate', other);
    await eventually(() => expect(rig.provider.count('pull')).toBe(1));
    await rig.call('cloneVm', vmInput(A)).result;
    const waiting = rig.call('ensureTemplate', { ...other, runner: A, slot: 'a' });
    await eventually(() => expect(rig.provider.count('list')).toBeGreaterThan(1));
    waiting.cancel('CANCELLED');
    await expect(waiting.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    pull.cancel('CANCELLED');
  });
});

describe('a step that is asked for twice', () => {
  it('replaces the VM of an interrupted clone', async () => {
    const rig = await rigWith();
    rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    await rig.call('cloneVm', vmInput(A)).result;
    expect(rig.provider.count('clone')).toBe(3);
    expect(rig.provider.vms.get(A)?.status).toBe('stopped');
  });

  it('goes on with a VM that runs already', async () => {
    const { rig } = await withStartedVm();
    await rig.call('startVm', { runner: A }).result;
    expect(rig.provider.count('cp')).toBe(2);
  });

  it('does not start a second runner with the same secret', async () => {
    const { rig, publicKey } = await withStartedVm();
    const sealed = await seal(publicKey, JIT, A);
    await rig.call('startRunner', { runner: A, sealed }).result;
    await rig.call('startRunner', { runner: A, sealed }).result;
    expect(rig.provider.count(`run ${A} start`)).toBe(1);
  });
});

describe('the guest', () => {
  it('is waited for while it boots', async () => {
    const rig = await rigWith();
    rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    let tries = 0;
    rig.provider.before = (call) => {
      if (call.startsWith('cp') && ++tries < 4) throw new ProviderError('GuestUnreachable', 'not yet');
    };
    await rig.call('startVm', { runner: A }).result;
    expect(tries).toBe(4);
    expect(rig.provider.count('start')).toBe(1);
  });

  it('gets a secret only of this agent process: another is stale, with the key to use instead', async () => {
    const { rig, publicKey } = await withStartedVm();
    const sealed = await seal((await createKeyPair()).publicKey, JIT, A);
    const refusal = await rig.call('startRunner', { runner: A, sealed }).result.catch((error: unknown) => error);
    expect(refusal).toEqual(failure('SealStale'));
    expect(refusal).toMatchObject({ details: [publicKey] });
    expect(rig.provider.count('cp berth-jitconfig')).toBe(0);
  });

  const BY_TOKEN = { url: 'https://github.com/acme', labels: 'x,~[#1],-beta', runnerGroup: 'Macs', expiresAt: 0 };

  it('that registers by a token gets it in a file, with what the script needs, in as many commands', async () => {
    const { rig, publicKey } = await withStartedVm();
    const sealed = await seal(publicKey, 'AABF3JGZ', A);
    await rig.call('startRunner', { runner: A, sealed, byToken: BY_TOKEN }).result;
    const files = rig.provider.vms.get(A)?.files;
    expect(files?.get('berth-registration')).toBe(`${A}\nAABF3JGZ\nhttps://github.com/acme\nx,~[#1],-beta\nMacs\n`);
    expect(files?.has('berth-jitconfig')).toBe(false);
    expect(rig.provider.count(`run ${A} start`)).toBe(1);
    expect(await readdir(join(rig.config.stateDir, 'outbox'))).toEqual([]);
  });

  it('is given no registration with a line too many', async () => {
    const { rig, publicKey } = await withStartedVm();
    const sealed = await seal(publicKey, 'AABF3JGZ', A);
    const byToken = { ...BY_TOKEN, labels: 'x\n--replace' };
    const refused = await rig
      .call('startRunner', { runner: A, sealed, byToken })
      .result.catch((error: unknown) => error);
    expect(refused).toEqual(failure('RunnerStartFailed', /line break/));
    expect(rig.provider.count('cp berth-registration')).toBe(0);
  });

  it.each<[number, string]>([
    [71, 'InstallFailed'],
    [72, 'RunnerStartFailed'],
    [73, 'RegisterFailed'],
    [1, 'RunnerStartFailed'],
  ])('that answers %i to the start fails it as %s, without the secret in its words', async (exitCode, type) => {
    const { rig, publicKey } = await withStartedVm();
    rig.provider.run = () => Promise.resolve({ exitCode, stderrTail: `no space; config ${JIT} unused\n` });
    const sealed = await seal(publicKey, JIT, A);
    const failed = (await rig
      .call('startRunner', { runner: A, sealed })
      .result.catch((error: unknown) => error)) as Error;
    expect(failed).toEqual(failure(type, /no space/));
    expect(failed.message).not.toContain(JIT);
  });

  it('is asked for its state, but not when the VM is off, which the question would start', async () => {
    const rig = await rigWith();
    await rig.bringUp(A);
    const jobStarted = { owner: 'acme', repo: 'ios', runId: 7 };
    rig.provider.say(A, { jobStarted });
    expect(await rig.call('askGuest', { runner: A }).result).toEqual({
      jobStarted,
      jobCompleted: false,
      exitCode: null,
    });
    rig.provider.crash(A);
    await expect(rig.call('askGuest', { runner: A }).result).rejects.toEqual(failure('VmGone', /stopped/));
    expect(rig.provider.count(`run ${A} state`)).toBe(1);
  });
});
