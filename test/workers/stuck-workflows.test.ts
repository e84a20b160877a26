import { EventEmitter } from 'node:events';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';
import { EvictionReason } from '@temporalio/worker/lib/replay.js';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../logging/log.js';
import { createStuckWatch, watchEvictions } from '../../workers/stuck-workflows.js';
import type { Eviction } from '../../workers/stuck-workflows.js';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

interface Known {
  readonly workflowId: string;
  readonly type: string;
}

/** A watch over workflows by run id, with what it logged, ended and started. */
function watchOver(known: Readonly<Record<string, Known>>, terminate: () => Promise<void> = () => Promise.resolve()) {
  const lines: Line[] = [];
  const ended: string[] = [];
  let restarts = 0;
  const workflow = {
    list: async function* ({ query }: { readonly query: string }) {
      const found = known[/^RunId = '(.+)'$/.exec(query)?.[1] ?? ''];
      if (found !== undefined) yield found;
    },
    getHandle: (workflowId: string, runId: string) => ({
      terminate: async () => {
        await terminate();
        ended.push(`${workflowId} ${runId}`);
      },
    }),
  };
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  const watch = createStuckWatch({
    client: { workflow } as unknown as Client,
    version: '2.0.0',
    log: createLogger({ role: 'orchestrator', env: {}, destination }),
    restart: async () => {
      restarts += 1;
    },
  });
  return { watch, lines, ended, restarts: () => restarts };
}

const evicted = (runId: string, reason: EvictionReason, message = '[TMPRL1100] it differs'): Eviction => ({
  runId,
  evictJob: { reason, message },
});

const FATAL_WORDS =
  'Failure { message: "Fatal error in workflow machines: TimerMachine in state CancelTimerCommandSent" }';

const JOB = { workflowId: 'job/github.com/1', type: 'githubJob' };
const { NONDETERMINISM, FATAL, LANG_FAIL, CACHE_FULL } = EvictionReason;

describe('a workflow whose history does not fit', () => {
  it('is told of with a code, its id, the version and what to do, and is left as it is', async () => {
    const { watch, lines, ended } = watchOver({ r1: JOB });
    await watch(evicted('r1', NONDETERMINISM));
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'ERROR',
        code: 'BERTH-W001',
        workflowId: 'job/github.com/1',
        workflowType: 'githubJob',
        runId: 'r1',
        version: '2.0.0',
        why: '[TMPRL1100] it differs',
        msg: expect.stringMatching(/history does not fit.*Start the version that ran before/) as string,
      }),
    ]);
    expect(ended).toEqual([]);
  });

  it('is told of once, however often Temporal tries it again', async () => {
    const { watch, lines } = watchOver({ r1: JOB, r2: { ...JOB, workflowId: 'job/github.com/2' } });
    for (const run of ['r1', 'r1', 'r2', 'r1']) await watch(evicted(run, NONDETERMINISM));
    expect(lines.map(({ runId }) => runId)).toEqual(['r1', 'r2']);
  });

  it('is told of though nobody knows which one it is', async () => {
    const { watch, lines } = watchOver({});
    await watch(evicted('r9', NONDETERMINISM));
    expect(lines).toEqual([expect.objectContaining({ code: 'BERTH-W001', runId: 'r9', workflowId: null })]);
  });

  it.each([
    { known: { workflowId: 'dispatcher/default', type: 'dispatcher' }, reason: NONDETERMINISM, words: undefined },
    { known: { workflowId: 'dispatcher/default', type: 'dispatcher' }, reason: FATAL, words: FATAL_WORDS },
    { known: { workflowId: 'host/mini-1', type: 'hostWatch' }, reason: NONDETERMINISM, words: undefined },
  ])('is ended and started anew when it is a $known.type ($reason)', async ({ known, reason, words }) => {
    const { watch, lines, ended, restarts } = watchOver({ r1: known });
    await watch(evicted('r1', reason, words));
    expect(ended).toEqual([`${known.workflowId} r1`]);
    expect(restarts()).toBe(1);
    expect(lines.map(({ level }) => level)).toEqual(['WARN']);
  });

  it.each([FATAL, CACHE_FULL, EvictionReason.UNSPECIFIED])(
    'is not what leaves the cache because the worker stops (%i)',
    async (reason) => {
      const { watch, lines, ended } = watchOver({ r1: { workflowId: 'dispatcher/default', type: 'dispatcher' } });
      await watch(evicted('r1', reason, 'Shutting down'));
      expect([...lines, ...ended]).toEqual([]);
    },
  );

  it('is no trouble when another orchestrator ended it first', async () => {
    const gone = () => Promise.reject(new WorkflowNotFoundError('gone', 'dispatcher/default', 'r1'));
    const { watch, lines } = watchOver({ r1: { workflowId: 'dispatcher/default', type: 'dispatcher' } }, gone);
    await watch(evicted('r1', NONDETERMINISM));
    expect(lines).toEqual([]);
  });

  it('is looked at again when Temporal did not answer the first time', async () => {
    let isAway = true;
    const away = () => (isAway ? Promise.reject(new Error('unavailable')) : Promise.resolve());
    const { watch, ended } = watchOver({ r1: { workflowId: 'dispatcher/default', type: 'dispatcher' } }, away);
    await watch(evicted('r1', NONDETERMINISM));
    isAway = false;
    await watch(evicted('r1', NONDETERMINISM));
    expect(ended).toHaveLength(1);
  });
});

describe('a workflow whose code fails', () => {
  it('is told of and never ended, whatever it is', async () => {
    const { watch, lines, ended } = watchOver({ r1: { workflowId: 'dispatcher/default', type: 'dispatcher' } });
    await watch(evicted('r1', LANG_FAIL));
    expect(lines).toEqual([
      expect.objectContaining({ code: 'BERTH-W001', msg: expect.stringContaining('its code failed') as string }),
    ]);
    expect(ended).toEqual([]);
  });
});

describe('evictions', () => {
  it('for want of room mean nothing', async () => {
    const { watch, lines } = watchOver({ r1: JOB });
    await watch(evicted('r1', CACHE_FULL));
    expect(lines).toEqual([]);
  });

  it('are heard of from the worker', () => {
    const evictionsEmitter = new EventEmitter();
    const heard: string[] = [];
    watchEvictions({ evictionsEmitter } as unknown as Worker, ({ runId }) => heard.push(runId));
    evictionsEmitter.emit('eviction', evicted('r1', CACHE_FULL));
    expect(heard).toEqual(['r1']);
  });

  it('of an SDK that tells nobody are an error at once, not silence later', () => {
    expect(() => watchEvictions({} as Worker, () => undefined)).toThrow(/evictions/);
  });
});
