/** Room for templates, what is pulled at the start, and what is mounted. */

import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ProviderError } from '../../providers/provider.js';
import type { LibraryEntry } from '../../providers/provider.js';
import { progressText } from '../../agent/disk-text.js';
import { eventually } from './eventually.js';
import { FakeProvider } from './fake-provider.js';
import { TEMPLATE, failure, useRigs, vmInput } from './rig.js';
import type { Rig, RigOptions } from './rig.js';

const A = 'berth-1-1-aaaa';
const B = 'berth-2-1-bbbb';
const C = 'berth-3-1-cccc';

const folders: string[] = [];

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

// Its rigs are closed before the folders go.
const rigWith = useRigs();

const template = (uuid: string, more: Partial<LibraryEntry> = {}): LibraryEntry => ({
  uuid,
  name: `name of ${uuid}`,
  tag: 'v1',
  status: 'stopped',
  ...more,
});

const uuids = ({ provider }: Rig): readonly string[] => provider.templates.map(({ uuid }) => uuid).sort();

/** A VM of this template, made and gone again. */
async function useOnce(rig: Rig, runner: string, name: string): Promise<void> {
  const hold = rig.hold(runner);
  await rig.call('cloneVm', { ...vmInput(runner), template: name }).result;
  await rig.call('destroyVm', { runner }).result;
  await hold.result;
}

/** A disk of 100 with `old` and `newer`, of 40 each, used in this order; the registry has everything. */
async function fullDisk(options: RigOptions = {}): Promise<Rig> {
  const provider = new FakeProvider();
  provider.templates = [template('old'), template('newer')];
  provider.diskBytes = 100;
  for (const name of ['old', 'newer', 'next']) {
    provider.sizes.set(name, 40);
    provider.registry.add(`${name}:v1`);
  }
  const rig = await rigWith({ provider, ...options });
  await useOnce(rig, A, 'old');
  await useOnce(rig, B, 'newer');
  return rig;
}

const pullNext = async (rig: Rig): Promise<unknown> => {
  rig.hold(C);
  return rig.call('ensureTemplate', { ...vmInput(C), template: 'next' }).result;
};

describe('room for a pull', () => {
  it('is made by removing the template that was used least recently, and no more than that', async () => {
    const rig = await fullDisk();
    expect(await pullNext(rig)).toEqual({ tag: 'v1', pulled: true });
    expect(uuids(rig)).toEqual(['newer', 'next']);
    const order = rig.provider.calls.filter((call) => /^(remove|pull) /.test(call));
    expect(order).toEqual(['remove old', 'pull next v1']);
  });

  it('goes by the use, not by the pull: also after a restart of the agent', async () => {
    const rig = await fullDisk();
    await useOnce(rig, 'berth-4-1-dddd', 'old');
    await rig.restart();
    await pullNext(rig);
    expect(uuids(rig)).toEqual(['next', 'old']);
  });

  it('is enough as long as the buffer stays free', async () => {
    const rig = await fullDisk();
    rig.provider.sizes.set('next', 10);
    await pullNext(rig);
    expect(uuids(rig)).toEqual(['newer', 'next', 'old']);
    expect(rig.provider.count('remove')).toBe(0);
  });

  it('is not made by removing in vain: DiskFull, and nothing is gone', async () => {
    const rig = await fullDisk();
    rig.provider.sizes.set('next', 95);
    await expect(pullNext(rig)).rejects.toEqual(
      failure('DiskFull', /needs 0\.0 GB and 0\.0 GB are to stay free; .* on host mac-1/),
    );
    expect(uuids(rig)).toEqual(['newer', 'old']);
    expect(rig.provider.count('pull')).toBe(0);
    expect((await rig.agent.report()).pulling).toBeNull();
  });

  it('is left to the pull where nobody can say what that takes', async () => {
    const rig = await fullDisk();
    rig.provider.before = (call) => {
      if (call.startsWith('size')) throw new ProviderError('CommandFailed', 'no such option');
    };
    expect(await pullNext(rig)).toEqual({ tag: 'v1', pulled: true });
    expect(rig.provider.count('remove')).toBe(0);
  });

  it('is looked for again while it does not suffice', async () => {
    const rig = await fullDisk();
    // What it says to take and what its removal frees differ: layers are shared.
    const sizeOf = rig.provider.sizeOf.bind(rig.provider);
    rig.provider.sizeOf = async (uuid, options) => {
      const size = await sizeOf(uuid, options);
      return size && { ...size, imageBytes: 90 };
    };
    rig.provider.sizes.set('next', 60);
    await pullNext(rig);
    expect(uuids(rig)).toEqual(['next']);
  });
});

