import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '@temporalio/client';
import { connectClient, connectNative, lazyClient } from '../../temporal/connect.js';
import { startDevServer } from '../../temporal/dev-server.js';
import type { DevServer } from '../../temporal/dev-server.js';
import { devServerArgs } from '../../temporal/dev-server-flags.js';
import { findTemporalCli } from '../../temporal/find-cli.js';
import { ensureNamespace, ensureSearchAttributes, RETENTION_MS } from '../../temporal/setup.js';
import { installRuntime } from '../../temporal/runtime.js';
import { isAlive, keepingLog, removeDir, script, tempDir, until } from './support.js';

const NAMES = ['BerthRepo', 'BerthHost'];
const { log, lines } = keepingLog();
let dir: string;
let cli: string;
let server: DevServer;
let connection: Connection;

beforeAll(async () => {
  dir = await tempDir();
  cli = (await findTemporalCli({ progress: (line) => process.stderr.write(`${line}\n`) })).file;
  server = await startDevServer({
    cli,
    namespace: 'berth-test',
    searchAttributes: NAMES,
    log,
    dbFile: join(dir, 'new-folder', 'state.db'),
    logFile: join(dir, 'server.log'),
  });
  connection = (await connectClient({ address: server.address, namespace: 'berth-test' })).connection as Connection;
}, 900_000);

afterAll(async () => {
  await connection?.close();
  await server?.stop();
  await removeDir(dir);
});

const retentionOf = async (namespace: string): Promise<number> => {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  return tsToMs(config?.workflowExecutionRetentionTtl);
};

describe('the dev server', () => {
  it('is up on free loopback ports, with a web UI', async () => {
    expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await isAlive(server.pid)).toBe(true);
    const page = await fetch(String(server.uiUrl));
    expect(page.status).toBe(200);
  });

  it('has the namespace, its retention and the search attributes', async () => {
    expect(await retentionOf('berth-test')).toBe(RETENTION_MS);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'berth-test' });
    expect(customAttributes).toMatchObject({ BerthRepo: 2, BerthHost: 2 });
  });

  it('keeps its state in a write-ahead log beside the file', async () => {
    expect((await stat(join(dir, 'new-folder', 'state.db-wal'))).isFile()).toBe(true);
  });

  it('runs with the tuned settings', async () => {
    const { stdout } = await execa('ps', ['-o', 'args=', '-p', String(server.pid)]);
    for (const setting of [
      'history.transferProcessorMaxPollRPS=1000',
      'history.timerProcessorMaxPollRPS=1000',
      'matching.numTaskqueueReadPartitions=1',
      'matching.numTaskqueueWritePartitions=1',
      'journal_mode=WAL',
      'synchronous=NORMAL',
      '--log-level error',
    ]) {
      expect(stdout).toContain(setting);
    }
  });

  it('can be stopped twice, is gone then, and its file can be used again with what it held', async () => {
    const input = { cli, namespace: 'again', searchAttributes: NAMES, log, headless: true };
    const first = await startDevServer({ ...input, dbFile: join(dir, 'again.db') });
    await first.stop();
    await first.stop();
    expect(await isAlive(first.pid)).toBe(false);
    const second = await startDevServer({ ...input, dbFile: join(dir, 'again.db') });
    expect(second.uiUrl).toBeNull();
    await second.stop();
    expect(lines.some((line) => line.msg === 'temporal dev server ended by itself')).toBe(false);
  });

  it('tells when it ends by itself', async () => {
    const kept = keepingLog();
    const doomed = await startDevServer({
      cli,
      namespace: 'doomed',
      searchAttributes: [],
      log: kept.log,
      headless: true,
    });
    process.kill(doomed.pid, 'SIGKILL');
    expect(await doomed.exited).toBe('SIGKILL');
    await until('it is logged', () => kept.lines.some((line) => line.msg === 'temporal dev server ended by itself'));
    await doomed.stop();
  });

  it('says what the CLI said when it does not start', async () => {
    const broken = await script(join(dir, 'broken'), 'echo "cannot open database" >&2; exit 4');
    const start = startDevServer({ cli: broken, namespace: 'x', searchAttributes: [], log });
    await expect(start).rejects.toThrow(/did not start: it ended \(code 4\)\s+cannot open database/);
  });

  it('is started again when it panics, and what it said then is told, not only where it was', async () => {
    const starts = join(dir, 'starts');
    const panic = ['panic: failed assigning ephemeral port: bind', ...Array.from({ length: 30 }, (_, n) => `at ${n}`)];
    const text = panic.map((line) => `echo "${line}" >&2`).join('\n');
    const panicking = await script(join(dir, 'panicking'), `echo once >> "${starts}"\n${text}\nexit 2`);
    const start = startDevServer({ cli: panicking, namespace: 'x', searchAttributes: [], log });
    await expect(start).rejects.toThrow(/it ended \(code 2\)\s+panic: failed assigning ephemeral port: bind\s+at 22/);
    expect((await readFile(starts, 'utf8')).trim().split('\n')).toHaveLength(3);
  });

  it('ends a CLI that starts but never answers', async () => {
    const mute = await script(join(dir, 'mute'), `echo $$ > "${dir}/mute.pid"; exec sleep 60`);
    const start = startDevServer({ cli: mute, namespace: 'x', searchAttributes: [], log, startTimeoutMs: 500 });
    await expect(start).rejects.toThrow(/did not answer on 127\.0\.0\.1:\d+ within 0\.5 s/);
    expect(await isAlive(Number(await readFile(join(dir, 'mute.pid'), 'utf8')))).toBe(false);
  });

  it('says that a port asked for is taken', async () => {
    const port = Number(server.address.split(':')[1]);
    const start = startDevServer({ cli, namespace: 'x', searchAttributes: [], log, port, headless: true });
    await expect(start).rejects.toThrow(/^port \d+ cannot be used \(EADDRINUSE\)/);
  });

  it('has no files and no UI when none are asked for', () => {
    const args = devServerArgs({ port: 1, uiPort: null, dbFile: null, namespace: 'n', searchAttributes: [] });
    expect(args).toContain('--headless');
    expect(args.join(' ')).not.toMatch(/sqlite|db-filename|ui-port/);
  });
});

