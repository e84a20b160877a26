/**
 * VMs by the `anka` command line (Anka 3.x). Every call is one process, several may run at once; they inherit the
 * agent's whole environment, as Anka finds its VM library by the user's home.
 */

import { LATEST } from '../../jobs/labels.js';
import { DEFAULT_LIMITS } from '../../jobs/phases.js';
import { ProviderError } from '../provider.js';
import type { GuestRunOptions, GuestRunResult, LibraryEntry, Provider, VmShape, VmStatus } from '../provider.js';
import { CONNECTION_LOST, NOT_FOUND, expectOk, typeOfText } from './classify.js';
import type { About } from './classify.js';
import { runCommand } from './command.js';
import type { CommandOptions } from './command.js';
import { libraryBody, parseEnvelope, shapeBody } from './envelope.js';
import type { Envelope } from './envelope.js';
import * as limits from './limits.js';
import type { CommandLimits } from './limits.js';
import { probe } from './probe.js';
import { hasInRegistry, pull, pullSize } from './registry.js';

export interface AnkaOptions {
  /** The command; default: `anka` on the PATH. */
  readonly path?: string;
  /** Default: `DEFAULT_LIMITS`. */
  readonly limits?: CommandLimits;
}

/** Runs `anka -j …` and answers the envelope of its success. */
export type Ask = (args: readonly string[], about: About, options: CommandOptions) => Promise<Envelope>;

/** @throws never; each call throws `ProviderError`, or the reason of its aborted signal */
export function createAnkaProvider({ path = 'anka', limits: phases = DEFAULT_LIMITS }: AnkaOptions = {}): Provider {
  const ask: Ask = async (words, about, options) => {
    const args = ['-j', ...words];
    return expectOk(args, await runCommand(path, args, options), about);
  };
  return {
    kind: 'anka',
    probe: () => probe(ask),
    list: ({ signal } = {}) => list(ask, signal),
    localTag: (template, { signal } = {}) => localTag(ask, template, signal),
    pull: (ref, registryUrl, onProgress, { signal, onProcess } = {}) =>
      pull(ask, ref, registryUrl, onProgress, { signal, onProcess, timeoutMs: phases.pullMs }),
    sizeOf: (uuid, { signal } = {}) => sizeOf(ask, uuid, signal),
    pullSize: (ref, registryUrl, { signal } = {}) => pullSize(ask, ref, registryUrl, signal),
    hasInRegistry: (ref, registryUrl, { signal } = {}) => hasInRegistry(ask, ref, registryUrl, signal),
    removeTemplate: async (uuid) => {
      await destroy(path, uuid, aboutTemplate(uuid), phases.deleteMs);
    },
    clone: async ({ template }, vm, { signal } = {}) => {
      const about = { ...aboutVm(vm), notFound: 'TemplateNotFound' as const };
      await ask(['clone', template, vm], about, { timeoutMs: phases.cloneMs, signal });
    },
    start: async (vm, { signal } = {}) => {
      await ask(['start', vm], aboutVm(vm), { timeoutMs: phases.startMs, signal });
    },
    copyIn: async (vm, hostPath, { signal } = {}) => {
      const about = { ...aboutVm(vm), otherwise: 'GuestUnreachable' as const };
      await ask(['cp', '-a', hostPath, `${vm}:`], about, { timeoutMs: limits.COPY_MS, signal });
    },
    run: (vm, command, options) => runInGuest(path, vm, command, options),
    mount: async (vm, hostPath, guestName, { signal } = {}) => {
      const share = guestName === undefined ? hostPath : `${hostPath}:${guestName}`;
      const about = { ...aboutVm(vm), otherwise: 'MountFailed' as const };
      await ask(['mount', vm, share], about, { timeoutMs: limits.QUESTION_MS, signal });
    },
    destroy: (vm) => destroy(path, vm, aboutVm(vm), phases.deleteMs),
  };
}

const aboutVm = (vm: string): About => ({ what: `VM ${vm}`, notFound: 'VmGone', otherwise: 'CommandFailed' });

