import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/load.js';
import { ConfigError } from '../../config/problems.js';
import { parse, problemsOf } from './support.js';

const SECRET = 'ghp_verySecret123';

interface Case {
  readonly mistake: string;
  readonly text: string;
  readonly problems: readonly string[];
}

const slot = (lines: string): string => `plugins:\n  - name: A\n    plugin: github\n${lines}`;

const HOST_LABEL = 'a label that some jobs have: not `self-hosted` or `anka-template:…`, up to 100 characters';

const CASES: readonly Case[] = [
  {
    mistake: 'an unknown key',
    text: 'pol: a\n',
    problems: ['1:1: pol: expected a known key (the nearest is `pool`), found the unknown key `pol`'],
  },
  {
    mistake: 'a repository without its owner',
    text: 'allowed_repositories: [acme/ios, web]\n',
    problems: [
      '1:34: allowed_repositories[1]: expected `OWNER/REPO`, or `OWNER/*` for all of its repositories, found "web"',
    ],
  },
  {
    mistake: 'a policy that there is not',
    text: 'fork_pull_requests: deny\n',
    problems: ['1:21: fork_pull_requests: expected `allow` or `refuse`, found "deny"'],
  },
  {
    mistake: 'a key that lacks global_',
    text: 'token: x\n',
    problems: ['1:1: token: expected a known key (the nearest is `global_token`), found the unknown key `token`'],
  },
  {
    mistake: 'an unknown key in a section',
    text: 'metrics:\n  aggregatr: true\n',
    problems: [
      '2:3: metrics.aggregatr: expected a known key (the nearest is `aggregator`), found the unknown key `aggregatr`',
    ],
  },
  {
    mistake: 'an unknown key without a value, in an entry',
    text: slot('    owner: acme\n    runnerGroup:\n'),
    problems: [
      '5:5: plugins[0].runnerGroup: expected a known key (the nearest is `runner_group`), found the unknown key `runnerGroup`',
    ],
  },
  {
    mistake: 'a number that is none',
    text: 'metrics:\n  port: abc\n',
    problems: ['2:9: metrics.port: expected a whole number from 0 to 65535, found "abc"'],
  },
  {
    mistake: 'a number out of range',
    text: 'metrics: {port: 65536}\n',
    problems: ['1:17: metrics.port: expected a whole number from 0 to 65535, found "65536"'],
  },
  {
    mistake: 'labels of a host that every job has, or that name a template, or that no job may have',
    text: 'host_labels: [iphone, Self-Hosted, "anka-template:x", a;b]\n',
    problems: [
      `1:23: host_labels[1]: expected ${HOST_LABEL}, found "Self-Hosted"`,
      `1:36: host_labels[2]: expected ${HOST_LABEL}, found "anka-template:x"`,
      `1:55: host_labels[3]: expected ${HOST_LABEL}, found "a;b"`,
    ],
  },
  {
    mistake: 'one label of a host instead of a list',
    text: 'host_labels: iphone\n',
    problems: ['1:14: host_labels: expected a list of labels, found "iphone"'],
  },
  {
    mistake: 'more labels than a host may have',
    text: `host_labels: [${Array.from({ length: 17 }, (_, n) => `l${n}`).join(', ')}]\n`,
    problems: ['1:14: host_labels: expected at most 16 labels, found 17'],
  },
  {
    mistake: 'a rule for no job in particular',
    text: 'placement:\n  priorities:\n    - priority: 5\n',
    problems: ['3:7: placement.priorities[0]: expected a rule with `repo`, `label` or both, found neither'],
  },
  {
    mistake: 'a repository without its owner, and a priority out of range',
    text: 'placement:\n  priorities:\n    - {repo: ios, priority: -1001}\n',
    problems: [
      '3:14: placement.priorities[0].repo: expected `OWNER/REPO`, or `OWNER/*` for all of its repositories, found "ios"',
      '3:29: placement.priorities[0].priority: expected a whole number from -1000 to 1000, found "-1001"',
    ],
  },
  {
    mistake: 'a weight of nothing, and one of no repository',
    text: 'placement:\n  order: fair\n  weights:\n    - {repo: acme/ios, weight: 0}\n    - {weight: 2}\n',
    problems: [
      '4:32: placement.weights[0].weight: expected a whole number from 1 to 1000, found "0"',
      '5:7: placement.weights[1].repo: expected `OWNER/REPO`, or `OWNER/*` for all of its repositories, found nothing',
    ],
  },
  {
    mistake: 'a negative number',
    text: slot('    owner: acme\n    sleep_interval: -1\n'),
    problems: ['5:21: plugins[0].sleep_interval: expected a whole number from 0 to 1000000, found "-1"'],
  },
  {
    mistake: 'a boolean that is none',
    text: 'metrics:\n  aggregator: maybe\n',
    problems: ['2:15: metrics.aggregator: expected true or false, found "maybe"'],
  },
  {
    mistake: 'a word that is not one of the two',
    text: 'runner_registration: JIT\n',
    problems: ['1:22: runner_registration: expected `jit` or `token`, found "JIT"'],
  },
  {
    mistake: 'a section that is text',
    text: 'temporal: localhost\n',
    problems: ['1:11: temporal: expected a map, found "localhost"'],
  },
  {
    mistake: 'a value that is a list',
    text: 'pool: [a]\n',
    problems: [
      '1:7: pool: expected a name of at most 63 letters, digits, `.`, `_`, `-`, starting with a letter or digit, found a list',
    ],
  },
  {
    mistake: 'a prefix too long for runner names',
    text: 'name_prefix: abcdefghijklmnopqrstu\n',
    problems: [
      '1:14: name_prefix: expected a name of at most 20 letters, digits, `.`, `_`, `-`, starting with a letter or digit, found "abcdefghijklmnopqrstu"',
    ],
  },
  {
    mistake: 'an address without a port',
    text: 'temporal:\n  address: localhost\n',
    problems: ['2:12: temporal.address: expected an address as HOST:PORT, found "localhost"'],
  },
  {
    mistake: 'a web address with a password',
    text: 'github_web_url: https://a:b@github.example\n',
    problems: [
      '1:17: github_web_url: expected an address as https://HOST/PATH, without user, query or fragment, found "https://a:b@github.example"',
    ],
  },
  {
    mistake: 'entries that are not a list',
    text: 'plugins: {name: A}\n',
    problems: ['1:10: plugins: expected a list of entries, found a map'],
  },
  {
    mistake: 'an entry that is text',
    text: 'plugins: [A]\n',
    problems: ['1:11: plugins[0]: expected an entry with `name` and `plugin`, found "A"'],
  },
  {
    mistake: 'both names of the list',
    text: 'plugins: []\nservices: []\n',
    problems: ['2:1: services: expected either `plugins` or its older name `services`, found both'],
  },
  {
    mistake: 'a kind of entry that there is not',
    text: 'plugins:\n  - name: A\n    plugin: github_reciever\n',
    problems: [
      '3:13: plugins[0].plugin: expected `github` or `github_receiver` (the nearest is `github_receiver`), found "github_reciever"',
    ],
  },
  {
    mistake: 'an entry without name and kind',
    text: 'plugins:\n  - owner: acme\n',
    problems: [
      '2:5: plugins[0].name: expected a name of at most 63 letters, digits, `.`, `_`, `-`, starting with a letter or digit, found nothing',
      '2:5: plugins[0].plugin: expected `github` or `github_receiver`, found nothing',
    ],
  },
  {
    mistake: 'a name with a space',
    text: 'plugins:\n  - name: A B\n    plugin: github\n    owner: acme\n',
    problems: [
      '2:11: plugins[0].name: expected a name of at most 63 letters, digits, `.`, `_`, `-`, starting with a letter or digit, found "A B"',
    ],
  },
  {
    mistake: 'a name used twice',
    text: `${slot('    owner: acme\n')}  - name: a\n    plugin: github\n    owner: acme\n`,
    problems: ['5:11: plugins[1].name: expected a name that no other entry has, found "a"'],
  },
  {
    mistake: 'no scope',
    text: slot(''),
    problems: ['2:5: plugins[0].owner: expected `owner`, `owner` with `repo`, or `enterprise`, found none of them'],
  },
  {
    mistake: 'a repository without owner',
    text: slot('    repo: ios\n'),
    problems: ['2:5: plugins[0].owner: expected `owner` with `repo`, found only `repo`'],
  },
  {
    mistake: 'a repository with its owner in it',
    text: slot('    owner: acme\n    repo: acme/ios\n'),
    problems: ['5:11: plugins[0].repo: expected the name of a repository on GitHub, without slashes, found "acme/ios"'],
  },
  {
    mistake: 'two scopes',
    text: slot('    owner: acme\n    enterprise: big\n'),
    problems: [
      '5:17: plugins[0].enterprise: expected either `enterprise`, or `owner` with or without `repo`, found both',
    ],
  },
  {
    mistake: 'a secret that is a list',
    text: slot(`    owner: acme\n    token: [${SECRET}]\n`),
    problems: ['5:12: plugins[0].token: expected text on one line, found a list'],
  },
  {
    mistake: 'a secret of two lines',
    text: `global_token: "${SECRET}\\n"\n`,
    problems: ['1:15: global_token: expected text on one line, found text that is not shown'],
  },
  {
    mistake: 'a token where a number belongs',
    text: slot(`    owner: acme\n    app_id: ${SECRET}\n`),
    problems: ['5:13: plugins[0].app_id: expected a whole number, found text that is not shown'],
  },
  {
    mistake: 'a private key file that is missing',
    text: slot('    owner: acme\n    app_id: 1\n    private_key: /none/key.pem\n'),
    problems: [
      '6:18: plugins[0].private_key: expected a private key: PEM text, or the path of a PEM file, found neither PEM text nor a file that exists',
    ],
  },
  {
    mistake: 'PEM text that is no key',
    text: 'global_app_id: 1\nglobal_private_key: "-----BEGIN RSA PRIVATE KEY-----\\nabc\\n"\n',
    problems: [
      '2:21: global_private_key: expected a private key: PEM text, or the path of a PEM file, found something that is not a PEM private key without a passphrase',
    ],
  },
  {
    mistake: 'a private key without an app',
    text: slot('    owner: acme\n    private_key: /none/key.pem\n'),
    problems: ['5:5: plugins[0].app_id: expected `app_id` with `private_key`, found nothing'],
  },
  {
    mistake: 'an app without a private key',
    text: slot('    owner: acme\n    app_id: 5\n'),
    problems: [
      '5:5: plugins[0].private_key: expected `private_key` with `app_id`, or `global_private_key`, found neither',
    ],
  },
  {
    mistake: 'a global private key that no app goes with',
    text: 'global_private_key: /none/key.pem\n',
    problems: [
      '1:1: global_app_id: expected `global_app_id` with `global_private_key`, or entries with `app_id`, found neither',
    ],
  },
  {
    mistake: 'a receiver without port and secret',
    text: 'plugins:\n  - name: R\n    plugin: github_receiver\n',
    problems: [
      '2:5: plugins[0].secret: expected `secret`, or `global_receiver_secret`, found neither',
      '2:5: plugins[0].port: expected the port for webhooks, found nothing',
    ],
  },
  {
    mistake: 'half a client certificate',
    text: 'temporal:\n  tls:\n    cert: /a.pem\n',
    problems: ['3:5: temporal.tls.key: expected `cert` and `key` together, found only `cert`'],
  },
  {
    mistake: 'TLS that is neither on nor off',
    text: 'temporal:\n  tls: perhaps\n',
    problems: ['2:8: temporal.tls.enabled: expected true or false, found "perhaps"'],
  },
  { mistake: 'an empty file', text: '', problems: ['1:1: expected a map of keys, found an empty file'] },
  { mistake: 'only comments', text: '# nothing\n', problems: ['1:1: expected a map of keys, found an empty file'] },
  { mistake: 'a list', text: '- a\n', problems: ['1:1: expected a map of keys, found a list'] },
  { mistake: 'text', text: SECRET, problems: ['1:1: expected a map of keys, found text that is not shown'] },
  {
    mistake: 'a key used twice',
    text: 'pool: a\npool: b\n',
    problems: ['2:1: expected each key once in a map, found a key for the second time'],
  },
  {
    mistake: 'a tab as indentation',
    text: 'metrics:\n\tport: 1\n',
    problems: ['2:1: expected spaces as indentation, found a tab'],
  },
  {
    mistake: 'no space after the colon',
    text: `global_token:${SECRET}\npool: a\n`,
    problems: ['1:1: expected `key: value`, found no space after the colon, or no colon'],
  },
  {
    mistake: 'a key that is not a name',
    text: `{global_token:${SECRET}}`,
    problems: [
      '1:2: (not a name): expected a known key (the nearest is `global_token`), found the unknown key `(not a name)`',
    ],
  },
  {
    mistake: 'a second document',
    text: 'pool: a\n---\npool: b\n',
    problems: ['2:1: expected one document in the file, found a second one after `---`'],
  },
  {
    mistake: 'a tag',
    text: 'pool: !env POOL\n',
    problems: ['1:7: expected a plain value, found a tag (`!…`)'],
  },
  {
    mistake: 'an alias without an anchor',
    text: 'pool: *none\n',
    problems: ['1:7: pool: expected a value, found an alias without an anchor before it'],
  },
];

