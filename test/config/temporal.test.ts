import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporalSettings } from '../../config/temporal-settings.js';
import { HOME, parse, problemsOf } from './support.js';

describe('temporal.codec', () => {
  const TWO = 'keys: [{id: k1, file: /k/1}, {id: k2, file: ~/k2}]';

  it('is read with absolute paths, and one key needs no `current`', () => {
    const { temporal } = parse(`temporal: {codec: {current: k2, ${TWO}}}\n`).config;
    const keys = [
      { id: 'k1', file: '/k/1' },
      { id: 'k2', file: `${HOME}/k2` },
    ];
    expect(temporal.codec).toEqual({ currentId: 'k2', keys });
    expect(temporalSettings(temporal).codec).toEqual({ currentId: 'k2', keys });
    expect(parse('temporal: {codec: {keys: [{id: k1, file: /k}]}}').config.temporal.codec?.currentId).toBe('k1');
    expect(temporalSettings(parse('pool: a').config.temporal)).not.toHaveProperty('codec');
  });

  it.each([
    ['codec: {}', '1:12: temporal.codec.keys: expected at least one key, found none'],
    ['codec: {keys: []}', '1:12: temporal.codec.keys: expected at least one key, found none'],
    [`codec: {${TWO}}`, '1:12: temporal.codec.current: expected the id of the key that encrypts, found several keys'],
    [
      `codec: {current: k3, ${TWO}}`,
      '1:29: temporal.codec.current: expected the id of one of `keys` (k1, k2), found `k3`',
    ],
    [
      'codec: {current: a, keys: [{id: a, file: /1}, {id: a, file: /2}]}',
      '1:63: temporal.codec.keys[1].id: expected an id that no other key has, found `a`',
    ],
    [
      'codec: {keys: [{id: a, fil: /1}]}',
      '1:35: temporal.codec.keys[0].fil: expected a known key (the nearest is `file`), found the unknown key `fil`',
    ],
  ])('with %s says what is wrong', (lines, problem) => {
    expect(problemsOf(`temporal: {${lines}}\n`)).toContain(problem);
  });
});

describe('temporal.api_key', () => {
  it('without TLS is refused', () => {
    const expected =
      '3:8: temporal.tls.enabled: expected TLS with `api_key`, which would cross the network in clear otherwise, ' +
      'found TLS switched off';
    expect(problemsOf('temporal:\n  api_key: abc\n  tls: false\n')).toEqual([expected]);
  });
});

describe('a secret by file', () => {
  let dir: string;
  let token: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'berth-secret-'));
    token = join(dir, 'token');
    await writeFile(token, 'from-a-file\n');
    await writeFile(join(dir, 'empty'), '\n');
  });
  afterAll(() => rm(dir, { recursive: true }));

  it.each(['BERTH_GLOBAL_TOKEN_FILE', 'ANKLET_GLOBAL_TOKEN_FILE'])('is read through %s', (variable) => {
    const { globalCredential } = parse('global_token: in-the-config\n', { [variable]: token }).config;
    expect(globalCredential).toMatchObject({ kind: 'token' });
    expect(globalCredential?.kind === 'token' && globalCredential.token.reveal()).toBe('from-a-file');
  });

  it('serves every secret: of Temporal, of an entry', () => {
    const env = { BERTH_TEMPORAL_API_KEY_FILE: token, HOOKS_SECRET_FILE: token };
    const { config } = parse('plugins: [{name: hooks, plugin: github_receiver, port: 1}]\n', env);
    expect(config.temporal.apiKey?.reveal()).toBe('from-a-file');
    expect(config.receiver?.secret.reveal()).toBe('from-a-file');
  });

  it('is only for secrets', () => {
    expect(parse('pool: a\n', { BERTH_POOL_FILE: token }).config.pool).toBe('a');
  });

  it.each([
    ['nowhere', /^BERTH_GLOBAL_TOKEN_FILE: global_token: expected the path of a file with the secret, found no file /],
    ['empty', /found an empty file/],
    ['.', /found a file that cannot be read, .* \(EISDIR\)/],
  ])('that is %s is a problem', (name, problem) => {
    expect(problemsOf('pool: a\n', { BERTH_GLOBAL_TOKEN_FILE: join(dir, name) })[0]).toMatch(problem);
  });

  it('beside the same secret in a variable is a problem', () => {
    const env = { BERTH_GLOBAL_TOKEN: 'x', BERTH_GLOBAL_TOKEN_FILE: token };
    expect(problemsOf('pool: a\n', env)).toEqual([
      'BERTH_GLOBAL_TOKEN: global_token: expected either BERTH_GLOBAL_TOKEN or BERTH_GLOBAL_TOKEN_FILE, found both',
    ]);
  });
});
