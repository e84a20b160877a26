/** The files of the runner's folder: `.runner`, `.credentials`, `_diag/`, and `.sim`, which only the simulator has. */

import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The runner's folder in this guest; this file itself is shared by all guests. */
export const home = process.env.RUNNER_SIM_HOME ?? dirname(dirname(fileURLToPath(import.meta.url)));
delete process.env.RUNNER_SIM_HOME;

const CONFIG_FILES = ['.runner', '.credentials', '.credentials_rsaparams'];

/** Opens `_diag/<kind>_<time>-utc.log`; answers with a function that adds a line. Nothing secret may go there. */
export function openLog(kind) {
  const stamp = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const file = join(home, '_diag', `${kind}_${stamp}-utc.log`);
  mkdirSync(dirname(file), { recursive: true });
  return (line) => appendFileSync(file, `[${new Date().toISOString()} INFO ${kind}] ${line}\n`);
}

/** Lines `NAME=value` of the runner's `.env`; they win over the environment, as with the real one. */
export function loadEnvFile() {
  const file = join(home, '.env');
  if (!existsSync(file)) return;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) process.env[line.slice(0, at)] = line.slice(at + 1);
  }
}

/** How this runner is to misbehave; `host.ts` writes it. */
export function readBehaviour() {
  const file = join(home, '.sim');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** Unpacks a JIT config into the three files, as the real runner does. */
export function unpackJitConfig(encoded) {
  let files;
  try {
    files = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8'));
  } catch {
    throw new Error('the JIT config is not base64 of JSON');
  }
  for (const name of CONFIG_FILES) {
    if (files[name] !== undefined) writeFileSync(join(home, name), Buffer.from(files[name], 'base64'), { mode: 0o600 });
  }
}

/** Server, id, name, secret and kind of this runner; undefined when it is not configured. */
export function readConfig() {
  if (!CONFIG_FILES.slice(0, 2).every((name) => existsSync(join(home, name)))) return undefined;
  const runner = JSON.parse(readFileSync(join(home, '.runner'), 'utf8'));
  const credentials = JSON.parse(readFileSync(join(home, '.credentials'), 'utf8'));
  return {
    serverUrl: runner.ServerUrl,
    runnerId: Number(runner.AgentId),
    name: runner.AgentName,
    workFolder: runner.WorkFolder ?? '_work',
    ephemeral: String(runner.Ephemeral).toLowerCase() === 'true',
    secret: credentials.Data.Secret,
  };
}

/** What is left of a registration goes when GitHub has removed it. */
export function forgetConfig() {
  for (const name of CONFIG_FILES) rmSync(join(home, name), { force: true });
}
