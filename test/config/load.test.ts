import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/load.js';
import { parseConfig } from '../../config/parse.js';
import { temporalSettings } from '../../config/temporal-settings.js';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import { DEFAULT_LIMITS } from '../../jobs/phases.js';
import { HOME, parse, problemsOf } from './support.js';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();

let home: string;

const put = async (name: string, text: string): Promise<string> => {
  const file = join(home, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'berth-config-'));
});

afterAll(() => rm(home, { recursive: true }));

/** As an anklet host has it: global database, two handlers. */
const ANKLET_HOST = `
---
work_dir: /var/anklet/
pid_file_dir: /var/run/
plugins_path: ~/anklet-plugins/
log:
  file_dir: ./logs/
  split_by_plugin: true
metrics:
  port: 8081
  metrics_urls:
    - http://10.0.0.1:8080/metrics
global_database_url: redis.lan
global_database_port: 6379
global_database_user: ""
global_database_password: 0123
global_database_database: 1
global_database_max_retries: 3
global_private_key: KEYFILE
global_host_to_guest_folder_mounts:
  - /opt/cache:cache
services:
  - name: RUNNER1
    plugin: github
    app_id: 12345
    installation_id: 67890
    registration: repo
    owner: acme
    repo: ios
    registry_url: http://anka.registry:8089
    runner_group: macOS
    sleep_interval: 5
    queue_name: shared
    workflows:
      include: [build]
  - name: RUNNER2
    plugin: github
    token: github_pat_abc
    owner: acme
    registration_timeout_seconds: 90
    template_disk_buffer: 12.5
    job_retry_attempts: 2
    skip_pull: yes
    skip_cpu_and_memory_resource_checks: true
    host_to_guest_folder_mounts: [/opt/cache:cache, ~/more]
    queue_name: shared
    database:
      enabled: true
      url: other.lan
      port: 6380
      max_retries: 9
`;

/** As an anklet controller has it: the receiver alone. */
const ANKLET_CONTROLLER = `
global_receiver_secret: 0042
plugins:
  - name: GITHUB_RECEIVER
    plugin: github_receiver
    hook_id: 489747753
    port: 54321
    secret: overridden
    private_key: KEYFILE
    app_id: 949431
    installation_id: 52970581
    owner: acme
    redeliver_hours: 12
    sleep_interval: 9
    database: {enabled: false, url: unused, port: 1}
`;

describe("an anklet host's config", () => {
  const load = async () => {
    await put('app.pem', PEM);
    const path = await put('host.yml', ANKLET_HOST.replace('KEYFILE', '~/app.pem'));
    return loadConfig({ path, env: {}, home, hostname: 'mini-01.lan' });
  };

  it('works unchanged', async () => {
    const { config } = await load();
    expect(config).toMatchObject({
      hostName: 'mini-01',
      pool: 'shared',
      namePrefix: 'berth',
      stateDir: '/var/anklet',
      pidFileDir: '/var/run',
      pluginsPath: join(home, 'anklet-plugins'),
      temporal: { address: 'localhost:7233', namespace: 'berth', apiKey: null, tls: false, codec: null },
      github: { apiUrl: 'https://api.github.com', webUrl: 'https://github.com', webHost: 'github.com' },
      runnerRegistration: 'jit',
      receiver: null,
      metrics: { aggregator: false, port: 8081 },
      database: { url: 'redis.lan', port: 6379, user: null, database: 1 },
    });
    expect(config.database?.password?.reveal()).toBe('0123');
    expect(config.slots).toMatchObject([
      {
        name: 'RUNNER1',
        scope: { kind: 'repo', owner: 'acme', repo: 'ios' },
        credential: { kind: 'app', appId: 12345, installationId: 67890 },
        registryUrl: 'http://anka.registry:8089',
        runnerGroup: 'macOS',
        sleepInterval: 5,
        registrationTimeoutMs: 60_000,
        retryAttempts: 5,
        templateDiskBuffer: 10,
        skipPull: false,
        skipResourceChecks: false,
        mounts: ['/opt/cache:cache'],
      },
      {
        name: 'RUNNER2',
        scope: { kind: 'org', owner: 'acme' },
        credential: { kind: 'token' },
        registryUrl: null,
        runnerGroup: null,
        registrationTimeoutMs: 90_000,
        retryAttempts: 2,
        templateDiskBuffer: 12.5,
        skipPull: true,
        skipResourceChecks: true,
        mounts: ['/opt/cache:cache', expect.stringMatching(/^\/.*\/more$/) as string],
      },
    ]);
  });

  it('has one warning for each key that does nothing any more', async () => {
    const { warnings, file } = await load();
    const gone = warnings.filter((warning) => !warning.includes('in this version'));
    const keys = gone.map((warning) => /^(.*):\d+:\d+: (\S+) has no effect any more: ./.exec(warning)?.slice(1));
    expect(keys.sort()).toEqual(
      [
        'log.split_by_plugin',
        'metrics.metrics_urls',
        'global_database_max_retries',
        'workflows',
        'database.max_retries',
      ]
        .map((key) => [file, key])
        .sort(),
    );
  });

  it('has one warning for each key that does nothing yet', async () => {
    const { warnings } = await load();
    const keys = warnings.flatMap((warning) => /: (\S+) has no effect in this version: ./.exec(warning)?.[1] ?? []);
    expect(keys.length).toBeGreaterThan(0);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('may have its runners registered by token, without a word about it', () => {
    const { config, warnings } = parse('runner_registration: token\n');
    expect(config.runnerRegistration).toBe('token');
    expect(warnings).toEqual([]);
  });

  it('is frozen all through', async () => {
    const { config } = await load();
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.slots[0]?.scope)).toBe(true);
  });

  it('shows no secret in any usual way of printing', async () => {
    const { config } = await load();
    for (const text of [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      String(config.database?.password),
    ]) {
      expect(text).not.toMatch(/github_pat_abc|BEGIN|0123/);
      expect(text).toContain('[secret]');
    }
  });
});

