/** Who this agent is: an id for ever, and the machine's current boot. */

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { writeFileAtomically } from './atomic-file.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id in the state folder; made once. */
export async function agentId(stateDir: string): Promise<string> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const file = join(stateDir, 'agent-id');
  const known = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (UUID.test(known)) return known;
  const id = randomUUID();
  await writeFileAtomically(file, `${id}\n`);
  return id;
}

/** Differs after each boot: the kernel's own id (Linux, macOS), else the time of boot to the minute. */
export async function bootId(): Promise<string> {
  const linux = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  if (linux.trim() !== '') return linux.trim();
  const { stdout } = await execa('sysctl', ['-n', 'kern.bootsessionuuid'], { reject: false, stdin: 'ignore' });
  if (UUID.test((stdout ?? '').trim())) return stdout.trim();
  // eslint-disable-next-line no-restricted-properties -- nothing else is left to tell boots apart by
  const bootMinute = Math.round((Date.now() / 1000 - uptime()) / 60);
  return createHash('sha256').update(`${hostname()} ${bootMinute}`).digest('hex').slice(0, 32);
}
