/**
 * The two files that go into a guest: one program that carries the scripts an operator may replace, and one with the
 * JIT config or the registration. Few files, because each copy is a command of its own.
 */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenRegistration } from '../activities/contracts.js';
import { AgentFailure } from './failure.js';

/** Their names in the guest's login folder. Everything the guest is told to run is a constant made from these. */
const PROGRAM = 'berth-guest.bash';
const JIT_FILE = 'berth-jitconfig';
const REGISTRATION_FILE = 'berth-registration';

export const GUEST_START = `bash ./${PROGRAM} start`;
export const GUEST_STATE = `bash ./${PROGRAM} state`;
export const GUEST_WATCH = `bash ./${PROGRAM} watch`;

/** Exit codes of `start` (agent/guest/berth-guest.bash). */
export const INSTALL_FAILED = 71;
export const START_FAILED = 72;
export const REGISTER_FAILED = 73;

const START_SCRIPT = 'start-runner.bash';
const SCRIPTS = ['install-runner', 'register-runner', 'start-runner'] as const;

/** The scripts that Berth ships, next to this file, in the source tree as in the build. */
const shipped = new URL('./guest/', import.meta.url);

/** What lets the runner in. */
export type RunnerSecret =
  | { readonly kind: 'jit'; readonly jitConfig: string }
  | ({ readonly kind: 'token'; readonly token: string } & Omit<TokenRegistration, 'expiresAt'>);

export interface GuestFiles {
  /** Writes the program to a file of this host, runs `use`, removes the file. */
  readonly withProgram: <T>(runner: string, use: (file: string) => Promise<T>) => Promise<T>;
  /** The same for the runner's secret: mode 0600 from its first byte. */
  readonly withSecret: <T>(runner: string, secret: RunnerSecret, use: (file: string) => Promise<T>) => Promise<T>;
  /** Removes what a killed agent left behind. */
  readonly clean: () => Promise<void>;
}

/**
 * @param pluginsPath scripts in `<pluginsPath>/handlers/github/` replace the shipped ones, one by one
 */
export function createGuestFiles(stateDir: string, pluginsPath: string): GuestFiles {
  const outbox = join(stateDir, 'outbox');

  async function withFile<T>(
    runner: string,
    name: string,
    content: string,
    use: (file: string) => Promise<T>,
  ): Promise<T> {
    const folder = join(outbox, runner);
    const file = join(folder, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      await rm(file, { force: true });
      await writeFile(file, content, { mode: 0o600, flag: 'wx' });
      return await use(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    withProgram: async (runner, use) => withFile(runner, PROGRAM, await guestProgram(pluginsPath), use),
    withSecret: async (runner, secret, use) =>
      secret.kind === 'jit'
        ? withFile(runner, JIT_FILE, `${secret.jitConfig}\n`, use)
        : withFile(runner, REGISTRATION_FILE, registrationText(runner, secret), use),
    clean: () => rm(outbox, { recursive: true, force: true }),
  };
}

/** One line each, in the order in which the guest reads them; the last one may be empty. */
function registrationText(runner: string, secret: RunnerSecret & { readonly kind: 'token' }): string {
  const lines = [runner, secret.token, secret.url, secret.labels, secret.runnerGroup ?? ''];
  if (lines.some((line) => /[\0\r\n]/.test(line))) {
    throw new AgentFailure(
      'RunnerStartFailed',
      `the registration of ${runner} has a line break in a label, group or url`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The program as one bash text: the scripts as base64 in variables, then the program itself. */
export async function guestProgram(pluginsPath: string): Promise<string> {
  const scripts = await Promise.all(
    SCRIPTS.map(async (name) => {
      const file = `${name}.bash`;
      const own = await replacement(file, pluginsPath);
      return variable(name, own ?? (await readFile(new URL(file, shipped))));
    }),
  );
  const forJit = variable('start-jit-runner', await startScriptForJit(pluginsPath));
  const program = await readFile(new URL(PROGRAM, shipped), 'utf8');
  return ['#!/bin/bash', ...scripts, forJit, program].join('\n');
}

const variable = (name: string, content: Buffer): string =>
  `${name.replaceAll('-', '_').toUpperCase()}_BASE64='${content.toString('base64')}'`;

/** What JIT runners are started with where the operator's script cannot start them; else empty. */
async function startScriptForJit(pluginsPath: string): Promise<Buffer> {
  const own = await replacement(START_SCRIPT, pluginsPath);
  const isUsable = own === undefined || !isForRegisteredRunners(own);
  return isUsable ? Buffer.alloc(0) : readFile(new URL(START_SCRIPT, shipped));
}

async function replacement(file: string, pluginsPath: string): Promise<Buffer | undefined> {
  try {
    return await readFile(join(pluginsPath, 'handlers', 'github', file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A start script that only knows the runner's service, as anklet's does: a service needs a runner that `config.sh` has
 * registered, and a JIT runner isn't. It would fail for every job.
 */
const isForRegisteredRunners = (script: Buffer): boolean =>
  /svc\.sh/.test(script.toString()) && !/run\.sh|Runner\.Listener/.test(script.toString());

/** What an operator should know about the scripts in `<pluginsPath>/handlers/github/`; empty when all is well. */
export async function warningsAboutScripts(pluginsPath: string): Promise<readonly string[]> {
  const own = await replacement(START_SCRIPT, pluginsPath);
  if (own === undefined || !isForRegisteredRunners(own)) return [];
  const where = join(pluginsPath, 'handlers', 'github', START_SCRIPT);
  return [
    `${where} starts a service, which needs a runner that was registered by a token: unless the orchestrator has ` +
      "`runner_registration: token`, Berth's own is used (docs/reference/guest-contract.md)",
  ];
}
