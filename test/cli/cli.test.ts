import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../cli/main.js';
import { CommandError, EXIT } from '../../cli/exit-codes.js';
import { packageVersion } from '../../cli/package-version.js';
import { writePidFile } from '../../cli/pid-file.js';
import { untilStopped } from '../../cli/until-stopped.js';
import type { Service } from '../../cli/until-stopped.js';
import { fakeContext } from './support.js';

const log = pino({ level: 'silent' });

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'berth-cli-'));
});

afterAll(() => rm(home, { recursive: true }));

const put = async (name: string, text: string): Promise<string> => {
  await writeFile(join(home, name), text);
  return join(home, name);
};

async function run(...args: readonly string[]) {
  const context = fakeContext(home);
  const code = await runCli(args, context);
  return { code, out: context.stdout(), err: context.stderr() };
}

const VALID = `
global_token: hush
work_dir: /tmp/
plugins:
  - {name: hooks, plugin: github_receiver, port: 54321, secret: hush}
  - {name: left, plugin: github, owner: acme, repo: ios}
`;

describe('berth', () => {
  it('says what it can do', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(EXIT.ok);
    for (const name of ['receiver', 'config', 'version']) expect(out).toMatch(new RegExp(`^ +${name} `, 'm'));
  });

  it('says what one command can do', async () => {
    for (const args of [
      ['receiver', '--help'],
      ['help', 'receiver'],
    ]) {
      const { code, out } = await run(...args);
      expect([code, out]).toEqual([EXIT.ok, expect.stringContaining('--config <file>')]);
    }
  });

  it.each([['--version'], ['-V'], ['version']])('%s prints the version', async (arg) => {
    expect(await run(arg)).toEqual({ code: EXIT.ok, out: `${packageVersion()}\n`, err: '' });
  });

  it('without a command explains itself as a mistake', async () => {
    const { code, err } = await run();
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('Usage: berth')]);
  });

  it.each([
    [['recever'], "unknown command 'recever'", 'Did you mean receiver?'],
    [['config', 'chek'], "unknown command 'chek'", 'Did you mean check?'],
    [['receiver', '--confg', 'x'], "unknown option '--confg'", 'Did you mean --config?'],
    [['receiver', 'more'], 'too many arguments', ''],
    [['config'], 'Usage: berth config', ''],
    [['receiver', '-c'], 'argument missing', ''],
  ])('takes %j for a mistake', async (args, what, suggestion) => {
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining(what)]);
    expect(err).toContain(suggestion);
  });

  it('turns what a command throws into message and code, with a stack only for its own mistakes', async () => {
    const failing = (err: Error) => [
      {
        name: 'x',
        description: '',
        load: () =>
          Promise.resolve({
            define: (command: { action(f: () => void): unknown }) =>
              void command.action(() => {
                throw err;
              }),
          }),
      },
    ];
    const context = fakeContext(home);
    expect(await runCli(['x'], context, failing(new CommandError(EXIT.notFound, 'no such host')))).toBe(EXIT.notFound);
    expect(context.stderr()).toBe('berth: no such host\n');
    expect(await runCli(['x'], context, failing(new Error('mistake')))).toBe(EXIT.failed);
    expect(context.stderr()).toMatch(/mistake\n +at /);
  });
});

describe('berth config check', () => {
  it('says what a config is for, and warns', async () => {
    const file = await put('valid.yml', VALID);
    const { code, out, err } = await run('config', 'check', '-c', file);
    expect([code, err]).toEqual([EXIT.ok, '']);
    expect(out).toContain(`file      ${file}`);
    expect(out).toContain('roles     receiver, orchestrator, host');
    expect(out).toContain('receiver  hooks, port 54321');
    expect(out).toMatch(/slot {6}left for acme\/ios on /);
    expect(out).toContain(`warning   ${file}:3:1: work_dir`);
    expect(out).toContain('The config is valid.');
    expect(out).not.toContain('hush');
  });

  it('prints every problem and ends with 78', async () => {
    const file = await put('bad.yml', 'pol: a\nmetrics: {port: hush}\nglobal_token: [hush]\n');
    const { code, out, err } = await run('config', 'check', '--config', file);
    expect([code, out]).toEqual([EXIT.config, '']);
    expect(err.split('\n')).toEqual([
      'berth: the config has 3 problems',
      `  ${file}:1:1: pol: expected a known key (the nearest is \`pool\`), found the unknown key \`pol\``,
      `  ${file}:2:17: metrics.port: expected a whole number from 0 to 65535, found "hush"`,
      `  ${file}:3:15: global_token: expected text on one line, found a list`,
      '',
    ]);
  });

  it('does both as JSON', async () => {
    const good = await run('config', 'check', '--json', '-c', await put('valid.yml', VALID));
    expect(good.code).toBe(EXIT.ok);
    expect(JSON.parse(good.out)).toMatchObject({ roles: ['receiver', 'orchestrator', 'host'], problems: [] });
    const bad = await run('config', 'check', '--json', '-c', await put('bad.yml', 'pol: a\n'));
    expect([bad.code, bad.err]).toEqual([EXIT.config, '']);
    expect(JSON.parse(bad.out)).toMatchObject({ problems: [{ line: 1, column: 1, key: 'pol' }] });
  });

  it('says where it looked when there is no config', async () => {
    const { code, err } = await run('config', 'check');
    expect([code, err]).toEqual([EXIT.config, expect.stringContaining(join(home, '.config/berth/config.yml'))]);
  });
});

