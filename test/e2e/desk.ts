/** An operator's desk: a machine that runs nothing of Berth's, with a config that says only where Temporal is. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Stack } from '../../simulators/stack/stack.js';
import type { TemporalAt } from '../../simulators/stack/stack-config.js';
import { ROOT } from '../docs/markdown.js';
import { until } from './support.js';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What `berth hosts --json` says of a host, as far as tests look at it. */
export interface ListedHost {
  readonly host: string;
  readonly state: string;
  readonly why: string;
  readonly foreignVms: readonly string[];
  readonly labels: readonly string[];
}

export interface Desk {
  /** Runs a command to its end. @param at another Temporal than the stack's */
  readonly berth: (args: readonly string[], at?: TemporalAt) => Promise<Ended>;
  readonly hosts: () => Promise<readonly ListedHost[]>;
  /** Waits until the list shows this host so. */
  readonly untilHost: (name: string, what: string, matches: (host: ListedHost) => boolean) => Promise<ListedHost>;
  readonly close: () => Promise<void>;
}

export async function createDesk(stack: Pick<Stack, 'githubUrl'>, temporal: TemporalAt): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-desk-'));
  const github_api_url = `${stack.githubUrl}/api/v3`;
  const writeConfig = (file: string, at: TemporalAt): Promise<void> =>
    writeFile(join(folder, file), stringify({ temporal: at, github_api_url, plugins: [] }));
  // Once: another command may be reading it.
  await writeConfig('desk.yml', temporal);

  async function berth(args: readonly string[], at = temporal): Promise<Ended> {
    if (at !== temporal) await writeConfig('elsewhere.yml', at);
    const config = join(folder, at === temporal ? 'desk.yml' : 'elsewhere.yml');
    return new Promise((resolve) => {
      const argv = [join(ROOT, 'bin', 'berth.js'), ...args, '-c', config];
      const child = execFile(process.execPath, argv, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
  }

  async function hosts(): Promise<readonly ListedHost[]> {
    const { code, out, err } = await berth(['hosts', '--json']);
    if (code !== 0) throw new Error(`berth hosts ended with ${code}: ${err}`);
    return JSON.parse(out) as readonly ListedHost[];
  }

  return {
    berth,
    hosts,
    untilHost: (name, what, matches) =>
      until(
        `${name} is ${what}`,
        async () => {
          const all = await hosts().catch(() => []);
          return all.find((one) => one.host === name && matches(one));
        },
        90_000,
      ),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