describe("an anklet controller's config", () => {
  it('works unchanged, with the global secret instead of the own one', async () => {
    const path = await put('controller.yml', ANKLET_CONTROLLER.replace('KEYFILE', await put('app.pem', PEM)));
    const { config, warnings } = loadConfig({ path, env: {}, home });
    expect(config.receiver).toMatchObject({
      name: 'GITHUB_RECEIVER',
      port: 54321,
      hookId: 489747753,
      scope: { kind: 'org', owner: 'acme' },
      credential: { kind: 'app', appId: 949431, installationId: 52970581 },
      redeliverHours: 12,
      skipRedeliver: false,
    });
    expect(config.receiver?.secret.reveal()).toBe('0042');
    expect(config.slots).toEqual([]);
    expect(config.database).toBeNull();
    expect(warnings.filter((warning) => !warning.includes('in this version'))).toEqual([
      expect.stringContaining('sleep_interval has no effect in a `github_receiver` entry'),
    ]);
  });
});

describe('defaults and derived values', () => {
  it.each([
    ['https://api.github.com', 'https://github.com', 'github.com'],
    ['https://ghes.acme.com/api/v3/', 'https://ghes.acme.com', 'ghes.acme.com'],
    ['http://ghes.acme.com:8080/api/v3', 'http://ghes.acme.com:8080', 'ghes.acme.com:8080'],
    ['https://api.acme.ghe.com', 'https://acme.ghe.com', 'acme.ghe.com'],
  ])('the web address of %s is %s', (api, webUrl, webHost) => {
    expect(parse(`github_api_url: ${api}\n`).config.github).toMatchObject({ webUrl, webHost });
  });

  it('takes the origin of an API address that tells no web address, and says so', () => {
    const { config, warnings } = parse('github_api_url: http://127.0.0.1:5/\n');
    expect(config.github.webHost).toBe('127.0.0.1:5');
    expect(warnings.join('\n')).toMatch(/set github_web_url if it is another/);
  });

  it('takes github_web_url before what would follow', () => {
    const text = 'github_api_url: http://127.0.0.1:5/\ngithub_web_url: http://127.0.0.1:6/\n';
    const expected = { apiUrl: 'http://127.0.0.1:5', webUrl: 'http://127.0.0.1:6', webHost: '127.0.0.1:6' };
    expect(parse(text).config.github).toEqual(expected);
  });

  it('keeps state and plugins in ~/.config/berth', () => {
    const { config } = parse('pool: a\n');
    expect(config.stateDir).toBe(`${HOME}/.config/berth/state`);
    expect(config.pluginsPath).toBe(`${HOME}/.config/berth/plugins`);
    expect(config.drainFiles).toEqual([`${HOME}/.config/berth/state/drain`]);
    expect([config.onStop, config.drainDeadlineMs]).toEqual(['stop', 2 * 3_600_000]);
  });

  it.each(['/tmp/', '/private/tmp/x', '/var/tmp'])('warns that work_dir %s is emptied by the system', (dir) => {
    expect(parse(`work_dir: ${dir}\n`).warnings).toEqual([expect.stringContaining('is emptied by the system')]);
  });

  it('takes 0 for a default where anklet did', () => {
    const text =
      'plugins: [{name: A, plugin: github, owner: o, registration_timeout_seconds: 0, job_retry_attempts: 0, installation_id: 0}]';
    expect(parse(text).config.slots[0]).toMatchObject({ registrationTimeoutMs: 60_000, retryAttempts: 5 });
  });

  it('reads by which rules slots are granted; without them by age, and hosts spread', () => {
    const rules = `
placement:
  order: fair
  hosts: pack
  priorities:
    - {repo: acme/release, priority: 100}
    - {repo: acme/*, label: nightly, priority: -10}
    - {label: Urgent, priority: 5}
  weights: [{repo: acme/monolith, weight: 3}]
`;
    const { config, warnings } = parse(rules);
    expect(warnings).toEqual([]);
    expect(config.placement).toEqual({
      order: 'fair',
      hosts: 'pack',
      priorities: [
        { of: { owner: 'acme', repo: 'release' }, label: null, priority: 100 },
        { of: { owner: 'acme', repo: null }, label: 'nightly', priority: -10 },
        { of: null, label: 'Urgent', priority: 5 },
      ],
      weights: [{ of: { owner: 'acme', repo: 'monolith' }, weight: 3 }],
    });
    expect(parse('pool: p\n').config.placement).toEqual(DEFAULT_POLICY);
    expect(parse('pool: p\n', { BERTH_PLACEMENT_ORDER: 'fair' }).config.placement.order).toBe('fair');
  });

  it('reads what not every host has; without it nothing', () => {
    expect(parse('host_labels: [iPhone, "iOS 18", iphone]\n').config.hostLabels).toEqual(['iPhone', 'iOS 18']);
    expect(parse('host_labels: []\n').config.hostLabels).toEqual([]);
    expect(parse('pool: p\n').config.hostLabels).toEqual([]);
    expect(parse('pool: p\n', { BERTH_HOST_LABELS: 'iphone, signing' }).config.hostLabels).toEqual([
      'iphone',
      'signing',
    ]);
  });

  it('warns of weights that nothing looks at', () => {
    const { warnings } = parse('placement: {weights: [{repo: acme/ios, weight: 2}]}\n');
    expect(warnings).toEqual(['/etc/berth.yml:1:13: placement.weights has no effect without `order: fair`']);
  });

  it('reads the templates to pull at the start, without a tag the latest', () => {
    const { config } = parse('templates: [{template: xcode-26, tag: v3}, {template: c12ccfa5-8757}]\n');
    expect(config.templates).toEqual([
      { template: 'xcode-26', tag: 'v3' },
      { template: 'c12ccfa5-8757', tag: 'latest' },
    ]);
    expect(parse('pool: p\n').config.templates).toEqual([]);
  });

  it.each(['templates: [{template: --all}]\n', 'templates: [{tag: v1}]\n', 'templates: [xcode]\n'])(
    'takes no templates like %s',
    (text) => {
      expect(() => parse(text)).toThrow(/templates\[0\]/);
    },
  );

  it('takes more than two slots', () => {
    const entries = ['A', 'B', 'C'].map((name) => `  - {name: ${name}, plugin: github, owner: acme}\n`).join('');
    expect(parse(`plugins:\n${entries}`).config.slots).toHaveLength(3);
  });

  it('merges anchors, the own keys first', () => {
    const text =
      'plugins:\n  - &a {name: A, plugin: github, owner: acme, runner_group: g}\n  - {<<: *a, name: B, owner: other}\n';
    expect(parse(text).config.slots[1]).toMatchObject({ name: 'B', scope: { owner: 'other' }, runnerGroup: 'g' });
  });

  it('asks for host_name where the machine has a name that cannot be used', () => {
    const options = { file: 'a.yml', env: {}, home, hostname: "Bob's Mac.lan" };
    expect(() => parseConfig('pool: a\n', options)).toThrow('host_name: expected `host_name`');
    expect(parseConfig('host_name: bob\n', options).config.hostName).toBe('bob');
  });

  it('says that registration is not followed where it contradicts the scope', () => {
    const text = 'plugins: [{name: A, plugin: github, owner: o, repo: r, registration: org}]\n';
    expect(parse(text).warnings).toEqual([expect.stringContaining('registration: org is not followed')]);
  });

  it.each([
    ['tls: true', {}, true],
    ['tls: false', false, false],
    ['api_key: abc', {}, true],
    ['tls: {ca: /ca.pem, server_name: t}', { ca: '/ca.pem', serverName: 't' }, { ca: '/ca.pem', serverName: 't' }],
    [
      'tls: {cert: /c.pem, key: ~/k.pem}',
      { cert: '/c.pem', key: `${HOME}/k.pem` },
      { cert: '/c.pem', key: `${HOME}/k.pem` },
    ],
  ])('reads %s', (lines, tls, settings) => {
    const { temporal } = parse(`temporal:\n  ${lines}\n`).config;
    expect(temporal.tls).toEqual(tls);
    expect(temporalSettings(temporal).tls).toEqual(settings);
    expect(temporalSettings(temporal).apiKey).toBe(lines.includes('api_key') ? 'abc' : undefined);
  });
});

