/** Every key there is. The reference (`docs/reference/configuration.md`) and the environment variables follow from it. */

import { z } from 'zod';
import { DEFAULT_NAME_PREFIX, DEFAULT_POOL } from '../jobs/names.js';
import { PLACEMENT } from './schema-placement.js';
import { temporal } from './schema-temporal.js';
import { TIMEOUTS } from './schema-timeouts.js';
import {
  amount,
  githubName,
  hookId,
  hostLabel,
  id,
  interval,
  intervalOrOff,
  key,
  labelValue,
  listOf,
  longText,
  name,
  oneOf,
  owner,
  repositories,
  required,
  text,
  webAddress,
  wholeNumber,
  yesNo,
} from './values.js';

/** Elsewhere than on a Mac what a machine has says little of what its VMs may have. */
const WHOLE_MAC = 'on a Mac all that it has, elsewhere no limit';

const MAP = { error: 'a map' };

const REPOSITORIES = 'a list of `OWNER/REPO` or `OWNER/*`';

/** 20 leave room for job id, attempt and suffix in a runner's name of 64 (jobs/names.ts). */
const MAX_PREFIX = 20;

const template = {
  template: required(labelValue(), { about: 'Its id or name, as in the label `anka-template:`. Required.' }),
  tag: key(labelValue(), { about: 'Its tag, as in the label `anka-template-tag:`.', default: 'the latest' }),
};

const poolRule = {
  pool: required(name(63), { about: 'The pool of these jobs. Required.' }),
  labels: key(listOf(text(), 'a list of labels'), { about: 'The job has all of them.' }),
  repositories: key(listOf(repositories(), REPOSITORIES), {
    about: 'The job comes from one of them.',
  }),
};

const database = {
  enabled: key(yesNo(), { about: 'False: this section is not used.', default: 'true' }),
  url: key(text(), { about: 'Host name of Redis, for the metrics aggregator.' }),
  port: key(wholeNumber(0, 65535), { about: 'Its port.', default: '6379' }),
  user: key(text(), { about: 'Its user.' }),
  password: key(text(), { about: 'Its password.', secret: true }),
  database: key(wholeNumber(0, 9999), { about: 'Its database number.', default: '0' }),
  cluster_mode: key(yesNo(), { about: 'Whether it is a cluster.', default: 'false' }),
  tls_enabled: key(yesNo(), { about: 'Whether to connect with TLS.', default: 'false' }),
  tls_insecure: key(yesNo(), { about: 'TLS without checking the certificate.', default: 'false' }),
};

const metrics = {
  aggregator: key(yesNo(), { about: "Collect every host's metrics here.", default: 'false' }),
  port: key(wholeNumber(0, 65535), { about: 'Port of the metrics.', default: '8080, or the next free one' }),
  sleep_interval: key(wholeNumber(0, 86_400), { about: 'Seconds between two collections.', default: '0' }),
  database: key(z.strictObject(database, MAP), {
    about: 'Redis of the aggregator, where no `global_database_` is set.',
  }),
};

/** A sweep more often than this would be started before the last one ended. */
const sweepInterval = () => intervalOrOff(1_000, 86_400_000);

const sweep = {
  deliveries: key(sweepInterval(), {
    about: 'Webhooks that did not arrive are asked for again; needs `hook_id`.',
    default: '`2m`',
  }),
  queued: key(sweepInterval(), { about: 'Queued jobs that Berth never heard of are started.', default: '`5m`' }),
  runners: key(sweepInterval(), {
    about: 'Runners of ours that are left over on GitHub are removed.',
    default: '`5m`',
  }),
  jobs: key(sweepInterval(), { about: 'Jobs that ended unheard are ended here, too.', default: '`5m`' }),
  vms: key(sweepInterval(), { about: 'VMs of ours that are left over on hosts are destroyed.', default: '`1m`' }),
};