describe('a template is never removed', () => {
  async function expectKept(rig: Rig, kept: string): Promise<void> {
    await pullNext(rig);
    expect(uuids(rig)).toEqual([kept, 'next'].sort());
  }

  it('while a VM of it is there, also one of before a restart', async () => {
    const rig = await fullDisk();
    rig.hold('berth-4-1-dddd', 'b');
    await rig.call('cloneVm', { ...vmInput('berth-4-1-dddd', { slot: 'b' }), template: 'newer' }).result;
    await useOnce(rig, 'berth-5-1-eeee', 'old');
    await rig.restart();
    await expectKept(rig, 'newer');
  });

  it('while a job that found it there has not cloned it yet', async () => {
    const rig = await fullDisk();
    rig.hold('berth-4-1-dddd', 'b');
    await rig.call('ensureTemplate', { ...vmInput('berth-4-1-dddd', { slot: 'b' }), template: 'old' }).result;
    await expectKept(rig, 'old');
    await rig.call('cloneVm', { ...vmInput('berth-4-1-dddd', { slot: 'b' }), template: 'old' }).result;
  });

  it('when the config names it', async () => {
    await expectKept(await fullDisk({ templates: [{ template: 'old', tag: 'v1' }] }), 'old');
  });

  it('when no registry has it any more', async () => {
    const rig = await fullDisk();
    rig.provider.registry.delete('old:v1');
    await expectKept(rig, 'old');
  });

  it.each<[string, Partial<LibraryEntry>]>([
    ['Berth never used it', {}],
    ['it has no tag, as a VM has none', { tag: '' }],
    ['it runs', { status: 'running' }],
    ["it has the name of one of Berth's VMs", { name: 'berth-9-1-ffff' }],
  ])('when %s', async (why, more) => {
    const rig = await fullDisk();
    const { tag, ...rest } = template('somebodys', more);
    rig.provider.templates.unshift({ ...rest, ...(tag !== '' && { tag }) });
    rig.provider.sizes.set('somebodys', 10);
    rig.provider.registry.add('somebodys:v1');
    if (why !== 'Berth never used it') await writeUse(rig, 'somebodys');
    await rig.restart();
    rig.provider.sizes.set('next', 95);
    await expect(pullNext(rig)).rejects.toEqual(failure('DiskFull'));
    rig.provider.sizes.set('next', 60);
    await rig.call('ensureTemplate', { ...vmInput(C), template: 'next' }).result;
    expect(uuids(rig)).toEqual(['next', 'somebodys']);
  });

  /** As if it had been used first of all. */
  async function writeUse(rig: Rig, name: string): Promise<void> {
    const file = join(rig.config.stateDir, 'templates.json');
    await eventually(async () => expect(await readFile(file, 'utf8')).toContain('newer'));
    const uses = JSON.parse(await readFile(file, 'utf8')) as unknown[];
    await writeFile(file, JSON.stringify([{ template: name, usedAt: 1, runners: [] }, ...uses]));
  }

  it('when the file of uses cannot be read', async () => {
    const rig = await fullDisk();
    await rig.restart();
    await writeFile(join(rig.config.stateDir, 'templates.json'), '{"half":');
    await rig.restart();
    await expect(pullNext(rig)).rejects.toEqual(failure('DiskFull'));
    expect(uuids(rig)).toEqual(['newer', 'old']);
  });
});

describe('a template that is being removed', () => {
  it('is pulled again for the job that comes meanwhile, instead of failing its clone', async () => {
    const rig = await fullDisk();
    let finish = (): void => undefined;
    rig.provider.before = (call) =>
      call === 'remove old' ? new Promise<void>((resolve) => (finish = resolve)) : undefined;
    const pull = pullNext(rig);
    await eventually(() => expect(rig.provider.count('remove')).toBe(1));
    rig.hold('berth-4-1-dddd', 'b');
    const late = rig.call('cloneVm', { ...vmInput('berth-4-1-dddd', { slot: 'b' }), template: 'old' });
    late.result.catch(() => undefined);
    await eventually(() => expect(late.beats).not.toEqual([]));
    expect(rig.provider.count('clone old berth-4')).toBe(0);
    finish();
    await pull;
    // Either it waits for its own pull, or the pull under way sends it elsewhere; its clone never fails.
    const end = await late.result.catch((err: unknown) => err);
    if (end !== undefined) expect(end).toEqual(failure('PullUnderWay'));
    else expect(rig.provider.vms.has('berth-4-1-dddd')).toBe(true);
  });
});