describe('each mistake in a config is told with its place and what was expected', () => {
  it.each(CASES)('$mistake', ({ text, problems }) => {
    const found = problemsOf(text);
    expect(found).toEqual(problems);
    expect(found.join('\n')).not.toContain(SECRET);
  });
});

describe('a config with mistakes', () => {
  it('has all of them told at once, in the order of the file, variables first', () => {
    const text =
      'pol: a\nmetrics:\n  port: x\n  foo: 1\nplugins:\n  - name: A\n    plugin: github\n    sleep_intervall: 3\n';
    const problems = problemsOf(text, { BERTH_TEMPORAL_ADDRESS: 'x' });
    expect(problems.map((problem) => problem.split(': expected')[0])).toEqual([
      'BERTH_TEMPORAL_ADDRESS: temporal.address',
      '1:1: pol',
      '3:9: metrics.port',
      '4:3: metrics.foo',
      '6:5: plugins[0].owner',
      '8:5: plugins[0].sleep_intervall',
    ]);
  });

  it('gives one problem for a key, not what follows from it', () => {
    expect(problemsOf(slot('    owner: a/b\n'))).toHaveLength(1);
    expect(problemsOf('github_api_url: nonsense\ngithub_web_url: more\n')).toHaveLength(2);
  });

  it('names the one file given with -c when it is not there', () => {
    const load = () => loadConfig({ path: '/none/a.yml', env: {}, home: '/none' });
    expect(load).toThrow('/none/a.yml: expected a config file, found none');
  });

  it('names the usual places when none has a file', () => {
    const load = () => loadConfig({ env: {}, home: '/none' });
    expect(load).toThrow(
      '/none/.config/berth/config.yml: expected a config file here or at /none/.config/anklet/config.yml, or -c FILE, found none',
    );
  });

  it('says when it is a folder', async () => {
    const home = await mkdtemp(join(tmpdir(), 'berth-config-'));
    try {
      expect(() => loadConfig({ path: home, env: {}, home })).toThrow('found a folder');
      await writeFile(join(home, 'key.pem'), 'nonsense');
      const text = 'global_app_id: 1\nglobal_private_key: ~/key.pem\n';
      await writeFile(join(home, 'a.yml'), text);
      expect(() => loadConfig({ path: join(home, 'a.yml'), env: {}, home })).toThrow('not a PEM private key');
    } finally {
      await rm(home, { recursive: true });
    }
  });
});

