/** One agent a state folder: a second one would count the same slots twice and destroy the first one's VMs. */

import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const ownerSchema = z.object({ pid: z.number().int(), bootId: z.string(), nonce: z.string() });

export interface AgentLock {
  readonly release: () => Promise<void>;
}

/** How often a lock that vanishes or turns out stale in our hands is tried anew. */
const TRIES = 5;

/**
 * Takes the lock for the life of this process; a lock whose owner is dead, or of an earlier boot, is taken over.
 * @throws Error that names the process that has it
 */
export async function takeAgentLock(stateDir: string, host: string, bootId: string): Promise<AgentLock> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const file = join(stateDir, 'agent.lock');
  const mine = JSON.stringify({ pid: process.pid, bootId, nonce: randomUUID() });
  for (let tries = 0; tries < TRIES; tries++) {
    if (await create(file, mine)) return { release: () => release(file, mine) };
    const theirs = await readFile(file, 'utf8').catch(() => undefined);
    if (theirs === undefined) continue;
    const pid = livingOwner(theirs, bootId);
    if (pid !== undefined) throw alreadyRuns(host, file, `process ${pid}`);
    if (!(await takeAway(file, theirs, bootId, mine)))
      throw alreadyRuns(host, file, 'another process that just started');
  }
  throw alreadyRuns(host, file, 'other processes that come and go');
}

function alreadyRuns(host: string, file: string, who: string): Error {
  return new Error(`host ${host} is attended by ${who} on this machine already (${file}); stop that one first`);
}

/** By linking a complete file into place: nobody ever reads a lock that is half written. */
async function create(file: string, content: string): Promise<boolean> {
  const own = `${file}.${randomUUID()}`;
  const handle = await open(own, 'wx', 0o600);
  await handle.writeFile(content).finally(() => handle.close());
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

function livingOwner(content: string, bootId: string): number | undefined {
  let owner: z.infer<typeof ownerSchema>;
  try {
    owner = ownerSchema.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
  return owner.bootId === bootId && isAlive(owner.pid) ? owner.pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Removes a stale lock. Only who holds the claim to this very lock may, so that nobody ever removes the one that took its
 * place; a claim whose owner died is stale in the same way.
 * @returns false when another living process is about to
 */
async function takeAway(file: string, stale: string, bootId: string, mine: string): Promise<boolean> {
  const claim = `${file}.${createHash('sha256').update(stale).digest('hex').slice(0, 16)}`;
  if (await create(claim, mine)) {
    try {
      if ((await readFile(file, 'utf8').catch(() => undefined)) === stale) await rm(file, { force: true });
    } finally {
      await rm(claim, { force: true });
    }
    return true;
  }
  const theirs = await readFile(claim, 'utf8').catch(() => undefined);
  if (theirs === undefined) return true;
  return livingOwner(theirs, bootId) === undefined && takeAway(claim, theirs, bootId, mine);
}

async function release(file: string, mine: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === mine) await rm(file, { force: true });
}
