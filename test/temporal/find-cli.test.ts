import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedCli, cliCacheDir } from '../../temporal/cli-cache.js';
import { findTemporalCli } from '../../temporal/find-cli.js';
import type { TemporalCli } from '../../temporal/find-cli.js';
import { withFileLock } from '../../temporal/file-lock.js';
import { fakeCli, removeDir, script, tempDir } from './support.js';

let dir: string;
let lines: string[];
let service: Server | undefined;

beforeEach(async () => {
  dir = await tempDir();
  lines = [];
});

afterEach(async () => {
  service?.closeAllConnections();
  service?.close();
  service = undefined;
  await removeDir(dir);
});

interface Machine {
  readonly named?: string;
  readonly path?: string;
  readonly downloadService?: string;
}

const NO_SERVICE = 'http://127.0.0.1:1';

/** Finds the CLI on a machine that has only what the test put into its folder. */
function find({ named, path, downloadService = NO_SERVICE }: Machine = {}): Promise<TemporalCli> {
  return findTemporalCli({
    env: envOf({ ...(named === undefined ? {} : { named }), ...(path === undefined ? {} : { path }) }),
    progress: (line) => lines.push(line),
    downloadService,
    downloadTimeoutMs: 2_000,
    tellEveryMs: 50,
  });
}

function envOf({ named, path }: Machine = {}): NodeJS.ProcessEnv {
  return {
    HOME: dir,
    XDG_CACHE_HOME: join(dir, 'cache'),
    PATH: [path ?? join(dir, 'bin'), '/bin', '/usr/bin'].join(':'),
    ...(named === undefined ? {} : { BERTH_TEMPORAL_CLI: named }),
  };
}

const cacheFile = (): string => cachedCli({ env: envOf() });

/** A `go` that takes a moment, talks as `go install -v` does, counts its runs, and makes a CLI. */
const fakeGo = (
  body = 'printf \'#!/bin/sh\\necho "temporal version built"\\n\' > "$GOBIN/temporal"',
): Promise<string> =>
  script(
    join(dir, 'bin', 'go'),
    [
      'if [ "$1" = version ]; then echo "go version go1.26"; exit 0; fi',
      `echo "$*" >> "${dir}/go-runs"`,
      'echo "go: downloading github.com/a/b v1.2.3" >&2',
      'echo "github.com/a/b" >&2',
      'sleep 0.3',
      'echo "github.com/temporalio/cli/cmd/temporal" >&2',
      body,
      'chmod +x "$GOBIN/temporal"',
    ].join('\n'),
  );

/** A download service with this archive; answers how often it was asked. */
async function serve(
  archive: Buffer | 'hangs' | 'nonsense',
): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  service = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (archive === 'hangs') return;
    if (archive === 'nonsense') return void response.end('{"archiveUrl": 7}');
    if (request.url?.startsWith('/archive') === true) return void response.end(archive);
    response.end(JSON.stringify({ archiveUrl: `${url}/archive.tar.gz`, fileToExtract: 'temporal' }));
  });
  await new Promise<void>((resolve) => service?.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  return { url, asked };
}

async function archiveOf(body: string): Promise<Buffer> {
  await script(join(dir, 'packed', 'temporal'), body);
  await execa('tar', ['-czf', join(dir, 'cli.tar.gz'), '-C', join(dir, 'packed'), 'temporal']);
  return readFile(join(dir, 'cli.tar.gz'));
}