describe('progress of a pull', () => {
  it('is in the heartbeats of its step, and told to its workflow when it takes long', async () => {
    const rig = await rigWith();
    rig.provider.diskBytes = 1e12;
    rig.provider.sizes.set(TEMPLATE, 20e9);
    let finish = (): void => undefined;
    const pull = rig.provider.pull.bind(rig.provider);
    rig.provider.pull = async (ref, registry, onProgress, options) => {
      onProgress({ percent: 42 });
      await new Promise<void>((resolve) => (finish = resolve));
      return pull(ref, registry, onProgress, options);
    };
    rig.hold(A);
    const ensured = rig.call('ensureTemplate', vmInput(A, { tag: 'v2' }));
    await eventually(() => expect(ensured.beats).toContain(`pulls ${TEMPLATE}, tag v2: 42 %, 8.4 of 20.0 GB`));
    await eventually(() =>
      expect(rig.temporal.progress).toContainEqual({
        workflowId: `runner/${A}`,
        what: `pulls ${TEMPLATE}, tag v2: 42 %, 8.4 of 20.0 GB`,
      }),
    );
    finish();
    await ensured.result;
  });

  it.each([
    [{ percent: 42.4 }, 20e9, ': 42 %, 8.5 of 20.0 GB'],
    [{ bytes: 5e9 }, 20e9, ': 25 %, 5.0 of 20.0 GB'],
    [{ bytes: 21e9 }, 20e9, ': 100 %, 21.0 of 20.0 GB'],
    [{ bytes: 5e9 }, undefined, ': 5.0 GB'],
    [{ percent: 7 }, undefined, ': 7 %'],
    [{}, 20e9, ''],
  ])('%o of %s is "%s"', (progress, total, text) => {
    expect(progressText(progress, total)).toBe(text);
  });
});

describe('templates that the config names', () => {
  it('are pulled at the start, one after the other, and reported', async () => {
    const wanted = [
      { template: TEMPLATE, tag: 'v1' },
      { template: 'more', tag: 'v1' },
    ];
    const rig = await rigWith({ templates: wanted });
    await rig.agent.start();
    await eventually(() => expect(rig.provider.calls).toContain('pull more v1'));
    await eventually(async () =>
      expect((await rig.agent.report()).templates.map(({ uuid }) => uuid)).toEqual([TEMPLATE, 'more']),
    );
    expect(rig.provider.count('pull')).toBe(1);
  });

  it('hold up no job whose template is there', async () => {
    const rig = await rigWith({ templates: [{ template: 'more', tag: 'v1' }] });
    rig.provider.before = (call) => (call.startsWith('pull') ? new Promise<void>(() => undefined) : undefined);
    await rig.agent.start();
    await eventually(() => expect(rig.provider.count('pull')).toBe(1));
    await rig.bringUp(A);
    expect((await rig.agent.report()).pulling).toEqual({ template: 'more', tag: 'v1' });
  });
});

describe('folders of the host', () => {
  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'berth-mount-'));
    folders.push(path);
    return path;
  }

  it('are mounted once the guest answers, before the runner starts; one behind two links once', async () => {
    const path = await folder();
    await symlink(path, join(path, 'link'));
    const rig = await rigWith({ mounts: [path, join(path, 'link'), `${path}:warm`] });
    await rig.bringUp(A);
    const calls = rig.provider.calls.filter((call) => /^(start|cp|mount|run)/.test(call));
    expect(calls.slice(0, 6)).toEqual([
      `start ${A}`,
      `cp berth-guest.bash ${A}`,
      `mount ${A} ${path}`,
      `mount ${A} ${path} warm`,
      `cp berth-jitconfig ${A}`,
      `run ${A} start`,
    ]);
  });

  it('that go missing fail the VM by MountFailed', async () => {
    const path = await folder();
    const rig = await rigWith({ mounts: [join(path, 'gone')] });
    rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    await expect(rig.call('startVm', { runner: A }).result).rejects.toEqual(failure('MountFailed', /gone/));
  });

  it.each([
    ['a folder is not there', '3.9.1', ['/nowhere/at/all'], /^host_to_guest_folder_mounts: \/nowhere\/at\/all/],
    ['Anka is too old', '3.8.4 (build 1)', ['/'], /needs Anka 3.9 or newer, this is 3.8.4/],
    ['all is well', '3.10.0', ['/'], undefined],
    ['nothing is mounted', '3.8.4', [], undefined],
  ])('close the host with a reason when %s', async (_, version, mounts, problem) => {
    const provider = new FakeProvider();
    provider.kind = 'anka';
    provider.version = version;
    const rig = await rigWith({ provider, mounts });
    await rig.agent.start();
    const expected = problem === undefined ? [] : [expect.stringMatching(problem)];
    expect((await rig.agent.report()).provider.problems).toEqual(expected);
  });
});

