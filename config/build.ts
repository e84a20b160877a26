/** From checked keys to the `Config`: defaults, and what must hold between keys. */

import { join } from 'node:path';
import { MOST_HOST_LABELS } from '../jobs/host-labels.js';
import { LATEST, withoutRepeats } from '../jobs/labels.js';
import { DEFAULT_NAME_PREFIX } from '../jobs/names.js';
import { buildReceiver, buildSlot } from './build-entries.js';
import type { EntryContext, LocatedEntry } from './build-entries.js';
import { buildPools } from './build-pools.js';
import { buildDatabase } from './build-database.js';
import { createCredentialReader } from './credentials.js';
import type { Context } from './check.js';
import type { Findings } from './findings.js';
import { DEFAULT_API_URL, webUrlOf } from './github-urls.js';
import { absolutePath } from './home.js';
import { buildPlacement } from './build-placement.js';
import { buildTemporal } from './build-temporal.js';
import { phaseLimits } from './phase-limits.js';
import type { Root } from './schema.js';
import type { Config, GitHubConfig, MetricsConfig, ReceiverConfig, SlotConfig } from './types.js';
import { isName } from './values.js';

/** Two hours: longer than most jobs. */
const DEFAULT_DRAIN_SECONDS = 7_200;

export interface Surroundings {
  readonly file: string;
  readonly home: string;
  /** The machine's name, as `os.hostname()` has it. */
  readonly hostname: string;
}

/** A larger host may join meanwhile. */
const UNPLACEABLE_AFTER_SECONDS = 600;

/** What GitHub's limits bear for some ten busy repositories (docs/how-to/missed-webhooks.md). */
const POLL_INTERVAL_MS = 15_000;

/** @returns a config that may be used only when `findings` has no problem */
export function buildConfig(
  root: Root,
  entries: readonly LocatedEntry[],
  around: Surroundings,
  checks: Context,
): Config {
  const { home } = around;
  const { findings } = checks;
  const credentials = createCredentialReader(root, home, checks);
  const context: EntryContext = { root, home, findings, credentials };
  const state = stateDir(root, home, findings);
  const globalCredential = credentials.global(entries.map(({ entry }) => entry));
  return {
    file: around.file,
    hostName: root.host_name ?? shortName(around.hostname, findings),
    hostResources: {
      cpus: root.host_cpus ?? null,
      memoryBytes: root.host_memory_gb === undefined ? null : root.host_memory_gb * 2 ** 30,
    },
    hostLabels: buildHostLabels(root, findings),
    ...buildPools(root, entries, findings),
    namePrefix: root.name_prefix ?? DEFAULT_NAME_PREFIX,
    stateDir: state,
    drainFiles: drainFiles(state, around),
    onStop: root.on_stop ?? 'stop',
    drainDeadlineMs: (root.drain_deadline_seconds ?? DEFAULT_DRAIN_SECONDS) * 1000,
    pidFileDir: root.pid_file_dir === undefined ? null : absolutePath(root.pid_file_dir, home),
    pluginsPath: absolutePath(root.plugins_path ?? defaultPluginsPath(around), home),
    temporal: buildTemporal(root, home, checks),
    github: buildGitHub(root, checks),
    runnerRegistration: root.runner_registration ?? 'jit',
    onUnrunnable: root.on_unrunnable ?? 'cancel-run',
    onInfraLost: root.on_infra_lost ?? 'nothing',
    phaseLimits: phaseLimits(root),
    unplaceableAfterMs: (root.unplaceable_after ?? UNPLACEABLE_AFTER_SECONDS) * 1000,
    intake: [...(root.allowed_owners ?? []), ...(root.allowed_repositories ?? [])],
    forkPullRequests: root.fork_pull_requests ?? 'allow',
    jobSource: root.job_source ?? 'webhook',
    pollIntervalMs: root.poll_interval ?? POLL_INTERVAL_MS,
    sweep: buildSweep(root),
    placement: buildPlacement(root, findings),
    receiver: onlyReceiver(entries, context),
    slots: entries
      .filter(({ entry }) => entry.plugin === 'github')
      .map((located) => buildSlot(located, context))
      .filter((slot): slot is SlotConfig => slot !== undefined),
    templates: (root.templates ?? []).map(({ template, tag = LATEST }) => ({ template, tag })),
    ...(globalCredential && { globalCredential }),
    metrics: buildMetrics(root),
    database: buildDatabase(
      root,
      entries.map(({ entry }) => entry),
    ),
    log: { fileDir: root.log?.file_dir === undefined ? null : absolutePath(root.log.file_dir, home) },
  };
}

