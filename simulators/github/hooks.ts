/** The hooks that are installed, and which of them an event of a repository goes to. */

import { sameName } from './names.js';
import type { AppOptions, HookOptions, InstallationOptions } from './options.js';
import { accountId, repoId } from './bodies/account.js';
import { findOwner } from './world.js';
import type { World } from './world.js';

/** A hook with its id; `secret` is never shown by any answer. */
export interface Hook extends HookOptions {
  readonly id: number;
}

export interface Hooks {
  readonly add: (options: HookOptions) => Hook;
  readonly remove: (id: number) => void;
  readonly all: () => readonly Hook[];
  readonly find: (id: number) => Hook | undefined;
  /** Every hook that hears of events of this repository. */
  readonly hearing: (owner: string, repo: string) => readonly Hook[];
  /** The installation of the App whose hook it is; undefined for other hooks. */
  readonly installationFor: (hook: Hook, owner: string) => InstallationOptions | undefined;
  /** `X-GitHub-Hook-Installation-Target-ID`. */
  readonly targetId: (hook: Hook) => number;
}

/** Throws when a hook's options don't say what it hangs on. */
export function createHooks(world: World, initial: readonly HookOptions[]): Hooks {
  const hooks = new Map<number, Hook>();

  const appOf = (hook: HookOptions): AppOptions | undefined =>
    world.settings.apps.find((app) => hook.appId === undefined || app.id === hook.appId);

  const installationFor: Hooks['installationFor'] = (hook, owner) =>
    hook.kind === 'integration'
      ? appOf(hook)?.installations.find((installation) => sameName(installation.owner, owner))
      : undefined;

  const hears = (hook: Hook, owner: string, repo: string): boolean => {
    switch (hook.kind) {
      case 'repository':
        return sameName(hook.owner, owner) && sameName(hook.repo, repo);
      case 'organization':
        return sameName(hook.owner, owner);
      case 'business':
        return sameName(findOwner(world.settings, owner)?.enterprise, hook.enterprise);
      case 'integration':
        return installationFor(hook, owner) !== undefined;
    }
  };

  const add: Hooks['add'] = (options) => {
    const missing = whatIsMissing(options);
    if (missing !== undefined) throw new Error(`a hook of kind ${options.kind} needs ${missing}`);
    const hook = { ...options, id: options.id ?? world.nextId('hook') };
    hooks.set(hook.id, hook);
    return hook;
  };
  for (const options of initial) add(options);

  return {
    add,
    remove: (id) => void hooks.delete(id),
    all: () => [...hooks.values()],
    find: (id) => hooks.get(id),
    hearing: (owner, repo) => [...hooks.values()].filter((hook) => hears(hook, owner, repo)),
    installationFor,
    targetId: (hook) => {
      if (hook.kind === 'integration') return appOf(hook)?.id ?? 0;
      if (hook.kind === 'business') return accountId(hook.enterprise ?? '');
      return hook.kind === 'repository' ? repoId(hook.owner ?? '', hook.repo ?? '') : accountId(hook.owner ?? '');
    },
  };
}

function whatIsMissing(options: HookOptions): string | undefined {
  const needsOwner = options.kind === 'repository' || options.kind === 'organization';
  if (needsOwner && options.owner === undefined) return 'an owner';
  if (options.kind === 'repository' && options.repo === undefined) return 'a repo';
  return options.kind === 'business' && options.enterprise === undefined ? 'an enterprise' : undefined;
}
