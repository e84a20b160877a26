import type { EventEmitter } from 'node:events';
import { homedir } from 'node:os';

/** All that a command has of the outside world, so that tests can give it another. */
export interface CliContext {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Emits SIGINT, SIGTERM and SIGQUIT. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

export const processContext = (): CliContext => ({
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  home: homedir(),
  signals: process,
  exit: (code) => process.exit(code),
});