describe('berth receiver', () => {
  it('without a receiver in the config ends with 78', async () => {
    const file = await put('none.yml', 'pool: a\n');
    const { code, err } = await run('receiver', '-c', file);
    expect([code, err]).toEqual([EXIT.config, `berth: ${file} has no entry with plugin: github_receiver\n`]);
  });

  it('says so when the port is taken', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const entry = `{name: R, plugin: github_receiver, port: ${port}, secret: s}`;
    const file = await put(
      'taken.yml',
      `log: {file_dir: ${home}}\ntemporal: {address: "127.0.0.1:1"}\nplugins: [${entry}]\n`,
    );
    const { code, err } = await run('receiver', '--listen', '127.0.0.1', '-c', file);
    other.close();
    expect([code, err]).toEqual([EXIT.failed, `berth: port ${port} cannot be listened on (EADDRINUSE)\n`]);
  });
});

describe('a service', () => {
  it.each(['SIGINT', 'SIGTERM'])('stops at %s and lets go of the signals', async (signal) => {
    const context = fakeContext(home);
    const stopped: string[] = [];
    const done = untilStopped({ stop: () => Promise.resolve(void stopped.push('stopped')) }, log, context);
    context.signals.emit(signal, signal);
    await done;
    expect([stopped, context.exits]).toEqual([['stopped'], []]);
    expect(context.signals.listenerCount(signal)).toBe(0);
  });

  it('ends at once, with 1, at a second signal', async () => {
    const context = fakeContext(home);
    let finish: () => void = () => undefined;
    const service = {
      stop: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    };
    const done = untilStopped(service, log, context);
    context.signals.emit('SIGTERM', 'SIGTERM');
    context.signals.emit('SIGINT', 'SIGINT');
    expect(context.exits).toEqual([EXIT.failed]);
    await Promise.resolve();
    finish();
    await done;
  });

  const drainer = (always: boolean) => {
    const steps: string[] = [];
    const service: Service = {
      drainsAt: (signal) => always || signal === 'SIGQUIT',
      drain: (cut) => {
        steps.push('drain');
        return new Promise((resolve) => cut.addEventListener('abort', () => resolve(void steps.push('cut'))));
      },
      stop: () => Promise.resolve(void steps.push('stop')),
    };
    return { service, steps };
  };

  it.each([
    [true, 'SIGTERM'],
    [true, 'SIGINT'],
    [true, 'SIGQUIT'],
    [false, 'SIGQUIT'],
  ])('drains before it stops (always: %j) at %s, and stops at once at a second signal', async (always, signal) => {
    const context = fakeContext(home);
    const { service, steps } = drainer(always);
    const done = untilStopped(service, log, context);
    context.signals.emit(signal, signal);
    await vi.waitFor(() => expect(steps).toEqual(['drain']));
    context.signals.emit(signal, signal);
    await done;
    expect([steps, context.exits]).toEqual([['drain', 'cut', 'stop'], []]);
  });

  it('does not drain at SIGTERM unless it is to', async () => {
    const context = fakeContext(home);
    const { service, steps } = drainer(false);
    const done = untilStopped(service, log, context);
    context.signals.emit('SIGTERM', 'SIGTERM');
    await done;
    expect(steps).toEqual(['stop']);
  });

  it('ends at once, with 1, at a signal after a drain that was cut short', async () => {
    const context = fakeContext(home);
    const { service } = drainer(true);
    let finish = (): void => undefined;
    const slow = { ...service, stop: () => new Promise<void>((resolve) => (finish = resolve)) };
    const done = untilStopped(slow, log, context);
    for (let count = 0; count < 2; count += 1) context.signals.emit('SIGTERM', 'SIGTERM');
    expect(context.exits).toEqual([]);
    context.signals.emit('SIGTERM', 'SIGTERM');
    expect(context.exits).toEqual([EXIT.failed]);
    await vi.waitFor(() => {
      finish();
      return expect(context.signals.listenerCount('SIGTERM')).toBe(0);
    });
    await done;
  });

  it('writes its pid where it is told to, and takes only its own away', async () => {
    const file = join(home, 'berth-host.pid');
    const remove = writePidFile(home, 'host', log);
    expect(await readFile(file, 'utf8')).toBe(`${process.pid}\n`);
    remove();
    await expect(readFile(file)).rejects.toThrow('ENOENT');
    const removeOther = writePidFile(home, 'host', log);
    await writeFile(file, '1\n');
    removeOther();
    expect(await readFile(file, 'utf8')).toBe('1\n');
    expect(writePidFile(join(home, 'none'), 'host', log)()).toBeUndefined();
    expect(writePidFile(null, 'host', log)()).toBeUndefined();
  });
});
