/** What `anka` does with a template registry, and what it says of the room that a pull needs. */

import { statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { LATEST } from '../../jobs/labels.js';
import { ProviderError } from '../provider.js';
import type { PullProgress, PullSize, TemplateRef } from '../provider.js';
import type { Ask } from './anka.js';
import type { About } from './classify.js';
import type { CommandOptions } from './command.js';
import { configBody, parseEnvelope, progressBody, sizeBody } from './envelope.js';
import * as limits from './limits.js';

const registryWords = (registryUrl: string | undefined): readonly string[] => [
  'registry',
  ...(registryUrl === undefined ? [] : ['--remote', registryUrl]),
];

const whichWords = ({ template, tag }: TemplateRef): readonly string[] => [
  template,
  ...(tag === LATEST ? [] : ['--tag', tag]),
];

const aboutRegistry = ({ template, tag }: TemplateRef, registryUrl: string | undefined): About => ({
  what: `template ${template}, tag ${tag}, in ${registryUrl ?? 'the default registry'}`,
  notFound: 'TemplateNotFound',
  otherwise: 'TemplatePullFailed',
  noSpace: 'DiskFull',
});

/**
 * The registry is asked first: only its own "not found" may end a job; a pull breaks for many reasons.
 * @throws ProviderError `TemplateNotFound`, `RegistryUnavailable`, `DiskFull`, `TemplatePullFailed`
 */
export async function pull(
  ask: Ask,
  ref: TemplateRef,
  registryUrl: string | undefined,
  onProgress: (progress: PullProgress) => void,
  { signal, timeoutMs, onProcess }: Pick<CommandOptions, 'signal' | 'timeoutMs' | 'onProcess'>,
): Promise<void> {
  await showInRegistry(ask, ref, registryUrl, signal);
  const about: About = { ...aboutRegistry(ref, registryUrl), notFound: 'TemplatePullFailed' };
  const words = [...registryWords(registryUrl), 'pull', '--shrink', ...whichWords(ref)];
  const onLine = (line: string): void => noteProgress(line, onProgress);
  await askRegistry('TemplatePullFailed', () => ask(words, about, { timeoutMs, signal, onLine, onProcess }));
}

async function showInRegistry(
  ask: Ask,
  ref: TemplateRef,
  registryUrl: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const about: About = { ...aboutRegistry(ref, registryUrl), otherwise: 'RegistryUnavailable' };
  const words = [...registryWords(registryUrl), 'show', ...whichWords(ref)];
  await askRegistry('RegistryUnavailable', () => ask(words, about, { timeoutMs: limits.REGISTRY_QUESTION_MS, signal }));
}

/** False: the registry says that it has no such template or tag. @throws ProviderError `RegistryUnavailable` */
export async function hasInRegistry(
  ask: Ask,
  ref: TemplateRef,
  registryUrl: string | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await showInRegistry(ask, ref, registryUrl, signal);
    return true;
  } catch (error) {
    if (error instanceof ProviderError && error.type === 'TemplateNotFound') return false;
    throw error;
  }
}

/** Whatever goes wrong between the host and its registry is of one type, unless it says more; another host may fare better. */
async function askRegistry<T>(type: 'TemplatePullFailed' | 'RegistryUnavailable', call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (error.type !== 'CommandTimeout' && error.type !== 'BadOutput') throw error;
    throw new ProviderError(type, error.message, { cause: error });
  }
}

/**
 * What `anka pull --check-download-size` says (Anka 3.x: `size`, `cached`, `available`, in bytes; nothing of them when
 * there is nothing to download), and the size of the disk with the VM library.
 * @throws ProviderError `CommandTimeout`, `BadOutput`, `CommandFailed`
 */
export async function pullSize(
  ask: Ask,
  ref: TemplateRef,
  registryUrl: string | undefined,
  signal: AbortSignal | undefined,
): Promise<PullSize | undefined> {
  const about: About = { ...aboutRegistry(ref, registryUrl), notFound: 'CommandFailed', otherwise: 'CommandFailed' };
  const url = registryUrl === undefined ? [] : [registryUrl];
  const words = ['pull', ref.template, '--check-download-size', ...whichWords(ref).slice(1), ...url];
  const { body } = await ask(words, about, { timeoutMs: limits.REGISTRY_QUESTION_MS, signal });
  const { data } = sizeBody.safeParse(body);
  if (data === undefined) return undefined;
  const { size, cached = 0, available } = data;
  return {
    bytes: Math.max(size - cached, 0),
    availableBytes: available,
    diskBytes: await libraryDiskBytes(ask, available, signal),
  };
}

/** The disk that the VM library is on. @param least what it has at least, where it cannot be looked at */
async function libraryDiskBytes(ask: Ask, least: number, signal: AbortSignal | undefined): Promise<number> {
  const about: About = { what: 'vm_lib_dir', notFound: 'CommandFailed', otherwise: 'CommandFailed' };
  try {
    const { body } = await ask(['config', 'vm_lib_dir'], about, { timeoutMs: limits.QUESTION_MS, signal });
    const { data } = configBody.safeParse(body);
    const { blocks, bsize } = await statfs(data?.vm_lib_dir ?? homedir());
    return Math.max(blocks * bsize, least);
  } catch {
    signal?.throwIfAborted();
    return least;
  }
}

function noteProgress(line: string, onProgress: (progress: PullProgress) => void): void {
  const body = parseEnvelope(line)?.body ?? parseJson(line);
  const { success, data } = progressBody.safeParse(body);
  if (!success) return;
  const percent = data.percent ?? data.progress;
  const bytes = data.bytes ?? data.downloaded;
  if (percent === undefined && bytes === undefined) return;
  onProgress({ ...(percent !== undefined && { percent }), ...(bytes !== undefined && { bytes }) });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
