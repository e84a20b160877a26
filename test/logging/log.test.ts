import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../config/secret.js';
import { createLogger, levelOf } from '../../logging/log.js';
import type { LogOptions } from '../../logging/log.js';
import { temporalLogger } from '../../logging/temporal-logger.js';

type Line = Record<string, unknown>;

function logTo(options: Partial<LogOptions> = {}) {
  const lines: Line[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  return { log: createLogger({ role: 'host', env: {}, destination, ...options }), lines };
}

describe('the log', () => {
  it('has a line of JSON with time, level and role', () => {
    const { log, lines } = logTo({ version: '1.2.3' });
    log.info({ vm: 'berth-1' }, 'vm cloned');
    expect(lines).toEqual([
      {
        level: 'INFO',
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        role: 'host',
        version: '1.2.3',
        vm: 'berth-1',
        msg: 'vm cloned',
      },
    ]);
  });

  it.each([
    [undefined, 'info'],
    ['debug', 'debug'],
    ['DEBUG-PRETTY', 'debug'],
    ['dev', 'debug'],
    ['Error', 'error'],
    ['warn', 'warn'],
    ['loud', 'info'],
  ])('with LOG_LEVEL %s is at %s', (text, level) => {
    expect(levelOf(text)).toBe(level);
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = logTo({ env: { LOG_LEVEL: 'error' } });
    log.info('no');
    log.error('yes');
    expect(lines.map(({ msg }) => msg)).toEqual(['yes']);
  });

  it('shows no secret, wherever it is put', () => {
    const { log, lines } = logTo();
    const err = Object.assign(new Error('refused'), { request: { headers: { authorization: 'hush-hush' } } });
    log.info({ token: 'hush-hush', a: { private_key: 'hush-hush', b: { password: 'hush-hush' } }, err }, 'x');
    log.info({ config: { secret: 'hush-hush', credential: { token: new Secret('hush-hush') } } }, 'y');
    expect(JSON.stringify(lines)).not.toContain('hush-hush');
    expect(lines).toHaveLength(2);
  });

  it('is written to a file too where a folder is given', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'berth-log-'));
    try {
      const { log, lines } = logTo({ fileDir: join(dir, 'new', 'folder') });
      log.info('both');
      const text = await readFile(join(dir, 'new', 'folder', 'berth-host.log'), 'utf8');
      expect([JSON.parse(text)]).toEqual(lines);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe("the log of Temporal's SDK", () => {
  it('has metadata as fields, errors as `err`, and bigints as text', () => {
    const { log, lines } = logTo({ env: { LOG_LEVEL: 'debug' } });
    const sdk = temporalLogger(log);
    sdk.log('WARN', 'late', { timestampNanos: 12n, error: new Error('why'), taskQueue: 'q' });
    sdk.debug('plain');
    sdk.trace('below');
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'WARN',
        msg: 'late',
        timestampNanos: '12',
        taskQueue: 'q',
        err: expect.objectContaining({ message: 'why' }) as unknown,
      }),
      expect.objectContaining({ level: 'DEBUG', msg: 'plain' }),
    ]);
  });
});
