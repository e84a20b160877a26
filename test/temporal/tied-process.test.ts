import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { tiedToUs } from '../../temporal/tied-process.js';
import { isAlive, until } from './support.js';

/** A process that starts the command as the dev server is started, tells its process id, and waits. */
const PARENT = `
  const { file, args } = JSON.parse(process.env.COMMAND);
  const child = require('node:child_process').spawn(file, args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  console.log(child.pid);
  setInterval(() => {}, 1000);
`;

async function startParent(): Promise<{ readonly parent: ReturnType<typeof spawn>; readonly pid: number }> {
  const command = tiedToUs({ file: 'sleep', args: ['300'] });
  const env = { ...process.env, COMMAND: JSON.stringify(command) };
  const parent = spawn(process.execPath, ['-e', PARENT], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, pid: Number(line.toString()) };
}

describe('a command tied to us', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)('ends when we end by %s', async (signal) => {
    const { parent, pid } = await startParent();
    expect(await isAlive(pid)).toBe(true);
    parent.kill(signal);
    await once(parent, 'exit');
    await until('the command is gone', async () => !(await isAlive(pid)));
  });

  it('keeps its arguments as they are and its exit code', async () => {
    const { file, args } = tiedToUs({ file: '/bin/sh', args: ['-c', 'printf %s "$1"; exit 7', 'x', `a b'"$HOME;*`] });
    const child = spawn(file, [...args], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number];
    child.stdin.end();
    expect(code).toBe(7);
    await until('all is read', () => out.endsWith('*'));
    expect(out).toBe(`a b'"$HOME;*`);
  });
});
