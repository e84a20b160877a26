/** The config files of a stack, one for each process, as an operator would write them. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { CodecSettings } from '../../temporal/data-converter.js';

export interface TemporalAt {
  readonly address: string;
  readonly namespace: string;
  /** Every process encrypts with it, and so does the stack's own client. */
  readonly codec?: CodecSettings;
}

/** How the orchestrator authenticates; the text of a key or token of the simulated GitHub. */
export type StackCredential =
  | { readonly kind: 'pat'; readonly token: string }
  | { readonly kind: 'app'; readonly appId: number; readonly installationId: number; readonly privateKey: string };

export interface HostSettings {
  readonly name: string;
  readonly slots: number;
  readonly owner: string;
  readonly repo?: string | undefined;
  /** Instead of `owner` and `repo`. */
  readonly enterprise?: string | undefined;
  readonly runnerGroup?: string | undefined;
  readonly registrationTimeoutSeconds: number;
  /** Further keys of its config, and of each of its slots. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  readonly slotConfig?: Readonly<Record<string, unknown>> | undefined;
}

export interface ConfigFiles {
  readonly dir: string;
  readonly temporal: TemporalAt;
  readonly githubApiUrl: string;
}

function common({ temporal: { codec, ...at }, githubApiUrl }: ConfigFiles): object {
  const encrypted = codec === undefined ? {} : { codec: { current: codec.currentId, keys: codec.keys } };
  return { temporal: { ...at, ...encrypted }, github_api_url: githubApiUrl };
}

async function write(files: ConfigFiles, name: string, content: object): Promise<string> {
  await mkdir(files.dir, { recursive: true });
  const file = join(files.dir, `${name}.yml`);
  await writeFile(file, stringify({ ...common(files), ...content }), { mode: 0o600 });
  return file;
}

/** Further keys of a process's config. */
export type MoreKeys = Readonly<Record<string, unknown>>;

export function writeReceiverConfig(
  files: ConfigFiles,
  { port, secret, more = {} }: { readonly port: number; readonly secret: string; readonly more?: MoreKeys | undefined },
): Promise<string> {
  return write(files, 'receiver', {
    ...more,
    plugins: [{ name: 'receiver', plugin: 'github_receiver', port, secret }],
  });
}

export function writeOrchestratorConfig(
  files: ConfigFiles,
  credential: StackCredential,
  more: MoreKeys,
): Promise<string> {
  const keys =
    credential.kind === 'pat'
      ? { global_token: credential.token }
      : {
          global_app_id: credential.appId,
          global_installation_id: credential.installationId,
          global_private_key: credential.privateKey,
        };
  return write(files, 'orchestrator', { ...keys, ...more });
}

/** Where a host's own guest scripts are looked for. */
export const pluginsPathOf = (dir: string, host: string): string => join(dir, host, 'plugins');

/** A Mac's config: its slots and where Temporal is, and no credential at all. */
export function writeHostConfig(files: ConfigFiles, host: HostSettings): Promise<string> {
  const slots = Array.from({ length: host.slots }, (_, index) => ({
    name: `${host.name}-${index + 1}`,
    plugin: 'github',
    ...(host.enterprise === undefined ? { owner: host.owner } : { enterprise: host.enterprise }),
    ...(host.repo === undefined ? {} : { repo: host.repo }),
    ...(host.runnerGroup === undefined ? {} : { runner_group: host.runnerGroup }),
    registration_timeout_seconds: host.registrationTimeoutSeconds,
    ...host.slotConfig,
  }));
  return write(files, `host-${host.name}`, {
    host_name: host.name,
    work_dir: join(files.dir, host.name, 'state'),
    plugins_path: pluginsPathOf(files.dir, host.name),
    ...host.config,
    plugins: slots,
  });
}
