/** A host's presence and an operator's wishes, on a clock that the tests move. */

import type { Duration } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AttendInput, HostReport } from '../../activities/contracts.js';
import type { Announced, HostStatus } from '../../workflows/messages.js';
import { T0, report } from '../placement/fixtures.js';

interface Attend {
  readonly known: AttendInput;
  readonly answer: (report: HostReport) => void;
  readonly fail: (err: Error) => void;
}

const temporal = vi.hoisted(() => ({
  handlers: new Map<string, { handle: (...args: never[]) => unknown; validate?: (...args: never[]) => void }>(),
  attends: [] as unknown[],
  /** Nobody works on the host's task queue. */
  isAgentGone: false,
  said: [] as { readonly signal: string; readonly what: unknown }[],
  details: '',
  warnings: [] as string[],
  historyLength: 0,
  carriedOver: [] as unknown[],
}));

vi.mock('@temporalio/workflow', async (importOriginal) => {
  const original = await importOriginal<Record<string, unknown>>();
  const { polledCondition } = await import('./polled-condition.js');
  const { msToNumber } = await import('@temporalio/common/lib/time.js');
  return {
    ...original,
    allHandlersFinished: () => true,
    condition: polledCondition(20),
    continueAsNew: (input: unknown) => {
      temporal.carriedOver.push(input);
      return new Promise(() => undefined);
    },
    setHandler: (
      { name }: { readonly name: string },
      handle: () => unknown,
      { validator: validate }: { readonly validator?: () => void } = {},
    ) => temporal.handlers.set(name, { handle, ...(validate && { validate }) }),
    proxyActivities: ({ scheduleToStartTimeout: limit }: { readonly scheduleToStartTimeout?: Duration }) => ({
      attend: (known: AttendInput) =>
        new Promise((answer, fail) => {
          temporal.attends.push({ known, answer, fail });
          if (!temporal.isAgentGone || limit === undefined) return;
          setTimeout(() => fail(new Error('schedule-to-start timeout')), msToNumber(limit));
        }),
    }),
    CancellationScope: { nonCancellable: (run: () => unknown) => run() },
    getExternalWorkflowHandle: () => ({
      signal: (definition: { readonly name: string }, what: unknown) => {
        temporal.said.push({ signal: definition.name, what });
        return Promise.resolve();
      },
    }),
    log: { debug: () => undefined, warn: (text: string) => temporal.warnings.push(text) },
    patched: () => true,
    setCurrentDetails: (text: string) => (temporal.details = text),
    sleep: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
    workflowInfo: () => ({ historyLength: temporal.historyLength, continueAsNewSuggested: false }),
  };
});

const { hostWatch } = await import('../../workflows/host-watch.js');

const hear = <T>(name: string, ...args: unknown[]): T => {
  const handler = temporal.handlers.get(name);
  handler?.validate?.(...(args as never[]));
  return handler?.handle(...(args as never[])) as T;
};
const status = (): HostStatus => hear<HostStatus>('hostStatus');
const announced = (more: Partial<HostReport> = {}): Announced => hear<Announced>('announce', report('mini-1', more));
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const lastAttend = (): Attend => temporal.attends.at(-1) as Attend;
const lastTold = (): { readonly signal: string; readonly what: unknown } | undefined => temporal.said.at(-1);

let sequence = 1;
let isOver = false;

/** The agent answers the `attend` under way. */
async function agentSays(more: Partial<HostReport>): Promise<void> {
  lastAttend().answer(report('mini-1', { sequence: (sequence += 1), ...more }));
  await pass(100);
}

/** As an agent does that hears an operator's wish with its `attend`. */
async function agentTakesNote(more: Partial<HostReport> = {}): Promise<void> {
  const isDrained = lastAttend().known.drain === true;
  await agentSays({ draining: isDrained, drainedBy: isDrained ? ['operator'] : [], ...more });
}

const A = 'berth-1-1-aaaa';