export const ROOT = z.strictObject(
  {
    plugins: key(z.unknown(), { about: 'The entries, see below.' }),
    services: key(z.unknown(), { about: 'Older name of `plugins`.' }),
    host_name: key(name(63), { about: 'Name of this host, unique among hosts.', default: "the machine's short name" }),
    host_cpus: key(wholeNumber(1, 4096), { about: 'CPUs that VMs may have together here.', default: WHOLE_MAC }),
    host_memory_gb: key(wholeNumber(1, 1_000_000), {
      about: 'Memory that VMs may have together here, in GB of 2^30 bytes.',
      default: WHOLE_MAC,
    }),
    host_labels: key(listOf(hostLabel(), 'a list of labels'), {
      about: 'What not every host has, such as `iphone`: a job with one of these labels goes to a host with it only.',
    }),
    pool: key(name(63), { about: 'Hosts and jobs of one pool serve each other.', default: `\`${DEFAULT_POOL}\`` }),
    pools: key(listOf(z.strictObject(poolRule, MAP), 'a list of `{pool, labels, repositories}`'), {
      about:
        'Jobs of other pools than `pool`; the first rule that fits decides. Counts for receiver and orchestrator. Not from the environment.',
    }),
    name_prefix: key(name(MAX_PREFIX), {
      about: 'Start of VM and runner names; Berth touches only VMs and runners that have it.',
      default: `\`${DEFAULT_NAME_PREFIX}\``,
    }),
    work_dir: key(text(), { about: "Folder of the host's own state.", default: '`~/.config/berth/state`' }),
    on_stop: key(oneOf('stop', 'drain'), {
      about: 'What a host does at SIGINT or SIGTERM: leave running VMs to be taken up again, or wait for their jobs.',
      default: '`stop`',
    }),
    drain_deadline_seconds: key(wholeNumber(0, 432_000), {
      about: 'How long a host waits for running jobs when it drains before it stops (`on_stop: drain`, SIGQUIT).',
      default: '7200',
    }),
    pid_file_dir: key(text(), { about: 'Folder for the file with the process id.' }),
    plugins_path: key(text(), {
      about: 'Folder with `handlers/github/*.bash`, which replace the scripts that ship with Berth.',
      default: '`~/.config/berth/plugins`, beside a config in `~/.config/anklet` that folder',
    }),
    temporal: key(z.strictObject(temporal, MAP), { about: 'The Temporal server.' }),
    templates: key(listOf(z.strictObject(template, MAP), 'a list of `{template, tag}`'), {
      about: 'Templates that this host pulls when it starts, and never removes to make room. Not from the environment.',
    }),
    github_api_url: key(webAddress(), {
      about: "GitHub's API; for GHES `https://HOST/api/v3`.",
      default: '`https://api.github.com`',
    }),
    github_web_url: key(webAddress(), { about: "GitHub's web address.", default: 'follows from `github_api_url`' }),
    runner_registration: key(oneOf('jit', 'token'), {
      about: 'How runners are registered: by JIT config, or by token and scripts. Counts for the orchestrator.',
      default: '`jit`',
    }),
    on_unrunnable: key(oneOf('cancel-run', 'leave'), {
      about:
        'What happens on GitHub to a job that can never run: its run is cancelled, or nothing. For the orchestrator.',
      default: '`cancel-run`',
    }),
    on_infra_lost: key(oneOf('nothing', 'rerun-once'), {
      about: 'Whether a job that failed because its host or VM was lost is run again on GitHub. For the orchestrator.',
      default: '`nothing`',
    }),
    timeouts: key(TIMEOUTS, {
      about: 'How long each phase of a VM may last on this host; then a new VM or another host is tried.',
    }),
    host_return_grace: key(wholeNumber(1, 86_400), {
      about: 'Seconds that this host may be silent while a job runs on it; then the job counts as lost.',
      default: '600',
    }),
    unplaceable_after: key(wholeNumber(0, 604_800), {
      about: 'Seconds until a job too big for every host is given up. Counts for the receiver.',
      default: '600',
    }),
    allowed_owners: key(listOf(owner(), 'a list of `OWNER` or `OWNER/*`'), {
      about: 'Take jobs of these users and organisations, and of `allowed_repositories`, only.',
      default: 'without both lists: everybody whose webhooks have the secret',
    }),
    allowed_repositories: key(listOf(repositories(), REPOSITORIES), {
      about: 'Take jobs of these repositories, and of `allowed_owners`, only.',
    }),
    fork_pull_requests: key(oneOf('allow', 'refuse'), {
      about:
        'Whether jobs of pull requests from forks get a VM. `refuse` asks GitHub once for each run, before anything is made.',
      default: '`allow`',
    }),
    job_source: key(oneOf('webhook', 'poll', 'both'), {
      about: 'How jobs are heard of: by webhook, or where GitHub cannot reach a receiver by asking, or both.',
      default: '`webhook`',
    }),
    poll_interval: key(interval(1_000, 3_600_000), {
      about: 'How often GitHub is asked for jobs with `job_source: poll` or `both`; takes the place of `sweep.queued`.',
      default: '`15s`',
    }),
    sweep: key(z.strictObject(sweep, MAP), {
      about: 'How often the orchestrator looks for what was missed or left over: `30s`, `2m`, `1h`, seconds, or `off`.',
    }),
    placement: key(PLACEMENT, {
      about: 'In which order jobs get slots, and of which hosts. Counts for the orchestrator.',
    }),
    log: key(
      z.strictObject(
        { file_dir: key(text(), { about: 'Folder for log files, beside standard output; one file a role.' }) },
        MAP,
      ),
      { about: 'Logs.' },
    ),
    metrics: key(z.strictObject(metrics, MAP), { about: 'Metrics.' }),
    global_token: key(text(), { about: 'Token for entries without a credential.', secret: true }),
    global_private_key: key(longText(), {
      about: 'Private key of the GitHub App (path or PEM text) for entries without one.',
      secret: true,
    }),
    global_app_id: key(id(), { about: "The App's id, for entries without one." }),
    global_installation_id: key(id(), { about: 'Its installation.', default: 'looked up by owner' }),
    global_receiver_secret: key(text(), { about: "Webhook secret; overrides the receiver's `secret`.", secret: true }),
    global_template_disk_buffer: key(amount(0, 100), { about: '`template_disk_buffer` for entries without one.' }),
    global_skip_cpu_and_memory_resource_checks: key(yesNo(), {
      about: 'True forces it for all entries.',
      default: 'false',
    }),
    global_host_to_guest_folder_mounts: key(listOf(text(), 'a list of `host_path[:guest_folder]`'), {
      about: 'Folders of the host to mount in every VM.',
    }),
    global_database_url: database.url,
    global_database_port: database.port,
    global_database_user: database.user,
    global_database_password: database.password,
    global_database_database: database.database,
    global_database_cluster_mode: database.cluster_mode,
    global_database_tls_enabled: database.tls_enabled,
    global_database_tls_insecure: database.tls_insecure,
  },
  MAP,
);

