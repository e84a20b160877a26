import { generateKeyPairSync } from 'node:crypto';
import { access, constants, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../cli/commands.js';
import { loadConfig } from '../../config/load.js';
import { rolesOf } from '../../config/roles.js';
import type { Config } from '../../config/types.js';
import { TUNED_SERVER, devServerArgs } from '../../temporal/dev-server-flags.js';
import { COMPOSE, ROOT, SERVICES, serviceOf } from './compose-file.js';
import { COMPOSE_SCHEMA } from './compose-schema.js';

/** A job that is done when it ends; others wait for its success. */
const ONE_SHOTS = ['temporal-schema'];
const BERTH = SERVICES.filter(({ service }) => service.image.startsWith('berth:'));

describe('docker-compose.yml', () => {
  it('has only keys and values of the format', () => {
    const validate = new Ajv({ allErrors: true }).compile(COMPOSE_SCHEMA);
    validate(COMPOSE);
    expect(validate.errors).toBeNull();
  });

  it('has what production needs', () => {
    const names = ['orchestrator', 'postgres', 'receiver', 'redis', 'temporal', 'temporal-schema', 'temporal-ui'];
    expect(SERVICES.map(({ name }) => name).sort()).toEqual(names);
  });

  it.each(SERVICES)('$name has a pinned image', ({ service }) => {
    expect(service.image).toMatch(/:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?$/);
  });

  it.each(SERVICES)('$name says when it is healthy, or is over when it ends', ({ name, service }) => {
    const isOneShot = ONE_SHOTS.includes(name);
    expect(service.healthcheck === undefined).toBe(isOneShot);
    expect(service.restart).toBe(isOneShot ? 'on-failure:5' : 'unless-stopped');
  });

  it.each(SERVICES)('$name waits for what it needs to be healthy, or done', ({ service }) => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      serviceOf(other);
      const isOneShot = ONE_SHOTS.includes(other);
      expect(condition).toBe(isOneShot ? 'service_completed_successfully' : 'service_healthy');
    }
  });

  it('starts Temporal after its schema, and Berth after Temporal', () => {
    expect(Object.keys(serviceOf('temporal').depends_on ?? {})).toEqual(['postgres', 'temporal-schema']);
    for (const { service } of BERTH) expect(Object.keys(service.depends_on ?? {})).toEqual(['temporal']);
  });

  it.each(SERVICES)('$name listens for other machines only if it must', ({ name, service }) => {
    for (const port of service.ports ?? []) {
      const outside = /^\$\{(TEMPORAL|RECEIVER)_LISTEN:-0\.0\.0\.0\}:/.exec(port)?.[1]?.toLowerCase();
      expect(outside ?? port).toMatch(outside === undefined ? /^127\.0\.0\.1:/ : name);
    }
  });

  it('tells Temporal how its parts reach each other: a server on all addresses does not start without', () => {
    const variables = { BIND_ON_IP: '0.0.0.0', TEMPORAL_BROADCAST_ADDRESS: '127.0.0.1' };
    expect(serviceOf('temporal').environment).toMatchObject(variables);
  });

  it('uses networks, volumes and secrets that it declares, and all of those', () => {
    const used = SERVICES.map(({ service }) => service);
    const volumes = used.flatMap(({ volumes: list = [] }) => list).map((volume) => volume.split(':')[0] ?? '');
    const named = volumes.filter((volume) => !volume.startsWith('./'));
    const networks = used.flatMap(({ networks: list = ['default'] }) => list);
    const secrets = used.flatMap(({ secrets: list = [] }) => list);
    expect(new Set(named)).toEqual(new Set(Object.keys(COMPOSE.volumes)));
    expect(new Set(networks)).toEqual(new Set(Object.keys(COMPOSE.networks)));
    expect(new Set(secrets)).toEqual(new Set(Object.keys(COMPOSE.secrets)));
  });

  it.each(SERVICES)('$name mounts files that exist, read-only', async ({ service }) => {
    for (const volume of (service.volumes ?? []).filter((entry) => entry.startsWith('./'))) {
      const [from = '', , mode] = volume.split(':');
      await access(join(ROOT, from), constants.R_OK);
      expect(mode).toBe('ro');
    }
  });

  it('has no secret: they come by file, from a folder that git and the image leave out', async () => {
    for (const { service } of SERVICES) {
      for (const [variable, value] of Object.entries(service.environment ?? {})) {
        if (/password|pwd|secret|token|key/i.test(variable)) expect(value).toMatch(/^\/run\/secrets\/\w+$/);
      }
    }
    for (const { file } of Object.values(COMPOSE.secrets)) expect(file).toMatch(/^\.\/deploy\/secrets\/\w+$/);
    for (const list of ['.gitignore', '.dockerignore']) {
      expect((await readFile(join(ROOT, list), 'utf8')).split('\n')).toEqual(
        expect.arrayContaining(['.env', 'deploy/secrets']),
      );
    }
  });

  it('gives each service only its own secrets', () => {
    const secretsOf = Object.fromEntries(SERVICES.map(({ name, service }) => [name, service.secrets ?? []]));
    expect(secretsOf).toMatchObject({
      receiver: ['webhook_secret'],
      orchestrator: ['github_credential'],
      temporal: ['postgres_password'],
      redis: [],
      'temporal-ui': [],
    });
  });
});