/** One receiver serves any number of owners: the secret is what a hook must have. */
function onlyReceiver(entries: readonly LocatedEntry[], context: EntryContext): ReceiverConfig | null {
  const [first, ...others] = entries.filter(({ entry }) => entry.plugin === 'github_receiver');
  for (const { path } of others) {
    const expected = 'one `github_receiver` in a file (give every hook its address and secret)';
    context.findings.problem([...path, 'plugin'], expected, 'another one');
  }
  return first === undefined ? null : (buildReceiver(first, context) ?? null);
}

function buildHostLabels({ host_labels: labels = [] }: Root, findings: Findings): readonly string[] {
  if (labels.length > MOST_HOST_LABELS) {
    findings.problem(['host_labels'], `at most ${MOST_HOST_LABELS} labels`, String(labels.length));
  }
  return withoutRepeats(labels);
}

/** The part before the first dot, as people call the machine. */
function shortName(hostname: string, findings: Findings): string {
  const short = hostname.split('.')[0] ?? '';
  if (isName(short, 63)) return short;
  findings.problem(['host_name'], "`host_name`, because the machine's own name cannot be used", JSON.stringify(short));
  return short;
}

/** Old files say `./` or `/tmp/`, for anklet never used it; Berth keeps what it must find again there. */
function stateDir(root: Root, home: string, findings: Findings): string {
  if (root.work_dir === undefined) return join(home, '.config', 'berth', 'state');
  const dir = absolutePath(root.work_dir, home);
  if (/^(\/private)?(\/var)?\/tmp(\/|$)/.test(dir)) {
    findings.warn('work_dir', ['work_dir'], `work_dir: ${dir} is emptied by the system; Berth keeps its state there`);
  }
  return dir;
}

/** A config in anklet's folder has its scripts beside it. */
function defaultPluginsPath(around: Surroundings): string {
  return join(ankletFolder(around) ?? join(around.home, '.config', 'berth'), 'plugins');
}

/** Where anklet's config is used, its drain file is, too: people and scripts make it there. */
function drainFiles(state: string, around: Surroundings): readonly string[] {
  const anklet = ankletFolder(around);
  return [join(state, 'drain'), ...(anklet === undefined ? [] : [join(anklet, '.drain')])];
}

function ankletFolder({ file, home }: Surroundings): string | undefined {
  const anklet = join(home, '.config', 'anklet');
  return file.startsWith(`${anklet}/`) ? anklet : undefined;
}

function buildGitHub(root: Root, { findings }: Context): GitHubConfig {
  const apiUrl = root.github_api_url ?? DEFAULT_API_URL;
  const following = root.github_web_url ?? webUrlOf(apiUrl);
  const webUrl = following ?? new URL(apiUrl).origin;
  if (following === undefined) {
    const message = `the web address does not follow from it: taken to be ${webUrl}; set github_web_url if it is another`;
    findings.warn('web url', ['github_api_url'], message);
  }
  return { apiUrl, webUrl, webHost: new URL(webUrl).host };
}

function buildSweep({ sweep = {} }: Root): Config['sweep'] {
  const { deliveries = 120_000, queued = 300_000, runners = 300_000, jobs = 300_000, vms = 60_000 } = sweep;
  return { deliveries, queued, runners, jobs, vms };
}

const buildMetrics = ({ metrics }: Root): MetricsConfig => ({
  aggregator: metrics?.aggregator ?? false,
  port: metrics?.port || null,
  sleepIntervalMs: (metrics?.sleep_interval ?? 0) * 1000,
});