describe('the order in which the CLI is looked for', () => {
  it('is: the named one, PATH, the cache, the download, the build', async () => {
    await fakeGo();
    const named = await fakeCli(join(dir, 'named-cli'), 'named');
    await fakeCli(join(dir, 'onpath', 'temporal'), 'on-path');
    const { url } = await serve(await archiveOf('echo "temporal version downloaded"'));
    const both = { path: `${join(dir, 'onpath')}:${join(dir, 'bin')}`, downloadService: url };

    expect(await find({ ...both, named })).toMatchObject({ source: 'env', file: named, version: 'named' });
    expect(await find(both)).toMatchObject({ source: 'path', version: 'on-path' });
    expect(await find({ downloadService: url })).toMatchObject({ source: 'download', file: cacheFile() });
    expect(await find({ downloadService: url })).toMatchObject({ source: 'cache', version: 'downloaded' });
    await removeDir(cacheFile());
    expect(await find()).toMatchObject({ source: 'build', file: cacheFile(), version: 'built' });
    expect(lines.at(-1)).toContain('built with Go');
  });

  it('passes over a CLI on PATH that is too old or broken, and says so', async () => {
    await fakeCli(join(dir, 'old', 'temporal'), '0.11.0 (Server 1.22.3, UI 2.21.3)');
    await script(join(dir, 'broken', 'temporal'), 'exit 1');
    await fakeCli(cacheFile());
    const cli = await find({ path: `${join(dir, 'old')}:${join(dir, 'broken')}` });
    expect(cli.source).toBe('cache');
    expect(lines[0]).toMatch(/passed over: .*old\/temporal is too old \(0\.11\.0/);
    expect(lines[1]).toMatch(/passed over: .*broken\/temporal --version did not answer/);
  });

  it('refuses a named CLI that cannot be used instead of taking another', async () => {
    await fakeCli(cacheFile());
    await expect(find({ named: join(dir, 'nothing') })).rejects.toThrow(/BERTH_TEMPORAL_CLI cannot be used: .*nothing/);
  });

  it('ends with the four remedies when there is nothing', async () => {
    const error = await find({ path: join(dir, 'empty') }).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(Error);
    for (const remedy of ['on PATH', 'BERTH_TEMPORAL_CLI', 'temporal.download', 'install Go']) {
      expect((error as Error).message).toContain(remedy);
    }
    expect(lines.join('\n')).toMatch(/not downloaded: .*\n.*not built: Go is not installed/);
  });
});

describe('the cache folder', () => {
  it.each([
    [{ env: { HOME: '/h' }, platform: 'linux' }, '/h/.cache/berth/temporal/1.5.1'],
    [{ env: { HOME: '/h' }, platform: 'darwin' }, '/h/Library/Caches/berth/temporal/1.5.1'],
    [{ env: { HOME: '/h', XDG_CACHE_HOME: '/x' }, platform: 'linux' }, '/x/berth/temporal/1.5.1'],
    [{ env: { HOME: '/h', XDG_CACHE_HOME: '' }, platform: 'linux' }, '/h/.cache/berth/temporal/1.5.1'],
  ] as const)('of %j is %s', (input, expected) => {
    expect(cliCacheDir(input)).toBe(expected);
  });
});

describe('the download', () => {
  it('asks for the tested version and this platform', async () => {
    const { url, asked } = await serve(await archiveOf('echo "temporal version downloaded"'));
    await find({ downloadService: url });
    expect(asked[0]).toMatch(/^\/cli\/v1\.5\.1\?arch=(amd64|arm64)&platform=\w+&format=tar\.gz$/);
    expect(lines.some((line) => line.startsWith("downloading Temporal's CLI 1.5.1"))).toBe(true);
  });

  it.each([
    ['a service that hangs', 'hangs', /took too long/],
    ['an answer of another shape', 'nonsense', /something unexpected/],
    ['an archive that is none', Buffer.from('not an archive'), /not downloaded/],
  ] as const)('falls through to the build on %s', async (_, archive, reason) => {
    await fakeGo();
    const { url } = await serve(archive);
    const since = Date.now();
    expect(await find({ downloadService: url })).toMatchObject({ source: 'build' });
    expect(lines.join('\n')).toMatch(reason);
    expect(Date.now() - since).toBeLessThan(8_000);
  });

  it('never caches a binary that does not run', async () => {
    const { url } = await serve(await archiveOf('exit 3'));
    await expect(find({ downloadService: url })).rejects.toThrow('install Go');
    await expect(stat(cacheFile())).rejects.toThrow('ENOENT');
  });
});

describe('the build', () => {
  it('tells progress that moves', async () => {
    await fakeGo();
    await find();
    const moving = lines.filter((line) => line.startsWith("building Temporal's CLI: "));
    expect(moving.length).toBeGreaterThan(1);
    expect(moving[0]).toBe("building Temporal's CLI: 0:00, 1 packages compiled, 1 modules downloaded");
    expect(lines.at(-2)).toContain('2 packages compiled');
    expect(await readFile(join(dir, 'go-runs'), 'utf8')).toBe(
      'install -v github.com/temporalio/cli/cmd/temporal@v1.5.1\n',
    );
  });

  it('is done once by several at the same time, and leaves nothing beside the binary', async () => {
    await fakeGo();
    const found = await Promise.all([find(), find(), find()]);
    expect(found.map((cli) => cli.source).sort()).toEqual(['build', 'cache', 'cache']);
    expect((await readFile(join(dir, 'go-runs'), 'utf8')).trim().split('\n')).toHaveLength(1);
    expect(await readdir(cliCacheDir({ env: envOf() }))).toEqual(['temporal']);
    expect(lines.some((line) => line.startsWith(`waiting for process ${process.pid}`))).toBe(true);
  });

  it("shows Go's own words when it fails", async () => {
    await fakeGo('echo "go: module lookup disabled" >&2; exit 1');
    await expect(find()).rejects.toThrow('install Go');
    expect(lines.join('\n')).toMatch(/not built with Go: go install .* failed: go: module lookup disabled/);
  });
});

describe('the lock', () => {
  it('of a dead process is broken', async () => {
    const file = join(dir, 'lock');
    await writeFile(file, '999999\n');
    const since = Date.now();
    expect(await withFileLock(file, async () => 'done', { pollMs: 20, staleMs: 200 })).toBe('done');
    expect(Date.now() - since).toBeGreaterThanOrEqual(150);
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  /** Long enough that a busy machine touches the lock in time. */
  const STALE_MS = 2_000;
  const POLL_MS = 50;

  it('of a living process is respected for as long as it takes, and given back after an error', async () => {
    const file = join(dir, 'lock');
    const order: string[] = [];
    const held = deferred();
    const gate = deferred();
    const first = withFileLock(
      file,
      async () => {
        held.resolve();
        await gate.promise;
        order.push('first');
        throw new Error('boom');
      },
      { staleMs: STALE_MS },
    );
    // Both at once, and the other one might have the lock first: then nobody waits, and the gate stays shut for ever.
    await held.promise;
    let waits = 0;
    const onWait = (): void => {
      waits += 1;
      // By now the lock is older than a stale one would be, were it not touched.
      if (waits === 2 * (STALE_MS / POLL_MS)) gate.resolve();
    };
    const second = withFileLock(file, async () => void order.push('second'), {
      pollMs: POLL_MS,
      staleMs: STALE_MS,
      onWait,
    });
    await expect(first).rejects.toThrow('boom');
    await second;
    expect(order).toEqual(['first', 'second']);
  });
});

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