describe("Berth's services", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'berth-compose-'));
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(join(dir, 'github_credential'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
    await writeFile(join(dir, 'webhook_secret'), 'hook-secret-1\n');
  });
  afterAll(() => rm(dir, { recursive: true }));

  /** The config that a service would read, with its variables and secrets. */
  function configOf(name: string): { readonly config: Config; readonly warnings: readonly string[] } {
    const { command = [], volumes = [], environment = {} } = serviceOf(name);
    const inside = command[command.indexOf('-c') + 1] ?? '';
    const outside = volumes.find((volume) => volume.split(':')[1] === inside)?.split(':')[0] ?? '';
    const env = Object.fromEntries(
      Object.entries(environment).map(([variable, value]) => [
        variable,
        value.replace('/run/secrets', dir).replace(/^\$\{GITHUB_APP_ID:\?[^}]*\}$/, '123456'),
      ]),
    );
    return loadConfig({ path: join(ROOT, outside), env, home: '/home/node', hostname: 'abc123' });
  }

  it('are two, of the same image', () => {
    expect(BERTH.map(({ name }) => name)).toEqual(['receiver', 'orchestrator']);
  });

  it.each(BERTH)('$name runs a command that exists', ({ service }) => {
    expect(COMMANDS.map(({ name }) => name)).toContain(service.command?.[0]);
  });

  it.each(BERTH)('$name has a config that loads, for that role alone', ({ name }) => {
    const { config, warnings } = configOf(name);
    expect(warnings).toEqual([]);
    expect(rolesOf(config)).toEqual([name]);
    expect(config.temporal.address).toBe('temporal:7233');
  });

  it('read their secrets from the files', () => {
    const { receiver } = configOf('receiver').config;
    expect(receiver?.secret.reveal()).toBe('hook-secret-1');
    expect(configOf('orchestrator').config.globalCredential).toMatchObject({ kind: 'app', appId: 123456 });
  });

  it('publish and check the port of the config', () => {
    const port = configOf('receiver').config.receiver?.port;
    expect(serviceOf('receiver').ports?.[0]).toMatch(new RegExp(`:${port}:${port}$`));
    expect(serviceOf('receiver').healthcheck?.test.join(' ')).toContain(`:${port}/readyz`);
  });

  it.each(BERTH)('$name has a health check that is built', async ({ service }) => {
    const [, program, script = ''] = service.healthcheck?.test ?? [];
    expect(program).toBe('node');
    const source = script.replace(/^\/berth\/dist\//, '').replace(/\.js$/, '.ts');
    await access(join(ROOT, source), constants.R_OK);
  });
});

describe('deploy/temporal', () => {
  it('has the dynamic config that the dev server gets as flags', async () => {
    const file = parse(await readFile(join(ROOT, 'deploy', 'temporal', 'dynamic-config.yaml'), 'utf8')) as Record<
      string,
      readonly { readonly value: number }[]
    >;
    const values = Object.fromEntries(Object.entries(file).map(([key, [first]]) => [key, first?.value]));
    expect(values).toEqual(TUNED_SERVER);
    const flags = devServerArgs({ port: 1, uiPort: null, dbFile: null, namespace: 'n', searchAttributes: [] });
    for (const [key, value] of Object.entries(values)) expect(flags).toContain(`${key}=${value}`);
  });

  it('is where the server looks for it', () => {
    const { volumes = [], environment = {} } = serviceOf('temporal');
    const mounted = volumes.find((volume) => volume.startsWith('./deploy/temporal/dynamic-config.yaml:'));
    expect(mounted?.split(':')[1]).toBe(environment['DYNAMIC_CONFIG_FILE_PATH']);
  });

  it('has a schema script that makes both databases, with the password from the file alone', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'berth-schema-'));
    try {
      // The secret's place is the container's; the tool is one that tells how it was called.
      const script = (await readFile(join(ROOT, 'deploy', 'temporal', 'set-up-schema.sh'), 'utf8')).replaceAll(
        '/run/secrets/',
        `${dir}/`,
      );
      await writeFile(join(dir, 'postgres_password'), 'pass-word-1\n');
      await writeFile(join(dir, 'script.sh'), script);
      await writeFile(join(dir, 'temporal-sql-tool'), '#!/bin/sh\necho "$SQL_PASSWORD|$*"\n', { mode: 0o755 });
      const { stdout } = await execa('/bin/sh', [join(dir, 'script.sh')], {
        env: { PATH: `${dir}:${process.env['PATH']}` },
      });
      const calls = stdout.split('\n').map((line) => line.split('|'));
      expect(calls.map(([password]) => password)).toEqual(Array(6).fill('pass-word-1'));
      expect(calls.map(([, args = '']) => /--database (\w+) ([\w-]+)/.exec(args)?.slice(1).join(' '))).toEqual(
        ['temporal', 'temporal_visibility'].flatMap((database) =>
          ['create-database', 'setup-schema', 'update-schema'].map((step) => `${database} ${step}`),
        ),
      );
      expect(calls.map(([, args]) => args).join(' ')).not.toContain('pass-word-1');
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