describe('the place of the config', () => {
  it('is ~/.config/berth before ~/.config/anklet, whose plugins stay beside it', async () => {
    await put('.config/anklet/config.yml', 'pool: from-anklet\n');
    const anklet = loadConfig({ env: {}, home });
    expect(anklet.config.pool).toBe('from-anklet');
    expect(anklet.config.pluginsPath).toBe(join(home, '.config/anklet/plugins'));
    expect(anklet.config.drainFiles.at(-1)).toBe(join(home, '.config/anklet/.drain'));
    await put('.config/anklet/other.yml', 'pool: other\n');
    expect(loadConfig({ env: { ANKLET_CONFIG_FILE_NAME: 'other.yml' }, home }).config.pool).toBe('other');
    await put('.config/berth/config.yml', 'pool: from-berth\n');
    expect(loadConfig({ env: {}, home })).toMatchObject({
      file: join(home, '.config/berth/config.yml'),
      config: { pool: 'from-berth', file: join(home, '.config/berth/config.yml') },
    });
    expect(loadConfig({ path: join(home, '.config/anklet/config.yml'), env: {}, home }).config.pool).toBe(
      'from-anklet',
    );
  });
});

describe('environment variables', () => {
  const slots =
    'plugins:\n  - {name: mac-1, plugin: github, owner: acme}\n  - {name: B, plugin: github, owner: acme}\n';

  it.each([
    [{ ANKLET_METRICS_AGGREGATOR: 'true' }, { metrics: { aggregator: true } }],
    [{ BERTH_METRICS_PORT: '9', ANKLET_METRICS_PORT: '8' }, { metrics: { port: 9 } }],
    [
      { ANKLET_GLOBAL_DATABASE_URL: 'r', ANKLET_GLOBAL_DATABASE_TLS_ENABLED: 'true' },
      { database: { url: 'r', tls: true } },
    ],
    [{ ANKLET_METRICS_DATABASE_URL: 'm', ANKLET_METRICS_DATABASE_PORT: '7' }, { database: { url: 'm', port: 7 } }],
    [
      { BERTH_TEMPORAL_ADDRESS: 't:1', BERTH_TEMPORAL_NAMESPACE: 'n' },
      { temporal: { address: 't:1', namespace: 'n' } },
    ],
    [{ BERTH_TEMPORAL_TLS: 'true' }, { temporal: { tls: {} } }],
    [{ BERTH_TEMPORAL_TLS_CA: '/ca.pem' }, { temporal: { tls: { ca: '/ca.pem' } } }],
    [
      { BERTH_HOST_NAME: 'h', BERTH_POOL: 'p', BERTH_NAME_PREFIX: 'x' },
      { hostName: 'h', pool: 'p', namePrefix: 'x' },
    ],
    [
      { ANKLET_WORK_DIR: '/w', BERTH_LOG_FILE_DIR: '/l' },
      { stateDir: '/w', log: { fileDir: '/l' } },
    ],
    [{ ANKLET_PLUGINS_PATH: '/p', BERTH_PLUGINS_PATH: '' }, { pluginsPath: '/p' }],
    [{ BERTH_GITHUB_API_URL: 'https://g/api/v3' }, { github: { webHost: 'g' } }],
    [{ ANKLET_GLOBAL_TOKEN: 'x' }, { globalCredential: { kind: 'token' } }],
    [{ MAC_1_OWNER: 'other', B_RUNNER_GROUP: 'g' }, { slots: [{ scope: { owner: 'other' } }, { runnerGroup: 'g' }] }],
    [{ MAC_1_REPO: 'r' }, { slots: [{ scope: { kind: 'repo', repo: 'r' } }, { scope: { kind: 'org' } }] }],
    [{ MAC_1_SKIP_PULL: 'true' }, { slots: [{ skipPull: true }, { skipPull: false }] }],
    [{ MAC_1_DATABASE_URL: 'own' }, { database: { url: 'own' } }],
    [{ B_HOST_TO_GUEST_FOLDER_MOUNTS: '/a, /b:c' }, { slots: [{ mounts: [] }, { mounts: ['/a', '/b:c'] }] }],
    [
      { ANKLET_GLOBAL_HOST_TO_GUEST_FOLDER_MOUNTS: '/g', B_HOST_TO_GUEST_FOLDER_MOUNTS: '/b' },
      { slots: [{ mounts: ['/g'] }, { mounts: ['/g', '/b'] }] },
    ],
    [
      { ANKLET_JOB_RETRY_ATTEMPTS: '2', B_JOB_RETRY_ATTEMPTS: '3' },
      { slots: [{ retryAttempts: 2 }, { retryAttempts: 3 }] },
    ],
    [
      { ANKLET_GLOBAL_SKIP_CPU_AND_MEMORY_RESOURCE_CHECKS: 'true' },
      { slots: [{ skipResourceChecks: true }, { skipResourceChecks: true }] },
    ],
    [
      { MAC_1_TEMPLATE_DISK_BUFFER: '3.5', BERTH_GLOBAL_TEMPLATE_DISK_BUFFER: '4' },
      { slots: [{ templateDiskBuffer: 3.5 }, { templateDiskBuffer: 4 }] },
    ],
  ])('%o override keys', (env, expected) => {
    expect(parse(slots, env as unknown as Record<string, string>).config).toMatchObject(expected);
  });

  it('override what the file says', () => {
    expect(parse('pool: file\n', { ANKLET_POOL: 'env' }).config.pool).toBe('env');
  });

  it('take a private key with escaped line ends', () => {
    const env = { BERTH_GLOBAL_PRIVATE_KEY: PEM.replaceAll('\n', '\\n'), BERTH_GLOBAL_APP_ID: '7' };
    const credential = parse('pool: a\n', env).config.globalCredential;
    expect(credential).toMatchObject({ kind: 'app', appId: 7, installationId: null });
    expect(credential?.kind === 'app' ? credential.privateKey.reveal() : '').toBe(PEM);
  });

  it('are named when they are wrong', () => {
    const env = {
      ANKLET_METRICS_PORT: 'many',
      MAC_1_JOB_RETRY_ATTEMPTS: '1.5',
      BERTH_GLOBAL_PRIVATE_KEY: '/none',
      BERTH_GLOBAL_APP_ID: '1',
    };
    expect(problemsOf(slots, env)).toEqual([
      'ANKLET_METRICS_PORT: metrics.port: expected a whole number from 0 to 65535, found "many"',
      'MAC_1_JOB_RETRY_ATTEMPTS: plugins[0].job_retry_attempts: expected a whole number from 0 to 1000, found "1.5"',
      'BERTH_GLOBAL_PRIVATE_KEY: global_private_key: expected a private key: PEM text, or the path of a PEM file, found neither PEM text nor a file that exists',
    ]);
  });

  it('cannot put entries or names in', () => {
    expect(parse('pool: a\n', { BERTH_PLUGINS: 'x', BERTH_SERVICES: 'y' }).config.slots).toEqual([]);
    expect(parse(slots, { B_NAME: 'C', B_PLUGIN: 'x' }).config.slots[1]?.name).toBe('B');
  });
});

describe('how long phases may last, and what is done about lost and impossible jobs', () => {
  it('is as documented where nothing is said', () => {
    const { config } = parse('plugins: []\n');
    expect(config).toMatchObject({ onUnrunnable: 'cancel-run', onInfraLost: 'nothing', phaseLimits: DEFAULT_LIMITS });
  });

  it('is as the file says, in seconds', () => {
    const { config } = parse(
      'timeouts: {pull: 60, start_runner: 90}\nhost_return_grace: 30\non_unrunnable: leave\non_infra_lost: rerun-once\nplugins: []\n',
    );
    expect(config).toMatchObject({ onUnrunnable: 'leave', onInfraLost: 'rerun-once' });
    const changed = { pullMs: 60_000, startRunnerMs: 90_000, hostReturnMs: 30_000 };
    expect(config.phaseLimits).toEqual({ ...DEFAULT_LIMITS, ...changed });
  });
});
