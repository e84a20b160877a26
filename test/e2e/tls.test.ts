/** TLS to Temporal: the dev server behind a proxy that speaks it, with an authority made for the test. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseConfig } from '../../config/parse.js';
import { temporalSettings } from '../../config/temporal-settings.js';
import { connectClient, connectNative, lazyClient } from '../../temporal/connect.js';
import type { TemporalSettings } from '../../temporal/connect.js';
import { installRuntime } from '../../temporal/runtime.js';
import { TemporalSettingsError } from '../../temporal/settings-error.js';
import { connectWhenThere } from '../../workers/temporal-ready.js';
import { createAuthority } from './tls/certificates.js';
import type { Authority, Pair } from './tls/certificates.js';
import { startNotingServer, startTlsProxy } from './tls/servers.js';
import type { TestServer } from './tls/servers.js';

const NAMESPACE = 'berth-tests';
const log = pino({ level: 'silent' });

let dir: string;
let ours: Authority;
let others: Authority;
let byAddress: Pair;
let byName: Pair;
let client: Pair;
let strange: Pair;
const servers: TestServer[] = [];

beforeAll(async () => {
  installRuntime(log);
  dir = await mkdtemp(join(tmpdir(), 'berth-tls-'));
  [ours, others] = await Promise.all([createAuthority(dir, 'ours'), createAuthority(dir, 'others')]);
  byAddress = await ours.sign('server', 'IP:127.0.0.1');
  byName = await ours.sign('named', 'DNS:temporal.internal');
  client = await ours.sign('client', 'DNS:berth');
  strange = await others.sign('client', 'DNS:berth');
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await rm(dir, { recursive: true, force: true });
});

async function proxy(pair: Pair, clientCa?: string): Promise<string> {
  const server = await startTlsProxy(inject('temporalAddress'), pair, clientCa);
  servers.push(server);
  return `127.0.0.1:${server.port}`;
}

/** Every kind of connection, each used for a call. */
const KINDS: readonly (readonly [string, (settings: TemporalSettings) => Promise<unknown>])[] = [
  [
    "the CLI's and the tests'",
    async (settings) => {
      const { connection, workflow } = await connectClient(settings);
      await workflow.count().finally(() => connection.close());
    },
  ],
  [
    "the receiver's",
    async (settings) => {
      const lazy = await lazyClient(settings);
      const call = lazy.withDeadline(Date.now() + 10_000, () => lazy.workflow.count());
      await call.finally(() => lazy.connection.close());
    },
  ],
  [
    "the workers'",
    async (settings) => {
      const connection = await connectNative(settings);
      await connection.workflowService
        .describeNamespace({ namespace: settings.namespace })
        .finally(() => connection.close());
    },
  ],
];

/** Side by side: the SDK tries for ten seconds before it gives up. */
async function allRefused(attempts: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(attempts);
  expect(outcomes.map(({ status }) => status)).toEqual(attempts.map(() => 'rejected'));
}

describe.concurrent.each(KINDS)('%s connection', (_, use) => {
  const at = (address: string, tls: TemporalSettings['tls']): TemporalSettings => ({
    address,
    namespace: NAMESPACE,
    tls,
  });

  it('trusts the authority that it is given, and no other', async () => {
    const address = await proxy(byAddress);
    await use(at(address, { ca: ours.ca }));
    await allRefused([{ ca: others.ca }, true, false].map((tls) => use(at(address, tls))));
  });

  it("wants the server's name in its certificate, or the one that is set", async () => {
    const address = await proxy(byName);
    await allRefused([use(at(address, { ca: ours.ca }))]);
    await use(at(address, { ca: ours.ca, serverName: 'temporal.internal' }));
  });

  it('shows its certificate, without which a server may refuse it', async () => {
    const address = await proxy(byAddress, ours.ca);
    await use(at(address, { ca: ours.ca, ...client }));
    await allRefused([{}, strange].map((pair) => use(at(address, { ca: ours.ca, ...pair }))));
  });

  it('sends the API key and the namespace, by TLS only', async () => {
    const server = await startNotingServer(byAddress);
    servers.push(server);
    const settings = { ...at(`127.0.0.1:${server.port}`, { ca: ours.ca }), apiKey: 'api-key-1' };
    await use(settings).catch(() => undefined);
    expect(server.headers[0]).toMatchObject({ authorization: 'Bearer api-key-1', 'temporal-namespace': NAMESPACE });
    const seen = server.headers.length;
    const plain = use({ ...settings, tls: false });
    await expect(plain).rejects.toThrow(TemporalSettingsError);
    await expect(plain).rejects.toThrow(/temporal\.api_key needs TLS/);
    await expect(plain).rejects.not.toThrow(/api-key-1/);
    expect(server.headers).toHaveLength(seen);
  });
});

describe('a config file', () => {
  it('says all that a private cluster needs', async () => {
    const address = await proxy(byName, ours.ca);
    const text = [
      `temporal:`,
      `  address: "${address}"`,
      `  namespace: ${NAMESPACE}`,
      `  tls: {server_name: temporal.internal, ca: ${ours.ca}, cert: ${client.cert}, key: ${client.key}}`,
    ].join('\n');
    const { config } = parseConfig(text, { file: 'x.yml', env: {}, home: dir, hostname: 'mini-1' });
    const connection = await connectWhenThere(temporalSettings(config.temporal), log, AbortSignal.timeout(60_000));
    await connection.close();
  });
});

describe('files that cannot be used', () => {
  it.each([
    ['ca', () => ({ ca: join(dir, 'none.pem') }), /temporal\.tls\.ca: .*none\.pem cannot be read \(ENOENT\)/],
    ['ca', () => ({ ca: client.key }), /temporal\.tls\.ca: .* is not a certificate in PEM/],
    ['cert', () => ({ cert: client.key, key: client.key }), /temporal\.tls\.cert: .* is not a certificate in PEM/],
    ['key', () => ({ ...client, key: client.cert }), /temporal\.tls\.key: .* is not a private key in PEM/],
    ['key', () => ({ ...client, key: strange.key }), /temporal\.tls: .* is not the key of the certificate in /],
    ['key', () => ({ cert: client.cert }), /`cert` and `key` belong together/],
  ])('%s: are told at once, and not waited for', async (_, tls, message) => {
    const settings = { address: '127.0.0.1:1', namespace: NAMESPACE, tls: tls() };
    const waiting = connectWhenThere(settings, log, AbortSignal.timeout(60_000));
    await expect(waiting).rejects.toThrow(TemporalSettingsError);
    await expect(waiting).rejects.toThrow(message);
  });

  it('a garbled key is not shown', async () => {
    const key = join(dir, 'garbled.pem');
    await writeFile(key, '-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA==\n-----END PRIVATE KEY-----\n');
    const settings = { address: '127.0.0.1:1', namespace: NAMESPACE, tls: { cert: client.cert, key } };
    const refused = lazyClient(settings);
    await expect(refused).rejects.toThrow(/garbled\.pem is not a private key/);
    await expect(refused).rejects.not.toThrow(/c2VjcmV0/);
  });
});
