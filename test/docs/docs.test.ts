import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../cli/commands.js';
import { parseConfig } from '../../config/parse.js';
import { fakeContext } from '../cli/support.js';
import { ROOT, allDocs, anchorsOf, blocksOf, readDoc, withoutBlocks } from './markdown.js';

const docs = await allDocs();

interface Link {
  readonly from: string;
  readonly to: string;
}

const localLinks: readonly Link[] = docs.flatMap(({ path, text }) =>
  [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, to = '']) => ({ from: path, to }))
    .filter(({ to }) => !/^https?:/.test(to)),
);

describe('links between documents', () => {
  it.each(localLinks)('$from → $to leads somewhere', async ({ from, to }) => {
    const [file = '', anchor] = to.split('#');
    const target = file === '' ? from : normalize(join(dirname(from), file));
    expect((await stat(join(ROOT, target))).isFile()).toBe(true);
    if (anchor !== undefined) expect(anchorsOf((await readDoc(target)).text)).toContain(anchor);
  });

  it('lead to every document from the index', () => {
    const linked = localLinks
      .filter(({ from }) => from === 'docs/README.md')
      .map(({ to }) => normalize(join('docs', to.split('#')[0] ?? '')));
    const missing = docs.map(({ path }) => path).filter((path) => !/README\.md$|^docs\/decisions\//.test(path));
    expect(missing.filter((path) => !linked.includes(path))).toEqual([]);
  });
});

describe('configs in the documents', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-docs-'));
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    await writeFile(join(home, 'berth-app.pem'), privateKey);
  });
  afterAll(() => rm(home, { recursive: true }));

  const configs = docs.flatMap(({ path, text }) =>
    blocksOf(text, 'yaml')
      .filter((block) => /^plugins:/m.test(block))
      .map((block) => ({ path, block })),
  );

  it('are there', () => expect(configs.length).toBeGreaterThan(3));

  it.each(configs)('one of $path is valid and warns of nothing', ({ path, block }) => {
    const { warnings } = parseConfig(block, { file: path, env: {}, home, hostname: 'mini-1' });
    expect(warnings).toEqual([]);
  });
});

describe('docs/reference/cli.md', () => {
  const text = docs.find(({ path }) => path === 'docs/reference/cli.md')?.text ?? '';
  const flags: Promise<readonly string[]>[] = COMMANDS.map(async ({ name, load }) => {
    const command = new Command(name);
    (await load()).define(command, fakeContext(tmpdir()));
    return [command, ...command.commands].flatMap(({ options }) => options.map(({ long }) => long ?? ''));
  });

  it.each(COMMANDS)('has the command $name', ({ name }) => {
    expect(text).toMatch(new RegExp(`^\\| \`berth ${name}( check)?\` \\|`, 'm'));
  });

  it('has every option', async () => {
    const all = new Set((await Promise.all(flags)).flat());
    expect([...all].filter((flag) => !text.includes(`\`${flag}`))).toEqual([]);
    expect(all.size).toBeGreaterThan(3);
  });
});

describe('README.md', () => {
  const text = docs[0]?.text ?? '';

  it('says where each folder is, and names none that is not there', async () => {
    const named = [...text.matchAll(/^\| `([a-z]+)\/` \|/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(await foldersWithFiles());
  });
});

/** What git would show: no hidden folders, nothing that is built or installed, nothing empty. */
async function foldersWithFiles(): Promise<readonly string[]> {
  const entries = await readdir(ROOT, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const shown = names.filter((name) => !name.startsWith('.') && name !== 'node_modules' && name !== 'dist');
  const isFilled = await Promise.all(shown.map(async (name) => (await readdir(join(ROOT, name))).length > 0));
  return shown.filter((_, index) => isFilled[index]).sort();
}
