/** Runners and runner groups as REST shows them. */

import type { RunnerLabel, SimRunner } from '../types.js';
import { hashText } from '../random.js';
import type { GroupOptions } from '../options.js';

/** Labels that `config.sh` sets by itself; GitHub lists them as read-only. */
const READ_ONLY = new Set(['self-hosted', 'linux', 'windows', 'macos', 'x64', 'arm', 'arm64', 'x86']);

/** A label with the id that its name always has. */
export function labelOf(name: string): RunnerLabel {
  const key = name.toLowerCase();
  return { id: 1 + (hashText(key) >>> 8), name, type: READ_ONLY.has(key) ? 'read-only' : 'custom' };
}

/** `busy` is an argument, because GitHub is known to tell it wrongly. */
export function runnerBody(runner: SimRunner, busy: boolean) {
  return {
    id: runner.id,
    name: runner.name,
    os: runner.os,
    status: runner.online ? 'online' : 'offline',
    busy,
    labels: runner.labels,
    runner_group_id: runner.groupId,
    ephemeral: runner.ephemeral,
  };
}

/** One runner group; `scopeUrl` is the organisation's or enterprise's API URL. */
export function groupBody(scopeUrl: string, group: GroupOptions) {
  const url = `${scopeUrl}/actions/runner-groups/${group.id}`;
  return {
    id: group.id,
    name: group.name,
    visibility: group.repos === undefined ? 'all' : 'selected',
    default: group.id === 1,
    ...(group.repos === undefined ? {} : { selected_repositories_url: `${url}/repositories` }),
    runners_url: `${url}/runners`,
    inherited: false,
    allows_public_repositories: group.allowsPublic ?? false,
    restricted_to_workflows: false,
    selected_workflows: [],
    workflow_restrictions_read_only: false,
  };
}
