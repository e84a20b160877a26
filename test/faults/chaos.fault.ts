/**
 * What the table has not: several blows at once, at moments that nobody chose. Processes are killed and stopped, GitHub
 * and `anka` fail, while jobs come and go; when that is over every job has run, once, and nothing is left.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnkaFault } from '../../simulators/anka/host.js';
import { seededRandom } from '../../simulators/github/random.js';
import type { SimJob } from '../../simulators/github/types.js';
import { lastWords, resultOf, statusOf, until } from '../e2e/support.js';
import { hang, killAgent, killOrchestrator, killReceiver, serverOf } from './blows.js';
import type { Ground } from './cell.js';
import { createFleet } from './ground.js';
import type { Standing } from './ground.js';
import { expectInvariants } from './invariants.js';
import { isReduced } from './play.js';
import { REPO, queue } from './steps.js';

const SEED = Number(process.env['BERTH_FAULTS_SEED'] ?? 1);
/** Of each line. */
const BLOWS = 20;
const HOSTS = 3;
const SLOTS = 1;

/** Each of these is met by another VM, or another try; one job may meet several of them. */
const ANKA_FAULTS: readonly AnkaFault[] = [
  { command: 'list', kind: 'garbage', times: 1 },
  { command: 'clone', kind: 'error', times: 1 },
  { command: 'clone', kind: 'partial', times: 1 },
  { command: 'start', kind: 'garbage', times: 1 },
  { command: 'start', kind: 'lie', times: 1 },
  { command: 'cp', kind: 'error', times: 1 },
  { command: 'delete', kind: 'error', times: 2 },
];

interface Dice {
  readonly below: (limit: number) => number;
  readonly among: <T>(choices: readonly T[]) => T;
}

function createDice(seed: number): Dice {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  return {
    below,
    among: (choices) => {
      const choice = choices[below(choices.length)];
      if (choice === undefined) throw new Error('nothing to choose from');
      return choice;
    },
  };
}

type Strike = (ground: Ground, dice: Dice) => Promise<void>;

/** Two lines strike at the same time; within a line one blow follows the other, so that none is restarted twice. */
const AT_THE_CENTRE: Readonly<Record<string, Strike>> = {
  'receiver killed': async (ground) => {
    await killReceiver(ground);
    await ground.stack.restartReceiver();
  },
  'receiver hangs': ({ stack }, { below }) => hang(stack.receiver.pid, 2_000 + below(10_000)),
  'orchestrator killed': async (ground, { below }) => {
    await killOrchestrator(ground);
    await delay(below(6_000));
    await ground.stack.restartOrchestrator();
  },
  'orchestrator hangs': ({ stack }, { below }) => hang(stack.orchestrator.pid, 2_000 + below(16_000)),
};

const AT_THE_EDGES: Readonly<Record<string, Strike>> = {
  'agent killed': async (ground, { among, below }) => {
    const host = among(ground.stack.hosts);
    await killAgent({ ...ground, host });
    await delay(below(8_000));
    await host.restart();
  },
  'agent hangs': ({ stack }, { among, below }) => hang(among(stack.hosts).agent.pid, 4_000 + below(20_000)),
  'Temporal killed': async (ground) => {
    await serverOf(ground).kill();
    await serverOf(ground).start();
  },
  'Temporal hangs': (ground, { below }) => hang(serverOf(ground).pid(), 2_000 + below(10_000)),
  'GitHub loses answers': async ({ stack }) => {
    stack.github.addFault({ kind: 'answer-lost', times: 2 });
  },
  'GitHub is down': async ({ stack }, { below }) => {
    const id = stack.github.addFault({ kind: 'status', status: 502 });
    await delay(2_000 + below(6_000));
    stack.github.removeFault(id);
  },
  'anka fails': async ({ stack }, { among }) => {
    await among(stack.hosts).anka.setFaults([among(ANKA_FAULTS)]);
  },
};

describe.skipIf(isReduced)('chaos:', () => {
  let standing: Standing;
  const names = Array.from({ length: HOSTS }, (_, n) => `mini-${n + 1}`);
  beforeAll(async () => {
    const anka = { delays: { clone: 300, start: 700, delete: 200 } };
    standing = await createFleet({ ownTemporal: true }, names, { slots: SLOTS, repo: REPO, anka });
  });
  afterAll(() => standing.stop());

  it(`${2 * BLOWS} blows (seed ${SEED}): each job runs, once`, async () => {
    const { ground } = standing;
    const { stack } = ground;
    const dice = createDice(SEED);
    const jobs: SimJob[] = [];
    const said: string[] = [];
    const since = Date.now();
    const strikeAll = async (strikes: Readonly<Record<string, Strike>>): Promise<void> => {
      for (let n = 0; n < BLOWS; n += 1) {
        jobs.push(queue(ground, { durationMs: dice.below(4_000) }));
        await delay(dice.below(2_000));
        const name = dice.among(Object.keys(strikes));
        said.push(`${Date.now() - since} ms: ${name}`);
        await strikes[name]?.(ground, dice);
        said.push(`${Date.now() - since} ms: ${name} is over`);
      }
    };
    await Promise.all([strikeAll(AT_THE_CENTRE), strikeAll(AT_THE_EDGES)]);
    stack.github.clearFaults();
    for (const { anka } of stack.hosts) await anka.setFaults([]);
    await expectAllRan(ground, jobs, said);
    await expectInvariants(ground).catch((err: unknown) => {
      throw new Error(`${(err as Error).message}\n${said.join('\n')}\n${lastWords(stack)}`, { cause: err });
    });
  }, 1_800_000);
});

async function expectAllRan({ stack }: Ground, jobs: readonly SimJob[], said: readonly string[]): Promise<void> {
  const now = (): readonly SimJob[] => {
    const ids = new Set(jobs.map(({ id }) => id));
    return stack.github.snapshot().jobs.filter(({ id }) => ids.has(id));
  };
  await stack.github.waitFor(() => now().every(({ status }) => status === 'completed'), 600_000).catch(() => undefined);
  const history = stack.github.history();
  const seen = now().map(({ id, conclusion }) => {
    const begun = history.filter(({ jobId, step }) => jobId === id && step === 'in_progress').length;
    return { id, conclusion, begun };
  });
  const wrong = seen.filter(({ conclusion, begun }) => conclusion !== 'success' || begun !== 1);
  const pages = await Promise.all(
    now()
      .filter(({ id }) => wrong.some((each) => each.id === id))
      .slice(0, 3)
      .map(async (job) => JSON.stringify(await statusOf(stack, job).catch((err: unknown) => String(err)))),
  );
  const account = [...said, ...pages, wrong.length > 0 ? lastWords(stack) : ''].join('\n');
  expect(wrong, account).toEqual([]);
  for (const job of jobs) {
    const result = await until('a result', () => resultOf(stack, job).catch(() => undefined), 100_000);
    expect(result.outcome, `job ${job.id}`).toBe('success');
  }
}