describe('the namespace', () => {
  it('is created once by several processes at the same time', async () => {
    const all = await Promise.all([1, 2, 3].map(() => ensureNamespace(connection, { namespace: 'fresh', log })));
    expect(all.filter((result) => result === 'created')).toHaveLength(1);
    expect(all.filter((result) => result === 'present')).toHaveLength(2);
    expect(await retentionOf('fresh')).toBe(RETENTION_MS);
    expect(await ensureNamespace(connection, { namespace: 'fresh', log })).toBe('present');
  });

  it('can be used by each of these processes, not only by the one that made it', async () => {
    const use = async (): Promise<string> => {
      const result = await ensureNamespace(connection, { namespace: 'shared', log });
      await connection.workflowService.countWorkflowExecutions({ namespace: 'shared' });
      return result;
    };
    expect((await Promise.all([use(), use(), use()])).toSorted()).toEqual(['created', 'present', 'present']);
  });

  it.each([
    [1, 'raised', 7],
    [3, 'raised', 7],
    [4, 'present', 4],
    [30, 'present', 30],
  ] as const)('with a retention of %i days is %s', async (before, result, after) => {
    const namespace = `kept-${before}`;
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs(before * 86_400_000),
    });
    expect(await ensureNamespace(connection, { namespace, log })).toBe(result);
    expect(await retentionOf(namespace)).toBe(after * 86_400_000);
  });
});

describe('the search attributes', () => {
  it('are added where they are missing, by several at once, and may be asked for again', async () => {
    const names = [...NAMES, 'BerthJobId', 'BerthState'];
    const ensure = (): Promise<boolean> => ensureSearchAttributes(connection, { namespace: 'berth-test', names, log });
    expect(await Promise.all([ensure(), ensure(), ensure()])).toEqual([true, true, true]);
    expect(await ensure()).toBe(true);
  });

  it('of another type are reported, not used', async () => {
    await connection.operatorService.addSearchAttributes({
      namespace: 'berth-test',
      searchAttributes: { BerthNumber: 3 },
    });
    const kept = keepingLog();
    const input = { namespace: 'berth-test', names: ['BerthNumber'], log: kept.log };
    expect(await ensureSearchAttributes(connection, input)).toBe(false);
    expect(kept.lines.some((line) => line.level === 40 && /another type than Keyword/.test(line.msg))).toBe(true);
  });
});

