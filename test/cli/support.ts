import { EventEmitter } from 'node:events';
import type { CliContext } from '../../cli/context.js';

export interface FakeContext extends CliContext {
  readonly signals: EventEmitter;
  readonly exits: readonly number[];
  stdout(): string;
  stderr(): string;
}

/** A command's outside world that is kept. */
export function fakeContext(home: string, env: Record<string, string> = {}): FakeContext {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const exits: number[] = [];
  return {
    out: (text) => void stdout.push(text),
    err: (text) => void stderr.push(text),
    env,
    home,
    signals: new EventEmitter(),
    exit: (code) => void exits.push(code),
    exits,
    stdout: () => stdout.join(''),
    stderr: () => stderr.join(''),
  };
}
