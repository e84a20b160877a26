/** Writes what `lib/*.bash` reads: templates, settings, faults. The formats are in README.md. */

import { chmod, copyFile, cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnkaDelays, AnkaFault, AnkaHostOptions, AnkaTemplate, RunnerBehaviour, TemplateFile } from './types.js';

/** This folder: in the source tree, or below `dist/`, where the build puts the scripts as well. */
export const SIMULATOR_FOLDER = dirname(fileURLToPath(import.meta.url));

const SCRIPTS = ['run.sh', 'config.sh', 'svc.sh'];

/** A status is always as long: readers never see half of it. */
export const statusLine = (status: string): string => `${status.padEnd(40)}\n`;

/** The meta line of an entry, as in `lib/library.bash`. */
export function metaLine(entry: AnkaTemplate, kind: 'template' | 'vm', home: string): string {
  const { cpuCores = 4, ramBytes = 4 * 2 ** 30, diskBytes = 2 ** 37, imageBytes = 19_035_295_744 } = entry;
  const created = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const sizes = [cpuCores, ramBytes, diskBytes, imageBytes];
  return `${[entry.uuid, entry.name, entry.tag ?? '', ...sizes, created, kind, home].join('|')}\n`;
}

/** Puts the file in place at once, so that a call that reads it meanwhile sees the old or the new one. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const draft = `${path}.draft`;
  await writeFile(draft, content);
  await rename(draft, path);
}

/** What all runners of the host in `dir` share: their program, and node. */
export async function writeRunnerProgram(dir: string): Promise<void> {
  const folder = join(dir, 'runner');
  await cp(join(SIMULATOR_FOLDER, 'actions-runner', 'bin'), join(folder, 'bin'), { recursive: true });
  await chmod(join(folder, 'bin', 'Runner.Listener'), 0o755);
  const node = join(folder, 'externals', 'node20', 'bin');
  await mkdir(node, { recursive: true });
  await rm(join(node, 'node'), { force: true });
  await symlink(process.execPath, join(node, 'node'));
}

/** Few files: each of them costs every clone 0.2 ms. */
async function writeRunner(dir: string, folder: string, behaviour: RunnerBehaviour): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const script of SCRIPTS) {
    await copyFile(join(SIMULATOR_FOLDER, 'actions-runner', script), join(folder, script));
    await chmod(join(folder, script), 0o755);
  }
  for (const shared of ['bin', 'externals']) await symlink(join(dir, 'runner', shared), join(folder, shared));
  await writeFile(join(folder, '.sim'), JSON.stringify(behaviour));
}

async function writeHomeFile(home: string, path: string, file: TemplateFile): Promise<void> {
  const target = join(home, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, file.content);
  await chmod(target, file.mode ?? 0o644);
}

async function writeHome(dir: string, home: string, template: AnkaTemplate): Promise<void> {
  await mkdir(home, { recursive: true });
  const { runner = true, files = {} } = template;
  if (runner !== false) await writeRunner(dir, join(home, 'actions-runner'), runner === true ? {} : runner);
  await Promise.all(Object.entries(files).map(([path, file]) => writeHomeFile(home, path, file)));
}

/** Adds a template to the library of the host in `dir`. */
export async function addToLibrary(dir: string, template: AnkaTemplate): Promise<void> {
  const folder = join(dir, 'library', template.uuid);
  await writeHome(dir, join(folder, 'home'), template);
  await writeFile(join(folder, 'status'), statusLine(template.status ?? 'stopped'));
  await replaceFile(join(folder, 'meta'), metaLine(template, 'template', 'home'));
}

/**
 * Adds a template and tag to the registry of the host in `dir`; the tag becomes the template's latest.
 * @throws Error when it has no tag
 */
export async function addToRegistry(dir: string, template: AnkaTemplate): Promise<void> {
  if (template.tag === undefined) throw new Error(`template ${template.name} needs a tag to be in a registry`);
  const folder = join(dir, 'registry', template.uuid);
  await writeHome(dir, join(folder, template.tag, 'home'), template);
  await replaceFile(join(folder, template.tag, 'meta'), metaLine(template, 'template', 'home'));
  await replaceFile(join(folder, 'latest'), `${template.tag}\n`);
}

/** The `settings` file. */
export function settingsText(options: AnkaHostOptions, delays: AnkaDelays): string {
  const { vmLimit = 2, readyMs = 0, version = '3.9.1' } = options;
  const license = options.license ?? { status: 'valid', type: 'com.veertu.anka.entplus' };
  const lines = [`limit ${vmLimit}`, `ready ${readyMs}`, `version ${version}`];
  lines.push(`license ${license.status} ${license.type}`);
  if (options.diskBytes !== undefined) lines.push(`disk_size ${options.diskBytes}`);
  for (const [operation, ms] of Object.entries(delays)) lines.push(`delay ${operation} ${ms}`);
  return `${lines.join('\n')}\n`;
}

/**
 * The `faults` file. `id` numbers the faults so that a fault set anew counts its uses anew.
 * @throws Error when a `match` has a blank or a message a line break
 */
export function faultsText(faults: readonly AnkaFault[], id: string): string {
  return faults.map((fault, index) => `${faultLine(fault, `${id}-${index}`)}\n`).join('');
}

function faultLine(fault: AnkaFault, id: string): string {
  const { command, kind, message, ...keys } = { message: undefined, ...fault };
  const words = [command, kind, `id=${id}`];
  for (const [key, value] of Object.entries(keys)) {
    if (/\s/.test(String(value))) throw new Error(`a fault's ${key} has no blanks: '${String(value)}'`);
    words.push(`${key}=${String(value)}`);
  }
  if (message?.includes('\n') === true) throw new Error("a fault's message is one line");
  if (message !== undefined) words.push(`message=${message}`);
  return words.join(' ');
}
