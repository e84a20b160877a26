/** Folders of the host that its VMs see (`host_to_guest_folder_mounts`). */

import { realpath, stat } from 'node:fs/promises';
import type { Provider, ProviderInfo } from '../providers/provider.js';
import { AgentFailure, messageOf } from './failure.js';

interface Mount {
  readonly hostPath: string;
  /** Its name in the guest; undefined: that of the folder. */
  readonly guestName: string | undefined;
}

/** `anka mount` came with this version. */
const OLDEST = [3, 9] as const;

/** `host_path[:guest_folder]`; a colon in a path cannot be written, as Anka itself cuts there. */
function parseMount(text: string): Mount {
  const at = text.indexOf(':');
  return at < 0
    ? { hostPath: text, guestName: undefined }
    : { hostPath: text.slice(0, at), guestName: text.slice(at + 1) };
}

/** Mounts them in a VM that runs, in order; two that lead to the same folder and name are one. */
export async function mountAll(
  provider: Provider,
  vm: string,
  mounts: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const done = new Set<string>();
  for (const { hostPath, guestName } of mounts.map(parseMount)) {
    const path = await realpath(hostPath).catch((err: unknown) => {
      throw new AgentFailure('MountFailed', `${hostPath} cannot be mounted in VM ${vm}: ${messageOf(err)}`);
    });
    const id = `${path}:${guestName ?? ''}`;
    if (!done.has(id)) await provider.mount(vm, path, guestName, { signal });
    done.add(id);
  }
}

/** What keeps this host from mounting what its config names; a host with such a problem gets no jobs. */
export async function mountProblems(info: ProviderInfo, mounts: readonly string[]): Promise<readonly string[]> {
  if (mounts.length === 0) return [];
  if (isTooOld(info)) {
    return [`host_to_guest_folder_mounts needs Anka 3.9 or newer, this is ${info.version}: upgrade, or remove the key`];
  }
  const faults = await Promise.all([...new Set(mounts)].map((text) => folderFault(parseMount(text))));
  return faults.filter((fault) => fault !== undefined);
}

/** A version that is no number is believed to be new enough. */
function isTooOld({ kind, version }: ProviderInfo): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (kind !== 'anka' || major === undefined) return false;
  return Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
}

async function folderFault({ hostPath }: Mount): Promise<string | undefined> {
  const isFolder = await stat(hostPath).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? undefined : `host_to_guest_folder_mounts: ${hostPath} is no folder that this user can see`;
}