describe('the limit of running VMs', () => {
  const refused = (rig: Rig): void => {
    rig.provider.before = (call) => {
      if (call.startsWith('start')) throw new ProviderError('VmLimit', 'maximum number of running VMs');
    };
  };

  it('reached while nothing runs means that the host needs a reboot', async () => {
    const rig = await rigWith();
    rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    refused(rig);
    await expect(rig.call('startVm', { runner: A }).result).rejects.toEqual(failure('VmLimit'));
    const { needsReboot, provider } = await rig.agent.report();
    expect(needsReboot).toBe(true);
    expect(provider.problems).toEqual([expect.stringMatching(/^needs a reboot: /)]);
  });

  it('reached because somebody started VMs since the last look is no fault of the host', async () => {
    const rig = await rigWith({ vmLimit: 3 });
    rig.hold(A);
    await rig.call('cloneVm', vmInput(A)).result;
    rig.provider.add('someones', 'running');
    refused(rig);
    await expect(rig.call('startVm', { runner: A }).result).rejects.toEqual(failure('VmLimit'));
    const { needsReboot, provider, foreignVms } = await rig.agent.report();
    expect({ needsReboot, problems: provider.problems }).toEqual({ needsReboot: false, problems: [] });
    expect(foreignVms).toEqual(['someones']);
  });

  it('reached by two jobs at once means so, too', async () => {
    const rig = await rigWith();
    for (const [runner, slot] of [
      [A, 'a'],
      [B, 'b'],
    ] as const) {
      rig.hold(runner, slot);
      await rig.call('cloneVm', vmInput(runner, { slot })).result;
    }
    refused(rig);
    await expect(rig.call('startVm', { runner: A }).result).rejects.toEqual(failure('VmLimit'));
    expect((await rig.agent.report()).needsReboot, 'the other VM may be about to run').toBe(false);
    await expect(rig.call('startVm', { runner: B }).result).rejects.toEqual(failure('VmLimit'));
    expect((await rig.agent.report()).needsReboot).toBe(true);
  });
});

describe('a template that an operator wants here', () => {
  const pull = (rig: Rig, template: string, tag = 'v1') => rig.call('pullTemplate', { template, tag });

  it('is pulled, once', async () => {
    const rig = await rigWith();
    expect(await pull(rig, 'next').result).toEqual({ tag: 'v1', pulled: true });
    expect(await pull(rig, 'next').result).toEqual({ tag: 'v1', pulled: false });
    expect(rig.provider.count('pull next v1')).toBe(1);
  });

  it('waits for the pull of another one, and says so', async () => {
    const rig = await rigWith();
    let end = (): void => undefined;
    const held = new Promise<void>((resolve) => (end = resolve));
    rig.provider.before = (call) => (call.startsWith('pull other') ? held : undefined);
    const first = pull(rig, 'other');
    await eventually(() => expect(rig.provider.count('pull other v1')).toBe(1));
    const second = pull(rig, 'next');
    await eventually(() => expect(second.beats).toContain('waits for the pull of other to end'));
    expect(rig.provider.count('pull next v1')).toBe(0);
    end();
    expect([(await first.result).pulled, (await second.result).pulled]).toEqual([true, true]);
  });

  it.each([
    ['--all', 'v1'],
    ['next', '-f'],
    ['next; rm', 'v1'],
  ])('must be one: %s, tag %s', async (template, tag) => {
    const rig = await rigWith();
    await expect(pull(rig, template, tag).result).rejects.toEqual(failure('TemplatePullFailed', /not the name/));
    expect(rig.provider.count('pull')).toBe(0);
  });
});