const aboutTemplate = (template: string): About => ({
  what: `template ${template}`,
  notFound: 'TemplateNotFound',
  otherwise: 'CommandFailed',
});

const STATUSES: readonly VmStatus[] = ['running', 'stopped', 'suspended', 'failed'];

function entriesOf(envelope: Envelope): readonly LibraryEntry[] {
  // An empty library is `[]`, or in some versions `{}` or nothing.
  const { success, data } = libraryBody.safeParse(isEmpty(envelope.body) ? [] : envelope.body);
  if (!success) throw new ProviderError('BadOutput', '`anka list` printed a list that is not one of VMs');
  return data.map(({ uuid, name, version, status }) => ({
    uuid,
    name,
    ...(version !== undefined && version !== '' && { tag: version }),
    status: STATUSES.find((known) => known === status) ?? 'unknown',
  }));
}

const isEmpty = (body: unknown): boolean =>
  body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0);

async function list(ask: Ask, signal: AbortSignal | undefined): Promise<readonly LibraryEntry[]> {
  const about = { what: 'the library', notFound: 'CommandFailed', otherwise: 'CommandFailed' } as const;
  return entriesOf(await ask(['list'], about, { timeoutMs: limits.QUESTION_MS, signal }));
}

async function localTag(
  ask: Ask,
  template: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly tag: string } | undefined> {
  try {
    const answer = await ask(['list', template], aboutTemplate(template), { timeoutMs: limits.QUESTION_MS, signal });
    const entry = entriesOf(answer)[0];
    // A template whose last pull broke is as good as none.
    return entry === undefined || entry.status === 'failed' ? undefined : { tag: entry.tag ?? LATEST };
  } catch (error) {
    if (error instanceof ProviderError && error.type === 'TemplateNotFound') return undefined;
    throw error;
  }
}

async function sizeOf(ask: Ask, uuid: string, signal: AbortSignal | undefined): Promise<VmShape | undefined> {
  // Not `TemplateNotFound`, which would end a job: one that is gone is of no size.
  const about: About = { ...aboutTemplate(uuid), notFound: 'CommandFailed' };
  const { body } = await ask(['show', uuid], about, { timeoutMs: limits.QUESTION_MS, signal });
  const { data } = shapeBody.safeParse(body);
  if (data === undefined) return undefined;
  const { cpu_cores: cpus, ram_size: memoryBytes, image_size: imageBytes } = data;
  return { cpus, memoryBytes, ...(imageBytes !== undefined && { imageBytes }) };
}

/** Without `-j`: standard output is the guest's, and so is the exit code. */
async function runInGuest(
  path: string,
  vm: string,
  command: string,
  { signal, timeoutMs, onLine }: GuestRunOptions,
): Promise<GuestRunResult> {
  const result = await runCommand(path, ['run', vm, 'bash', '-c', command], { timeoutMs, signal, onLine });
  const { exitCode, stderrTail } = result;
  if (exitCode === undefined || exitCode === CONNECTION_LOST) {
    throw new ProviderError(
      'GuestUnreachable',
      `the connection to the guest of VM ${vm} was lost: ${stderrTail.trim() || 'no message'}`,
    );
  }
  if (exitCode === NOT_FOUND && /not found/i.test(stderrTail))
    throw new ProviderError('VmGone', `VM ${vm} is not found`);
  if (exitCode !== 0 && typeOfText(stderrTail) === 'GuestUnreachable') {
    throw new ProviderError('GuestUnreachable', `the guest of VM ${vm} does not answer: ${stderrTail.trim()}`);
  }
  return { exitCode, stderrTail };
}

/** A delete in flight is not ended, unless it hangs: half a deleted VM is worse than a slow one. */
async function destroy(
  path: string,
  id: string,
  about: About,
  timeoutMs: number,
): Promise<{ readonly existed: boolean }> {
  const args = ['-j', 'delete', '--yes', id];
  const result = await runCommand(path, args, { timeoutMs, isLeftAlone: true });
  if (parseEnvelope(result.lastLine)?.code === NOT_FOUND) return { existed: false };
  expectOk(args, result, about);
  return { existed: true };
}
