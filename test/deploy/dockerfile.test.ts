import { access, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './compose-file.js';

const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');

/** Instructions with their words, continued lines joined, comments left out. */
async function instructions(): Promise<readonly (readonly string[])[]> {
  const text = (await read('Dockerfile')).replace(/^#.*\n/gm, '').replace(/\\\n/g, ' ');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));
}

const lines = await instructions();
const all = (name: string): readonly (readonly string[])[] => lines.filter(([word]) => word === name);
const stages = lines.reduce<(readonly string[])[][]>((found, line) => {
  if (line[0] === 'FROM') found.push([]);
  found.at(-1)?.push(line);
  return found;
}, []);
const last = stages.at(-1) ?? [];

describe('Dockerfile', () => {
  it('builds on one pinned, slim image', () => {
    const bases = all('FROM').map(([, image = '']) => image);
    const names = all('FROM').flatMap(([, , as, name]) => (as === 'AS' && name !== undefined ? [name] : []));
    const outside = bases.filter((image) => !names.includes(image));
    expect(outside).toEqual([expect.stringMatching(/^node:\d+\.\d+\.\d+-bookworm-slim$/)]);
  });

  it('has a Node that package.json allows, of a line with long-term support', async () => {
    const { engines } = JSON.parse(await read('package.json')) as { readonly engines: { readonly node: string } };
    const [major = 0, minor = 0] = (/^node:(\d+)\.(\d+)/.exec(all('FROM')[0]?.[1] ?? '') ?? []).slice(1).map(Number);
    const [atLeast = 0, atLeastMinor = 0] = (/^>=(\d+)\.(\d+)/.exec(engines.node) ?? []).slice(1).map(Number);
    expect(atLeast).toBeGreaterThan(0);
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(atLeast * 1000 + atLeastMinor);
    expect([20, 22]).toContain(major);
  });

  it('copies what exists, or what an earlier stage made', async () => {
    const made = ['/berth/node_modules', '/berth/dist'];
    for (const [, ...words] of all('COPY')) {
      const sources = words.filter((word) => !word.startsWith('--')).slice(0, -1);
      const isFromStage = words.some((word) => word.startsWith('--from='));
      for (const source of sources) {
        if (isFromStage) expect(made).toContain(source);
        else await access(join(ROOT, source));
      }
    }
  });

  it('leaves out of its context nothing that it copies', async () => {
    const ignored = (await read('.dockerignore')).split('\n').filter((line) => line !== '');
    const fromContext = all('COPY').filter((words) => !words.some((word) => word.startsWith('--from=')));
    const copied = fromContext.flatMap((words) => words.slice(1, -1)).filter((source) => source !== '.');
    expect(copied.filter((source) => ignored.includes(source))).toEqual([]);
    expect(ignored).toEqual(expect.arrayContaining(['node_modules', 'dist', '.git', 'deploy/secrets']));
  });

  it('installs without development dependencies what it ships, from the lock file', () => {
    const installs = all('RUN').map((words) => words.slice(1).join(' '));
    expect(installs).toContain('npm ci --omit=dev');
    expect(installs.filter((run) => /npm (install|i)\b/.test(run))).toEqual([]);
    expect(last).toContainEqual(['COPY', '--from=dependencies', '/berth/node_modules', 'node_modules']);
  });

  it('does not run as root', () => {
    expect(last.filter(([word]) => word === 'USER').at(-1)).toEqual(['USER', 'node']);
  });

  it('has the authorities that Temporal Cloud needs', () => {
    expect(last.flat()).toContain('ca-certificates');
  });

  it('starts `berth`, which is executable', async () => {
    expect(last.find(([word]) => word === 'ENTRYPOINT')).toEqual(['ENTRYPOINT', '["berth"]']);
    expect(last.flat()).toEqual(expect.arrayContaining(['/berth/bin/berth.js', '/usr/local/bin/berth']));
    expect((await stat(join(ROOT, 'bin', 'berth.js'))).mode & 0o111).toBe(0o111);
  });
});
