/** How the dispatcher says things: in order, not too many at once, and what matters before what is only to be read. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import type { FleetView } from '../../workflows/messages.js';
import { T0, ask, report } from '../placement/fixtures.js';

const temporal = vi.hoisted(() => ({
  handlers: new Map<string, (...args: never[]) => unknown>(),
  said: [] as {
    readonly at: number;
    readonly signal: string;
    readonly to: string;
    readonly what: unknown;
    readonly code?: unknown;
  }[],
  under: new Map<string, number>(),
  mostAtOnce: 0,
  mostToOne: 0,
  takesMs: 10,
  historyLength: 0,
  carriedOver: [] as unknown[],
  carriedTo: [] as (string | undefined)[],
  /** A run that an older version began is replayed up to here. */
  isOldRun: false,
}));

vi.mock('@temporalio/workflow', async (importOriginal) => {
  const original = await importOriginal<Record<string, unknown>>();
  const { polledCondition } = await import('./polled-condition.js');
  const signal = (to: string) => async (definition: { readonly name: string }, what: unknown, code?: unknown) => {
    const { said, under, takesMs } = temporal;
    said.push({ at: Date.now(), signal: definition.name, to, what, code });
    under.set(to, (under.get(to) ?? 0) + 1);
    temporal.mostToOne = Math.max(temporal.mostToOne, under.get(to) ?? 0);
    temporal.mostAtOnce = Math.max(
      temporal.mostAtOnce,
      [...under.values()].reduce((sum, n) => sum + n, 0),
    );
    await new Promise((resolve) => setTimeout(resolve, takesMs));
    under.set(to, (under.get(to) ?? 0) - 1);
  };
  let lastId = 0;
  return {
    ...original,
    condition: polledCondition(20),
    setHandler: ({ name }: { readonly name: string }, handler: () => unknown) => temporal.handlers.set(name, handler),
    CancellationScope: { nonCancellable: (run: () => unknown) => run() },
    getExternalWorkflowHandle: (workflowId: string) => ({ signal: signal(workflowId) }),
    log: { debug: () => undefined },
    uuid4: () => (lastId += 1).toString(16).padStart(8, '0').split('').reverse().join(''),
    patched: () => !temporal.isOldRun,
    makeContinueAsNewFunc:
      ({ taskQueue }: { readonly taskQueue?: string }) =>
      (input: unknown) => (temporal.carriedOver.push(input), temporal.carriedTo.push(taskQueue), Promise.resolve()),
    workflowInfo: () => ({ historyLength: temporal.historyLength, continueAsNewSuggested: false }),
  };
});

const { dispatcher } = await import('../../workflows/dispatcher.js');

const hear = (signal: string, message: unknown): unknown => temporal.handlers.get(signal)?.(message as never);
const saidBy = (signal: string): typeof temporal.said => temporal.said.filter((one) => one.signal === signal);

