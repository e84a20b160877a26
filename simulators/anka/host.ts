/** A pretend Mac with Anka: a folder, an `anka` for PATH, and VMs whose guests are processes of this machine. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { addToLibrary, addToRegistry, faultsText, metaLine, replaceFile } from './files.js';
import { SIMULATOR_FOLDER, settingsText, statusLine, writeRunnerProgram } from './files.js';
import { readCalls, readLibrary } from './state.js';
import type { AnkaCall, AnkaDelays, AnkaFault, AnkaHostOptions, AnkaOperation, AnkaTemplate, AnkaVm } from './types.js';

export type { AnkaCall, AnkaDelays, AnkaFault, AnkaHostOptions, AnkaTemplate } from './types.js';
export type { RunnerBehaviour, TemplateFile } from './types.js';

const exec = promisify(execFile);

export interface ForeignVm {
  readonly name: string;
  /** The VM ends, and its place is free. */
  remove(): Promise<void>;
}

export interface AnkaHost {
  readonly dir: string;
  /** The folder with the executable `anka`. */
  readonly bin: string;
  /** What a host agent needs in its environment: `PATH` (with `bin` first) and `ANKA_SIM_DIR`. */
  env(): Record<string, string>;
  /** VMs in the library, foreign ones included; templates are not. */
  vms(): Promise<readonly AnkaVm[]>;
  templates(): Promise<readonly AnkaVm[]>;
  /** Every call of `anka` so far, in the order in which they began. */
  commands(): Promise<readonly AnkaCall[]>;
  /** What was done that must never be, such as two pulls at once; one line each. */
  violations(): Promise<readonly string[]>;
  /** Replaces all faults. */
  setFaults(faults: readonly AnkaFault[]): Promise<void>;
  /** Replaces all delays. */
  setDelays(delays: AnkaDelays): Promise<void>;
  /** Calls of these operations, and of no others, stand still in the middle of their work until they are held no more. */
  setHeld(operations: readonly AnkaOperation[]): Promise<void>;
  /** Calls whose process is still there; one that was stopped (SIGSTOP) is. */
  callsLeft(): Promise<readonly AnkaCall[]>;
  /** Adds a template and tag to the registry. */
  publish(template: AnkaTemplate): Promise<void>;
  /**
   * A running VM that nobody of ours made, in the library or (`inLibrary: false`) of another tool that `anka` doesn't see.
   * @throws Error when as many VMs run as may
   */
  addForeignVm(options?: { readonly name?: string; readonly inLibrary?: boolean }): Promise<ForeignVm>;
  /** The guest dies: its processes are killed, the VM is stopped. @throws Error when there is no such VM */
  crashVm(name: string): Promise<void>;
  /** Kills every call and every guest of this host and removes its folder. */
  destroy(): Promise<void>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

async function writeExecutable(dir: string): Promise<string> {
  const bin = join(dir, 'bin');
  await mkdir(bin, { recursive: true });
  const main = join(SIMULATOR_FOLDER, 'lib', 'main.bash');
  await writeFile(join(bin, 'anka'), `#!/bin/bash\nANKA_SIM_DIR=${quoted(dir)}\n. ${quoted(main)}\n`, { mode: 0o755 });
  return bin;
}

async function takePlace(dir: string, owner: string, limit: number): Promise<string> {
  for (let n = 1; n <= limit; n += 1) {
    const place = join(dir, 'running', String(n));
    const taken = await writeFile(place, `${process.pid} ${owner}\n`, { flag: 'wx' }).then(
      () => false,
      () => true,
    );
    if (!taken) return place;
  }
  throw new Error(`${limit} VMs run already: a foreign one could not start either`);
}

async function addForeign(dir: string, name: string, inLibrary: boolean, limit: number): Promise<ForeignVm> {
  const uuid = randomUUID();
  const place = await takePlace(dir, inLibrary ? `${uuid} ${name}` : `@${uuid} -`, limit);
  const folder = join(dir, 'library', name);
  if (inLibrary) {
    await mkdir(join(folder, 'home'), { recursive: true });
    await writeFile(join(folder, 'status'), statusLine('running 0'));
    await replaceFile(join(folder, 'meta'), metaLine({ uuid, name }, 'vm', 'home'));
  }
  return {
    name,
    remove: async () => {
      await rm(place, { force: true });
      if (inLibrary) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function commandLine(pid: number): Promise<string> {
  const own = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (own !== undefined) return own;
  const { stdout } = await exec('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout;
}

/** Calls without an end whose process is still the `anka` of this host. */
async function callsLeft(dir: string, bin: string): Promise<readonly AnkaCall[]> {
  const left: AnkaCall[] = [];
  for (const call of await readCalls(dir)) {
    if (call.end === undefined && (await commandLine(call.pid)).includes(join(bin, 'anka'))) left.push(call);
  }
  return left;
}

async function killCalls(dir: string, bin: string): Promise<void> {
  for (const call of await callsLeft(dir, bin)) {
    try {
      process.kill(call.pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

async function destroyHost(dir: string, bin: string): Promise<void> {
  await rm(bin, { recursive: true, force: true });
  await killCalls(dir, bin);
  await control(dir, 'reap');
  await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

async function holdOnly(dir: string, operations: readonly AnkaOperation[]): Promise<void> {
  const folder = join(dir, 'held');
  const gone = (await readdir(folder)).filter((name) => !operations.some((operation) => operation === name));
  await Promise.all(gone.map((name) => rm(join(folder, name), { force: true })));
  await Promise.all(operations.map((operation) => writeFile(join(folder, operation), '')));
}

async function control(dir: string, ...args: readonly string[]): Promise<void> {
  const script = join(SIMULATOR_FOLDER, 'bin', 'anka-sim');
  await exec('/bin/bash', [script, ...args], { env: { ...process.env, ANKA_SIM_DIR: dir } });
}

/** Prepares the folder of a host. Nothing runs until `anka` is called. */
export async function createAnkaHost(options: AnkaHostOptions): Promise<AnkaHost> {
  await mkdir(options.dir, { recursive: true });
  const dir = await realpath(options.dir);
  const limit = options.vmLimit ?? 2;
  for (const part of ['library', 'running', 'registry', 'fault-uses', 'held'])
    await mkdir(join(dir, part), { recursive: true });
  await writeRunnerProgram(dir);
  for (const template of options.templates ?? []) await addToLibrary(dir, template);
  for (const template of options.registry ?? []) await addToRegistry(dir, template);
  const bin = await writeExecutable(dir);
  const setDelays = (delays: AnkaDelays): Promise<void> =>
    replaceFile(join(dir, 'settings'), settingsText(options, delays));
  await setDelays(options.delays ?? {});
  return {
    dir,
    bin,
    env: () => ({ PATH: `${bin}${delimiter}${process.env.PATH ?? '/usr/bin:/bin'}`, ANKA_SIM_DIR: dir }),
    vms: () => readLibrary(dir, 'vm'),
    templates: () => readLibrary(dir, 'template'),
    commands: () => readCalls(dir),
    violations: async () => {
      const text = await readFile(join(dir, 'violations.log'), 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '');
    },
    setFaults: async (faults) => replaceFile(join(dir, 'faults'), faultsText(faults, randomUUID().slice(0, 8))),
    setDelays,
    setHeld: (operations) => holdOnly(dir, operations),
    callsLeft: () => callsLeft(dir, bin),
    publish: (template) => addToRegistry(dir, template),
    addForeignVm: ({ name = `foreign-${randomUUID().slice(0, 8)}`, inLibrary = true } = {}) =>
      addForeign(dir, name, inLibrary, limit),
    crashVm: (name) => control(dir, 'crash', name),
    destroy: () => destroyHost(dir, bin),
  };
}
