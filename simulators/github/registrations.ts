/** Registering and removing runners: what REST's JIT call and `config.sh` have in common. */

import { randomBytes } from 'node:crypto';
import { labelOf } from './bodies/runner.js';
import { sameName } from './names.js';
import type { GroupOptions } from './options.js';
import { encodeJitConfig } from './runner-protocol.js';
import type { RunnerFile } from './runner-protocol.js';
import type { SimRunner, SimScope } from './types.js';
import { findOwner, groupAdmits } from './world.js';
import type { World } from './world.js';

export interface NewRunner {
  readonly scope: SimScope;
  readonly name: string;
  readonly labels: readonly string[];
  readonly groupId: number;
  readonly ephemeral: boolean;
  readonly workFolder: string;
}

export interface Registered {
  readonly runner: SimRunner;
  /** The bearer of the runner's requests. */
  readonly secret: string;
  readonly encodedJitConfig: string;
}

export type RegistrationRefusal = 'name-taken' | 'no-such-group';

export interface Registrations {
  readonly register: (wanted: NewRunner) => Registered | RegistrationRefusal;
  readonly remove: (runnerId: number, why: NonNullable<SimRunner['removed']>['why']) => void;
  /** The registered runner with this secret: undefined when none has it any more. */
  readonly bySecret: (secret: string) => SimRunner | undefined;
  /** Whether a runner had this secret and is registered no longer. */
  readonly isGone: (secret: string) => boolean;
  readonly inScope: (scope: SimScope) => readonly SimRunner[];
  /** The groups of a scope, `Default` first; a repository has only that. */
  readonly groupsOf: (scope: SimScope) => readonly GroupOptions[];
  /** Whether a runner of this scope and group may serve the repository. */
  readonly admits: (scope: SimScope, groupName: string, owner: string, repo: string) => boolean;
  /** The next registrations with this name, or this many of any name, are never given a job; `allowAll` undoes all. */
  readonly neverAssign: (which: { readonly name?: string; readonly next?: number }) => void;
  readonly allowAll: () => void;
}

const DEFAULT_GROUP: GroupOptions = { id: 1, name: 'Default' };

export function sameScope(a: SimScope, b: SimScope): boolean {
  if (a.kind === 'repo') return b.kind === 'repo' && sameName(a.owner, b.owner) && sameName(a.repo, b.repo);
  if (a.kind === 'org') return b.kind === 'org' && sameName(a.owner, b.owner);
  return b.kind === 'enterprise' && sameName(a.enterprise, b.enterprise);
}

function webUrl(world: World, scope: SimScope): string {
  if (scope.kind === 'repo') return `${world.url}/${scope.owner}/${scope.repo}`;
  return scope.kind === 'org' ? `${world.url}/${scope.owner}` : `${world.url}/enterprises/${scope.enterprise}`;
}

/** Stands for the key pair of a real JIT config: as secret and as useless here. */
function pretendRsaParams(): Readonly<Record<string, string>> {
  const fields = ['d', 'dp', 'dq', 'exponent', 'inverseQ', 'modulus', 'p', 'q'];
  return Object.fromEntries(fields.map((field) => [field, randomBytes(32).toString('base64')]));
}

function jitConfig(world: World, runner: SimRunner, secret: string, workFolder: string): string {
  const file: RunnerFile = {
    AgentId: String(runner.id),
    AgentName: runner.name,
    PoolId: String(runner.groupId),
    PoolName: runner.groupName,
    ServerUrl: world.url,
    GitHubUrl: webUrl(world, runner.scope),
    WorkFolder: workFolder,
    Ephemeral: runner.ephemeral ? 'true' : 'false',
  };
  const data = { ClientId: randomBytes(16).toString('hex'), AuthorizationUrl: `${world.url}/_runner`, Secret: secret };
  return encodeJitConfig(file, { Scheme: 'OAuth', Data: data }, pretendRsaParams());
}

export function createRegistrations(world: World): Registrations {
  const idsBySecret = new Map<string, number>();
  const neverNames = new Set<string>();
  let neverNext = 0;

  const inScope: Registrations['inScope'] = (scope) =>
    [...world.runners.values()].filter((runner) => sameScope(runner.scope, scope));

  const groupsOf: Registrations['groupsOf'] = (scope) => {
    if (scope.kind === 'repo') return [DEFAULT_GROUP];
    const groups = world.settings.groups.filter((group) =>
      scope.kind === 'org' ? sameName(group.owner, scope.owner) : sameName(group.enterprise, scope.enterprise),
    );
    return groups.some((group) => group.id === DEFAULT_GROUP.id) ? groups : [DEFAULT_GROUP, ...groups];
  };

  const isNever = (name: string): boolean => {
    if (neverNames.has(name)) return true;
    if (neverNext === 0) return false;
    neverNext -= 1;
    return true;
  };

  const register: Registrations['register'] = (wanted) => {
    const group = groupsOf(wanted.scope).find(({ id }) => id === wanted.groupId);
    if (group === undefined) return 'no-such-group';
    if (inScope(wanted.scope).some((runner) => sameName(runner.name, wanted.name))) return 'name-taken';
    const { scope, name, ephemeral } = wanted;
    const labels = [...new Map(wanted.labels.map((label) => [label.toLowerCase(), labelOf(label)])).values()];
    const secret = randomBytes(24).toString('hex');
    const runner = world.putRunner(
      {
        id: world.nextId('runner'),
        name,
        scope,
        groupId: group.id,
        groupName: group.name,
        labels,
        ephemeral,
        os: 'unknown',
        version: null,
        online: false,
        jobId: null,
        idleSince: null,
        busySince: null,
        createdAt: Date.now(),
        spent: false,
        neverAssign: isNever(name),
        removed: null,
      },
      'registered',
    );
    idsBySecret.set(secret, runner.id);
    return { runner, secret, encodedJitConfig: jitConfig(world, runner, secret, wanted.workFolder) };
  };

  return {
    register,
    inScope,
    groupsOf,
    remove: (runnerId, why) => {
      const runner = world.runners.get(runnerId);
      if (runner === undefined) return;
      world.putRunner({ ...runner, online: false, jobId: null, removed: { at: Date.now(), why } }, 'removed');
    },
    bySecret: (secret) => world.runners.get(idsBySecret.get(secret) ?? -1),
    isGone: (secret) => idsBySecret.has(secret) && !world.runners.has(idsBySecret.get(secret) ?? -1),
    admits: (scope, groupName, owner, repo) => {
      if (scope.kind === 'repo') return sameName(scope.owner, owner) && sameName(scope.repo, repo);
      const inside =
        scope.kind === 'org'
          ? sameName(scope.owner, owner)
          : sameName(findOwner(world.settings, owner)?.enterprise, scope.enterprise);
      const group = groupsOf(scope).find(({ name }) => sameName(name, groupName));
      return inside && group !== undefined && groupAdmits(world.settings, group, owner, repo);
    },
    neverAssign: ({ name, next }) => {
      neverNext += next ?? 0;
      if (name === undefined) return;
      neverNames.add(name);
      for (const runner of world.runners.values()) {
        if (runner.name === name) world.putRunner({ ...runner, neverAssign: true });
      }
    },
    allowAll: () => {
      neverNames.clear();
      neverNext = 0;
      for (const runner of world.runners.values()) {
        if (runner.neverAssign) world.putRunner({ ...runner, neverAssign: false });
      }
    },
  };
}