beforeEach(() => {
  vi.useFakeTimers({ now: T0 });
  temporal.under.clear();
  Object.assign(temporal, {
    said: [],
    mostAtOnce: 0,
    mostToOne: 0,
    takesMs: 10,
    historyLength: 0,
    carriedOver: [],
    carriedTo: [],
  });
  temporal.isOldRun = false;
  // It runs for ever; with the clock it stands still.
  void dispatcher({ pool: 'default', fleet: null });
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

describe('the dispatcher', () => {
  it('tells thousands why they wait over seconds, the oldest first, and a grant without delay', async () => {
    for (let n = 1; n <= 200; n += 1) hear('askForSlot', ask(n));
    await vi.advanceTimersByTimeAsync(500);
    expect(saidBy('waitsBecause').map(({ to }) => to)).toEqual(
      Array.from({ length: 20 }, (_, index) => `job/github.com/${index + 1}`),
    );
    hear('hostReported', report('mini-1'));
    await vi.advanceTimersByTimeAsync(200);
    expect(saidBy('slotGranted').map(({ to }) => to)).toEqual(['job/github.com/1', 'job/github.com/2']);
    await vi.advanceTimersByTimeAsync(12_000);
    const told = new Set(
      saidBy('waitsBecause')
        .filter(({ what }) => what === '1 of 1 host busy')
        .map(({ to }) => to),
    );
    expect(told.size).toBe(198);
    const perSecond = saidBy('waitsBecause').filter(({ at }) => at >= T0 + 1_000 && at < T0 + 4_000).length / 3;
    expect(perSecond).toBeLessThanOrEqual(21);
  });

  it('says as many reasons at once as before on the replay of a run that an older version began', async () => {
    temporal.isOldRun = true;
    for (let n = 1; n <= 200; n += 1) hear('askForSlot', ask(n));
    await vi.advanceTimersByTimeAsync(500);
    expect(saidBy('waitsBecause')).toHaveLength(50);
  });

  it('never has more signals under way than Temporal allows one workflow', async () => {
    temporal.takesMs = 1_000;
    for (let n = 1; n <= 1_200; n += 1) hear('askForSlot', ask(n));
    for (let n = 1; n <= 600; n += 1) hear('hostReported', report(`mini-${n}`));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(saidBy('slotGranted')).toHaveLength(1_200);
    expect(temporal.mostAtOnce).toBe(500);
  });

  it('says one thing after the other to one receiver, in order', async () => {
    hear('hostReported', report('mini-1', { slots: report('x').slots, vmLimit: 2 }));
    hear('hostReported', report('mini-2'));
    for (const n of [1, 2, 3]) hear('askForSlot', ask(n));
    await vi.advanceTimersByTimeAsync(200);
    const [, second, third] = saidBy('slotGranted').map(({ what }) => (what as { readonly runner: string }).runner);
    const [first] = saidBy('slotGranted').map(({ what }) => (what as { readonly runner: string }).runner);
    hear('jobStarted', { jobId: 2, runner: first, foreign: false });
    hear('jobStarted', { jobId: 3, runner: second, foreign: false });
    await vi.advanceTimersByTimeAsync(200);
    const toFirst = saidBy('pairingChanged').map(({ what }) => (what as { readonly runner: string }).runner);
    expect(toFirst).toEqual([second, third]);
    expect(temporal.mostToOne).toBe(1);
    expect(
      saidBy('meantFor').map(({ to }) => to),
      'the second serves another by now',
    ).toEqual([`runner/${third}`]);
  });

  it('does not send away a runner of which it hears, before it could say so, that it works', async () => {
    hear('hostReported', report('mini-1'));
    hear('askForSlot', ask(1));
    await vi.advanceTimersByTimeAsync(200);
    const runner = (saidBy('slotGranted')[0]?.what as { readonly runner: string }).runner;
    hear('jobStarted', { jobId: 1, runner: 'somebody-elses', foreign: false });
    hear('jobStarted', { jobId: 900, runner, foreign: true });
    await vi.advanceTimersByTimeAsync(200);
    expect(saidBy('retire')).toEqual([]);
  });

  it('grants by the policy that it was told last, and shows it', async () => {
    for (const n of [1, 2, 3]) hear('askForSlot', ask(n, { repo: n === 1 ? 'ios' : 'release' }));
    const priorities = [{ of: { owner: 'acme', repo: 'release' }, label: null, priority: 1 }];
    hear('policySet', { ...DEFAULT_POLICY, priorities });
    expect(temporal.handlers.get('fleet')?.()).toMatchObject({ policy: { priorities } });
    hear('hostReported', report('mini-1'));
    await vi.advanceTimersByTimeAsync(200);
    expect(saidBy('slotGranted').map(({ to }) => to)).toEqual(['job/github.com/2', 'job/github.com/3']);
    hear('policySet', DEFAULT_POLICY);
    for (const n of [4, 5]) hear('askForSlot', ask(n, { repo: 'release' }));
    hear('hostReported', report('mini-2'));
    await vi.advanceTimersByTimeAsync(200);
    expect(saidBy('slotGranted').map(({ to }) => to)).toEqual([2, 3, 1, 4].map((n) => `job/github.com/${n}`));
  });

  it('has a bound for those who wait: the youngest are turned away, with the reason, not all at once', async () => {
    for (let n = 3_000; n >= 1; n -= 1) hear('askForSlot', ask(n));
    await vi.advanceTimersByTimeAsync(500);
    const { waiting } = hear('fleet', undefined) as FleetView;
    expect(waiting.map(({ jobId }) => jobId)).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1));
    const outside = saidBy('waitsBecause').filter(({ code }) => code === 'outside');
    expect(outside.map(({ to }) => to)).toEqual(Array.from({ length: 25 }, (_, n) => `job/github.com/${2_001 + n}`));
    expect(outside[0]?.what).toMatch(/^2000 jobs wait already/);
  });

  it('hands its books on to its next run, and that one knows everything', async () => {
    hear('hostReported', report('mini-1'));
    for (const n of [1, 2, 3]) hear('askForSlot', ask(n));
    await vi.advanceTimersByTimeAsync(200);
    const before = hear('fleet', undefined);
    temporal.historyLength = 4_001;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(temporal.carriedOver).toHaveLength(1);
    expect(temporal.carriedTo, 'away from the jobs, wherever it began').toEqual(['orchestrator/slots']);
    temporal.historyLength = 0;
    void dispatcher(JSON.parse(JSON.stringify(temporal.carriedOver[0])) as Parameters<typeof dispatcher>[0]);
    expect(hear('fleet', undefined)).toEqual(before);
  });

  it('grants a slot that gets free while another message takes long', async () => {
    hear('hostReported', report('mini-1'));
    temporal.takesMs = 20_000;
    hear('askForSlot', ask(1));
    await vi.advanceTimersByTimeAsync(200);
    hear('askForSlot', ask(2));
    await vi.advanceTimersByTimeAsync(200);
    expect(saidBy('slotGranted').map(({ to }) => to)).toEqual(['job/github.com/1', 'job/github.com/2']);
  });

  it('leaves to its next run what it has not begun to say, and begins nothing any more', async () => {
    temporal.takesMs = 1_000;
    for (let n = 1; n <= 300; n += 1) hear('hostReported', report(`mini-${n}`));
    for (let n = 1; n <= 600; n += 1) hear('askForSlot', ask(n));
    await vi.advanceTimersByTimeAsync(100);
    temporal.historyLength = 4_001;
    await vi.advanceTimersByTimeAsync(2_000);
    const [next] = temporal.carriedOver as [{ readonly effects: readonly { readonly say: string }[] }];
    expect(next.effects.filter(({ say }) => say === 'granted')).toHaveLength(100);
    expect(saidBy('slotGranted')).toHaveLength(500);
  });

  describe('of a fleet in which one host has a label', () => {
    const IPHONE = { labels: ['iPhone'] };
    const grantedTo = (): string[] =>
      saidBy('slotGranted').map(({ to, what }) => `${to} → ${(what as { readonly host: string }).host}`);

    it('grants that host only to a job with it; the job is told what is wrong with the host', async () => {
      hear('hostReported', report('mini-1'));
      hear('hostReported', report('mini-2', { ...IPHONE, draining: true }));
      hear('askForSlot', ask(1, { labels: ['self-hosted', 'iphone'] }));
      hear('askForSlot', ask(2));
      await vi.advanceTimersByTimeAsync(200);
      expect(grantedTo()).toEqual(['job/github.com/2 → mini-1']);
      expect(saidBy('waitsBecause')).toMatchObject([
        { to: 'job/github.com/1', what: 'no host with label iphone can take it: mini-2 draining', code: 'no-label' },
      ]);
      expect((hear('fleet', undefined) as FleetView).hosts.map(({ labels }) => labels)).toEqual([[], ['iPhone']]);
      hear('hostReported', report('mini-2', { ...IPHONE, sequence: 2 }));
      await vi.advanceTimersByTimeAsync(200);
      expect(grantedTo()[1]).toBe('job/github.com/1 → mini-2');
    });

    it('still knows the label of a lost host in its next run', async () => {
      hear('hostReported', report('mini-1'));
      hear('hostReported', report('mini-2', IPHONE));
      hear('hostLost', { host: 'mini-2', sessionId: 'session-1' });
      temporal.historyLength = 4_001;
      await vi.advanceTimersByTimeAsync(31_000);
      temporal.historyLength = 0;
      void dispatcher(JSON.parse(JSON.stringify(temporal.carriedOver[0])) as Parameters<typeof dispatcher>[0]);
      hear('askForSlot', ask(1, { labels: ['iphone'] }));
      await vi.advanceTimersByTimeAsync(200);
      expect(grantedTo()).toEqual([]);
    });

    it('did not look at labels while an older version ran it, and does so from its first step under this one', async () => {
      temporal.isOldRun = true;
      hear('hostReported', report('mini-1'));
      hear('hostReported', report('mini-2', { ...IPHONE, draining: true }));
      hear('askForSlot', ask(1, { labels: ['iphone'] }));
      await vi.advanceTimersByTimeAsync(200);
      expect(grantedTo()).toEqual(['job/github.com/1 → mini-1']);
      temporal.isOldRun = false;
      hear('hostReported', report('mini-2', { ...IPHONE, draining: true, sequence: 2 }));
      hear('askForSlot', ask(2, { labels: ['iphone'] }));
      await vi.advanceTimersByTimeAsync(200);
      expect(grantedTo()).toHaveLength(1);
      expect(saidBy('waitsBecause')).toMatchObject([{ to: 'job/github.com/2', code: 'no-label' }]);
    });
  });
});