beforeEach(async () => {
  vi.useFakeTimers({ now: T0 });
  sequence = 1;
  temporal.handlers.clear();
  Object.assign(temporal, {
    isAgentGone: false,
    attends: [],
    said: [],
    details: '',
    warnings: [],
    historyLength: 0,
    carriedOver: [],
  });
  isOver = false;
  void hostWatch({ host: 'mini-1' }).then(() => (isOver = true));
  await pass(20);
  announced();
  await pass(100);
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

describe('a host that an operator drains', () => {
  it('is closed to the dispatcher at once, and the agent is told', async () => {
    const answer = hear<Promise<HostStatus>>('drain', { by: 'ada', deadlineMs: 60_000 });
    await pass(100);
    expect(lastTold()).toMatchObject({ signal: 'hostReported', what: { draining: true } });
    expect(lastAttend().known.drain).toBe(true);
    await agentTakesNote({ holds: [A] });
    expect(await answer).toMatchObject({
      state: 'draining',
      holds: [A],
      drain: { by: 'ada', since: T0 + 120, deadlineAt: T0 + 60_120 },
      overdue: false,
    });
    expect(temporal.details).toContain(`drained by ada`);
    expect(temporal.details).toContain(`it waits for ${A}`);
  });

  it('is drained when its last VM is gone, and takes jobs again when resumed', async () => {
    void hear('drain', { by: 'ada' });
    await pass(100);
    await agentTakesNote({ holds: [A] });
    await agentTakesNote({ holds: [] });
    expect(status()).toMatchObject({ state: 'drained', drain: { by: 'ada', deadlineAt: null } });
    expect(temporal.details).toMatch(/^drained · /);
    const answer = hear<Promise<HostStatus>>('resume');
    await pass(100);
    expect(lastAttend().known.drain).toBeUndefined();
    await agentTakesNote();
    expect(await answer).toMatchObject({ state: 'up', drain: null, draining: false });
    expect(lastTold()).toMatchObject({ signal: 'hostReported', what: { draining: false } });
  });

  it('says so, once, when its deadline has passed, and ends nothing', async () => {
    void hear('drain', { by: 'ada', deadlineMs: 10_000 });
    await pass(100);
    await agentTakesNote({ holds: [A] });
    await pass(9_000);
    expect([status().overdue, temporal.warnings]).toEqual([false, []]);
    await pass(200_000);
    expect(status()).toMatchObject({ state: 'draining', overdue: true, holds: [A] });
    expect(temporal.warnings).toEqual(['drain takes longer than its deadline']);
    expect(temporal.details).toContain('deadline has passed');
    void hear('drain', { by: 'ada', deadlineMs: 10_000 });
    expect(status()).toMatchObject({ overdue: false, drain: { since: T0 + 120 } });
    await agentTakesNote({ holds: [] });
    await pass(200_000);
    expect([status().overdue, status().state, temporal.warnings.length]).toEqual([false, 'drained', 1]);
  });

  it('stays so over a restart of its agent, which is told again', async () => {
    void hear('drain', { by: 'ada' });
    await pass(100);
    await agentTakesNote();
    expect(announced({ sessionId: 'session-2' })).toEqual({ accepted: true });
    await pass(100);
    expect(lastAttend().known).toMatchObject({ sessionId: 'session-2', drain: true });
    expect(lastTold()).toMatchObject({ what: { sessionId: 'session-2', draining: true } });
  });

  it('stays so over continue-as-new', async () => {
    void hear('drain', { by: 'ada', deadlineMs: 60_000 });
    await pass(100);
    temporal.historyLength = 2_001;
    await agentTakesNote();
    await pass(100);
    expect(temporal.carriedOver[0]).toMatchObject({ host: 'mini-1', isThere: true, drain: { by: 'ada' } });
    temporal.historyLength = 0;
    void hostWatch(temporal.carriedOver[0] as Parameters<typeof hostWatch>[0]);
    await pass(100);
    expect(status()).toMatchObject({ state: 'drained', drain: { by: 'ada' } });
    expect(lastAttend().known.drain).toBe(true);
  });

  it('stays so when its workflow was terminated: the agent remembers', async () => {
    void hostWatch({ host: 'mini-1' });
    await pass(20);
    announced({ draining: true, drainedBy: ['operator'] });
    await pass(100);
    expect(status().drain).toMatchObject({ deadlineAt: null });
    expect(lastAttend().known.drain).toBe(true);
  });

  it('is drained by its file whatever an operator wants', async () => {
    await agentSays({ draining: true, drainedBy: ['file'] });
    expect(status()).toMatchObject({ state: 'drained', drain: null });
    const answer = hear<Promise<HostStatus>>('resume');
    await pass(100);
    expect(await answer).toMatchObject({ state: 'drained', drainedBy: ['file'] });
  });

  it('answers for an agent of an older version, which takes no note', async () => {
    const answer = hear<Promise<HostStatus>>('drain', { by: 'ada' });
    await pass(5_000);
    expect(await answer).toMatchObject({ state: 'drained', draining: true });
    expect(lastTold()).toMatchObject({ what: { draining: true } });
  });

  it.each([
    [{ deadlineMs: -1 }],
    [{ deadlineMs: NaN }],
    [{ deadlineMs: '2h' }],
    [{ by: 7 }],
    [{ by: 'x'.repeat(201) }],
  ])('refuses %j', (request) => {
    expect(() => hear('drain', request)).toThrow(/expected/);
    expect(status().drain).toBeNull();
  });
});

describe('a host with labels', () => {
  it('has them on its page, in its status, and in what the dispatcher hears', async () => {
    expect(temporal.details).not.toContain('labels');
    await agentSays({ labels: ['iPhone', 'signing'] });
    expect(temporal.details).toMatch(/^up · .* · labels iPhone, signing/);
    expect(status().labels).toEqual(['iPhone', 'signing']);
    expect(lastTold()).toMatchObject({ signal: 'hostReported', what: { labels: ['iPhone', 'signing'] } });
  });

  it('is refused when no host can have them, and the reason says which', () => {
    expect(announced({ labels: ['signing', 'self-hosted'] })).toEqual({
      accepted: false,
      reason: 'the report of host mini-1 cannot be so: "self-hosted" is no label of a host: every job has it',
    });
  });
});

describe('a host that is lost', () => {
  it('is told as lost, and is back without harm', async () => {
    lastAttend().fail(new Error('heartbeat timeout'));
    await pass(100);
    expect(status().state).toBe('lost');
    expect(lastTold()).toMatchObject({ signal: 'hostLost', what: { host: 'mini-1' } });
    await pass(1_100);
    expect(lastAttend().known.sequence, 'asked for its report at once').toBe(-1);
    await agentSays({ holds: [A] });
    expect(status()).toMatchObject({ state: 'up', holds: [A] });
    expect(lastTold()).toMatchObject({ signal: 'hostReported', what: { draining: false } });
  });

  it('is known for lost though its agent died between two questions, and is waited for without an end', async () => {
    temporal.isAgentGone = true;
    await agentSays({});
    await pass(14_000);
    expect(status().state).toBe('up');
    await pass(3_000);
    expect(status().state).toBe('lost');
    const question = lastAttend();
    await pass(60 * 60_000);
    expect(lastAttend(), 'one question waits for it').toBe(question);
    await agentSays({});
    expect(status().state).toBe('up');
  });

  it('can be drained all the same, for when it is back', async () => {
    lastAttend().fail(new Error('heartbeat timeout'));
    await pass(100);
    const answer = hear<Promise<HostStatus>>('drain', { by: 'ada', deadlineMs: 10_000 });
    await pass(100);
    expect(await answer).toMatchObject({ state: 'lost', drain: { by: 'ada' } });
    await pass(30_000);
    expect(lastAttend().known.drain).toBe(true);
    await agentTakesNote();
    expect(status().state).toBe('drained');
  });
});

describe('the name of a host', () => {
  it('is not given to another machine while the first one answers', async () => {
    expect(announced({ agentId: 'another', sessionId: 'session-2' })).toMatchObject({
      accepted: false,
      reason: expect.stringContaining('another machine attends host mini-1') as string,
    });
    lastAttend().fail(new Error('heartbeat timeout'));
    await pass(100);
    expect(announced({ agentId: 'another', sessionId: 'session-2' })).toEqual({ accepted: true });
  });

  it('is not given to a copy of its disk, which has its id but another boot', () => {
    expect(announced({ bootId: 'boot-2', sessionId: 'session-2' })).toMatchObject({
      accepted: false,
      reason: expect.stringContaining('delete agent-id') as string,
    });
  });

  it('is given to an agent that was killed and started at once', async () => {
    expect(announced({ sessionId: 'session-2' })).toEqual({ accepted: true });
    await pass(100);
    expect(lastAttend().known.sessionId).toBe('session-2');
    // The one before it is out of date, and its end means nothing.
    (temporal.attends[0] as Attend).fail(new Error('heartbeat timeout'));
    await pass(100);
    expect(status().state).toBe('up');
  });
});

describe('a host that an operator forgets', () => {
  const lost = async (): Promise<void> => {
    lastAttend().fail(new Error('heartbeat timeout'));
    await pass(100);
  };

  it('must be lost', async () => {
    expect(() => hear('forget')).toThrow('host mini-1 answers: stop its agent first');
    await pass(100);
    expect(isOver).toBe(false);
  });

  it('is forgotten by the dispatcher, too, and its workflow ends', async () => {
    await lost();
    hear('forget');
    await pass(100);
    expect(lastTold()).toEqual({ signal: 'hostForgotten', what: { host: 'mini-1' } });
    expect(isOver).toBe(true);
  });

  it('stays when it comes back at that very moment', async () => {
    await lost();
    hear('forget');
    announced({ sequence: 7 });
    await pass(100);
    expect(lastTold()).toMatchObject({ signal: 'hostReported', what: { sequence: 7 } });
    expect(isOver).toBe(false);
    expect(status().state).toBe('up');
  });
});