describe('without rights', () => {
  const denied = Object.assign(new Error('7 PERMISSION_DENIED: not you'), { code: 7 });
  const unknown = Object.assign(new Error('3 INVALID_ARGUMENT: unknown attribute'), { code: 3 });
  const missing = Object.assign(new Error('5 NOT_FOUND'), { code: 5 });

  const with_ = (services: object): Connection =>
    ({ withDeadline: <T>(_: number, call: () => Promise<T>) => call(), ...services }) as unknown as Connection;

  it.each([
    ['a namespace is missing', { describeNamespace: () => Promise.reject(missing) }, 'missing', /may not be created/],
    ['a namespace may not be read', { describeNamespace: () => Promise.reject(denied) }, 'present', /may not be read/],
    [
      'a retention is too short',
      { describeNamespace: async () => ({ config: { workflowExecutionRetentionTtl: msToTs(86_400_000) } }) },
      'present',
      /retention is too short/,
    ],
  ] as const)('it is a warning that %s', async (_, service, result, warning) => {
    const kept = keepingLog();
    const refuse = (): Promise<never> => Promise.reject(denied);
    const calls = { registerNamespace: refuse, updateNamespace: refuse, countWorkflowExecutions: refuse };
    const workflowService = { ...calls, ...service };
    expect(await ensureNamespace(with_({ workflowService }), { namespace: 'n', log: kept.log })).toBe(result);
    expect(kept.lines.map((line) => line.level)).toEqual([40]);
    expect(kept.lines[0]?.msg).toMatch(warning);
  });

  it('it is a warning that search attributes cannot be added', async () => {
    const kept = keepingLog();
    const refuse = (): Promise<never> => Promise.reject(denied);
    const fake = with_({
      workflowService: { countWorkflowExecutions: () => Promise.reject(unknown) },
      operatorService: { listSearchAttributes: refuse, addSearchAttributes: refuse },
    });
    expect(await ensureSearchAttributes(fake, { namespace: 'n', names: ['BerthRepo'], log: kept.log })).toBe(false);
    expect(kept.lines[0]).toMatchObject({ level: 40, names: ['BerthRepo'] });
  });

  it('search attributes that are there are found by asking with a query', async () => {
    const fake = with_({
      workflowService: { countWorkflowExecutions: async () => ({ count: 0 }) },
      operatorService: { listSearchAttributes: () => Promise.reject(denied) },
    });
    expect(await ensureSearchAttributes(fake, { namespace: 'n', names: ['BerthRepo'], log })).toBe(true);
  });

  it('a server that does not answer is an error, not a warning', async () => {
    const down = Object.assign(new Error('14 UNAVAILABLE'), { code: 14 });
    const fake = with_({ workflowService: { describeNamespace: () => Promise.reject(down) } });
    await expect(ensureNamespace(fake, { namespace: 'n', log })).rejects.toThrow('UNAVAILABLE');
  });
});

describe('connections', () => {
  it('of the native kind work beside the others', async () => {
    installRuntime(log);
    installRuntime(log);
    const native = await connectNative({ address: server.address, namespace: 'berth-test' });
    expect(await ensureSearchAttributes(native, { namespace: 'berth-test', names: NAMES, log })).toBe(true);
    await native.close();
  });

  it('of the lazy kind start without a server and fail only when used', async () => {
    const gone = await closedPort();
    const client = await lazyClient({ address: `127.0.0.1:${gone}`, namespace: 'n' });
    const call = client.withDeadline(Date.now() + 300, () => client.workflow.count());
    await expect(call).rejects.toThrow();
    await client.connection.close();
  });

  it('to nobody name the address and what to check', async () => {
    const settings = { address: `127.0.0.1:${await closedPort()}`, namespace: 'n' };
    await expect(connectNative(settings)).rejects.toThrow(
      /Temporal at 127\.0\.0\.1:\d+ \(namespace n\) cannot be reached.*temporal\.address/,
    );
  });

  it('name a TLS file that cannot be read, and half a key pair', async () => {
    const at = { address: 'localhost:1', namespace: 'n' };
    await expect(lazyClient({ ...at, tls: { ca: join(dir, 'no.pem') } })).rejects.toThrow(/temporal\.tls\.ca.*ENOENT/);
    await expect(lazyClient({ ...at, tls: { cert: 'c.pem' } })).rejects.toThrow(/`cert` and `key` belong together/);
  });
});

async function closedPort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