describe('whatever the text', () => {
  const throwsOnlyConfigErrors = (text: string, env: Record<string, string> = {}): void => {
    try {
      parse(text, env);
    } catch (err) {
      if (!(err instanceof ConfigError) || err.problems.length === 0) throw err;
      for (const { line, column } of err.problems) if (line !== null) expect(line * (column ?? 0)).toBeGreaterThan(0);
    }
  };

  it('parsing ends in a config or a ConfigError', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => throwsOnlyConfigErrors(text)));
  });

  it('so it does for any YAML, under known keys too', () => {
    const tree = fc.jsonValue({ maxDepth: 3 });
    const key = fc.constantFrom(
      'plugins',
      'temporal',
      'metrics',
      'pool',
      'log',
      'global_token',
      '__proto__',
      'services',
    );
    const entry = fc.dictionary(fc.constantFrom('name', 'plugin', 'owner', 'token', 'database', 'constructor'), tree);
    const config = fc.dictionary(key, fc.oneof(tree, fc.array(entry)));
    fc.assert(
      fc.property(config, fc.string({ minLength: 1 }), (value, text) => {
        throwsOnlyConfigErrors(stringify(value), { BERTH_METRICS_PORT: text, ANKLET_POOL: text });
      }),
    );
  });

  it.each([
    [
      'aliases that multiply',
      `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefghij'
        .split('')
        .map((c, i) => `${c}: &${c} [${`*${'abcdefghij'[i]},`.repeat(9)}]\n`)
        .join('')}`,
    ],
    ['an alias inside itself', 'plugins: &a [*a]\n'],
    ['deep nesting', '['.repeat(20_000)],
    ['deep nesting that is closed', `a: ${'['.repeat(3_000)}${']'.repeat(3_000)}`],
    ['a megabyte', 'a'.repeat(1_000_001)],
    ['merges that multiply', 'a: &a {x: 1}\n<<: [*a, *a, 3, {<<: *a}]\n'],
  ])('%s end soon', (_what, text) => {
    const began = performance.now();
    expect(problemsOf(text).length).toBeGreaterThan(0);
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});