export const PLUGIN_KINDS = ['github', 'github_receiver'] as const;

/** One schema for both kinds of entries: anklet takes any key in either, so its files must load. */
export const ENTRY = z.strictObject(
  {
    name: required(name(63), { about: 'Unique among entries. Required.' }),
    plugin: required(oneOf(...PLUGIN_KINDS), {
      about: 'What the entry is: a slot for one VM, or the receiver. Required.',
    }),
    owner: key(githubName('a user or an organisation'), { about: 'User or organisation.' }),
    repo: key(githubName('a repository'), { about: 'Repository of `owner`; absent: all of the organisation.' }),
    enterprise: key(githubName('an enterprise'), { about: 'Enterprise, instead of `owner` and `repo`.' }),
    queue_name: key(name(63), {
      about: 'As `pool`, where that is not set: the same in all entries. An older word.',
    }),
    registration: key(oneOf('repo', 'org', 'enterprise'), {
      about: 'Where runners are registered; what `owner`, `repo` and `enterprise` say decides.',
      only: 'github',
    }),
    token: key(text(), { about: 'Personal access token.', secret: true }),
    private_key: key(longText(), { about: 'Private key of a GitHub App: path or PEM text.', secret: true }),
    app_id: key(id(), { about: "The App's id." }),
    installation_id: key(id(), { about: "The App's installation.", default: 'looked up by owner' }),
    registry_url: key(text(), { about: 'Registry that templates are pulled from.', only: 'github' }),
    skip_pull: key(yesNo(), { about: 'Never pull a template.', default: 'false', only: 'github' }),
    runner_group: key(text(), { about: 'Runner group for the runners.', only: 'github' }),
    registration_timeout_seconds: key(wholeNumber(0, 86_400), {
      about: 'How long a runner may wait for its job before it gets a new VM.',
      default: '60',
      only: 'github',
    }),
    sleep_interval: key(wholeNumber(0, 1_000_000), {
      about: 'Breaks ties between free slots: the lower one first.',
      default: '0',
      only: 'github',
    }),
    job_retry_attempts: key(wholeNumber(0, 1000), {
      about: 'Failed attempts until the run is cancelled.',
      default: '5',
      only: 'github',
    }),
    template_disk_buffer: key(amount(0, 100), {
      about: 'Percent of the disk that a pull must leave free; unused templates are removed for it.',
      default: '10',
      only: 'github',
    }),
    skip_cpu_and_memory_resource_checks: key(yesNo(), {
      about: 'Let VMs have more CPUs and memory together than the host has.',
      default: 'false',
      only: 'github',
    }),
    host_to_guest_folder_mounts: key(listOf(text(), 'a list of `host_path[:guest_folder]`'), {
      about: 'Folders of the host to mount in the VM, after the global ones.',
      only: 'github',
    }),
    port: key(wholeNumber(0, 65535), {
      about: 'Port for webhooks; 0: any free one. Required.',
      only: 'github_receiver',
    }),
    secret: key(text(), {
      about: 'Webhook secret. Required unless `global_receiver_secret` is set.',
      secret: true,
      only: 'github_receiver',
    }),
    hook_id: key(hookId(), {
      about: "Id of the webhook on GitHub, or `app` for the GitHub App's own: what does not arrive is asked for again.",
      only: 'github_receiver',
    }),
    redeliver_hours: key(wholeNumber(0, 8760), {
      about: 'How far back failed deliveries are sent again; GitHub keeps them for 72 hours.',
      default: '24',
      only: 'github_receiver',
    }),
    skip_redeliver: key(yesNo(), { about: 'Never ask for redelivery.', default: 'false', only: 'github_receiver' }),
    database: key(z.strictObject(database, MAP), { about: 'Redis, where no `global_database_` is set.' }),
  },
  MAP,
);

export type Root = z.infer<typeof ROOT>;
export type Entry = z.infer<typeof ENTRY>;
export type DatabaseKeys = NonNullable<Entry['database']>;
