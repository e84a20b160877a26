/** The commands about hosts, with a Temporal that answers as a test wants. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceError, WorkflowUpdateFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../cli/exit-codes.js';
import { runCli } from '../../cli/main.js';
import { parseDuration } from '../../cli/fleet/duration.js';
import { untilHostDrained } from '../../cli/fleet/until-drained.js';
import { workText } from '../../cli/fleet/words.js';
import type { HostsClient } from '../../cli/fleet/hosts-client.js';
import { TemporalSettingsError } from '../../temporal/settings-error.js';
import type { HostStatus } from '../../workflows/messages.js';
import { report } from '../placement/fixtures.js';
import { fakeContext } from './support.js';

const temporal = vi.hoisted(() => ({
  hosts: new Map<string, unknown>(),
  calls: [] as { readonly what: string; readonly args: unknown }[],
  connect: (): void => undefined,
  closed: 0,
}));

vi.mock('../../temporal/connect.js', () => {
  const answer = (workflowId: string): unknown => {
    const found = temporal.hosts.get(workflowId);
    if (found === undefined) throw new WorkflowNotFoundError('workflow not found', workflowId, undefined);
    if (found instanceof Error) throw found;
    return found;
  };
  const handle = (workflowId: string) => ({
    query: (name: string) => Promise.resolve().then(() => answer(name === 'fleet' ? 'fleet' : workflowId)),
    executeUpdate: (what: string, { args }: { readonly args?: unknown } = {}) =>
      Promise.resolve().then(() => {
        temporal.calls.push({ what: `${what} ${workflowId}`, args });
        return answer(workflowId);
      }),
    describe: () => Promise.resolve({ staticSummary: () => Promise.resolve(answer(workflowId)) }),
  });
  async function* list() {
    for (const workflowId of temporal.hosts.keys())
      if (workflowId.startsWith('host/')) yield await Promise.resolve({ workflowId });
  }
  const client = {
    withDeadline: (_at: number, call: () => unknown) => call(),
    workflow: { getHandle: handle, list },
    connection: { close: () => Promise.resolve(void (temporal.closed += 1)) },
  };
  return {
    connectClient: () =>
      Promise.resolve().then(() => {
        temporal.connect();
        return client;
      }),
  };
});

const A = 'berth-4127-1-aaaa';

const status = (host: string, more: Partial<HostStatus> = {}): HostStatus => ({
  ...report(host),
  state: 'up',
  drain: null,
  overdue: false,
  ...more,
});

const DRAINING = {
  state: 'draining',
  draining: true,
  holds: [A],
  drain: { by: 'ada@desk', since: Date.UTC(2026, 0, 2, 3, 4, 5), deadlineAt: null },
  drainedBy: ['operator'],
} as const;

let home: string;
let config: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'berth-hosts-'));
  config = join(home, 'config.yml');
  await writeFile(config, 'plugins: []\n');
});
afterAll(() => rm(home, { recursive: true }));

beforeEach(() => {
  temporal.hosts.clear();
  Object.assign(temporal, { calls: [], connect: () => undefined, closed: 0 });
  temporal.hosts.set('fleet', {
    waiting: [],
    hosts: [],
    runners: [{ name: A, host: 'mini-1', phase: 'serving', job: 4127 }],
  });
  temporal.hosts.set('job/github.com/4127', 'acme/ios · build #42');
});

async function run(...args: readonly string[]) {
  const context = fakeContext(home);
  const code = await runCli([...args, '-c', config], context);
  return { code, out: context.stdout(), err: context.stderr() };
}

describe('berth hosts', () => {
  it('lists every host with its state and why', async () => {
    temporal.hosts.set('host/mini-2', status('mini-2', DRAINING));
    temporal.hosts.set('host/mini-1', status('mini-1', { foreignVms: ['build-box'], labels: ['iPhone', 'signing'] }));
    const { code, out } = await run('hosts');
    expect(code).toBe(EXIT.ok);
    expect(out.split('\n')).toEqual([
      'HOST    STATE     BUSY  TEMPLATES  LABELS           VERSION  WHY',
      'mini-1  up        0/2   0          iPhone, signing  0.1.0    VMs of others: build-box',
      'mini-2  draining  1/2   0                           0.1.0    drained by ada@desk since 2026-01-02T03:04:05Z',
      '',
    ]);
    expect(temporal.closed).toBe(1);
  });

  it('prints them as JSON', async () => {
    temporal.hosts.set('host/mini-2', status('mini-2', { ...DRAINING, overdue: true }));
    temporal.hosts.set('host/mini-3', status('mini-3', { labels: ['iPhone'] }));
    const { out } = await run('hosts', '--json');
    expect(JSON.parse(out)).toMatchObject([
      {
        host: 'mini-2',
        state: 'draining',
        slots: 2,
        vms: [A],
        overdue: true,
        why: expect.stringMatching(/deadline/) as string,
        labels: [],
      },
      { host: 'mini-3', labels: ['iPhone'] },
    ]);
  });

  it('says that there is none', async () => {
    expect(await run('hosts')).toMatchObject({ code: EXIT.ok, out: 'no host has announced itself\n' });
  });

  it('leaves out a host whose workflow was terminated meanwhile', async () => {
    temporal.hosts.set('host/mini-1', status('mini-1'));
    temporal.hosts.set('host/mini-2', new WorkflowNotFoundError('gone', 'host/mini-2', undefined));
    expect((await run('hosts')).out).not.toContain('mini-2');
  });

  it('says that the orchestrator is older', async () => {
    temporal.hosts.set('host/mini-1', report('mini-1'));
    expect(await run('hosts')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringMatching(/older version/) as string,
    });
  });
});

describe('berth drain', () => {
  it('names what it waits for', async () => {
    temporal.hosts.set('host/mini-1', status('mini-1', DRAINING));
    const { code, out } = await run('drain', 'mini-1', '--deadline', '30m');
    expect([code, out]).toEqual([
      EXIT.ok,
      `mini-1 drains: it takes no new jobs, and 1 VM will end with their jobs\n  ${A}  job 4127  acme/ios · build #42\n`,
    ]);
    expect(temporal.calls).toEqual([
      { what: 'drain host/mini-1', args: [{ by: expect.any(String) as string, deadlineMs: 30 * 60_000 }] },
    ]);
  });

  it('has a deadline of two hours unless told otherwise', async () => {
    temporal.hosts.set('host/mini-1', status('mini-1', { ...DRAINING, state: 'drained', holds: [] }));
    await run('drain', 'mini-1');
    await run('drain', 'mini-1', '--deadline', 'none');
    expect(temporal.calls.map(({ args }) => args)).toMatchObject([
      [{ deadlineMs: 2 * 3_600_000 }],
      [{ deadlineMs: null }],
    ]);
  });

  it('waits to the end with --wait, and fails at the deadline', async () => {
    temporal.hosts.set('host/mini-1', status('mini-1', { ...DRAINING, state: 'drained', holds: [] }));
    expect(await run('drain', 'mini-1', '--wait')).toMatchObject({
      code: EXIT.ok,
      out: expect.stringMatching(/is drained/) as string,
    });
    temporal.hosts.set('host/mini-1', status('mini-1', { ...DRAINING, overdue: true }));
    expect(await run('drain', 'mini-1', '--wait')).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining(`still waits for\n  ${A}  job 4127`) as string,
    });
  });

  it.each([
    [['drain'], /missing required argument 'host'/],
    [['drain', 'mini 1'], /name of a host/],
    [['drain', 'mini-1', '--deadline', '2'], /90s, 30m, 2h or 1d/],
  ])('takes %j for a mistake', async (args, what) => {
    expect(await run(...args)).toMatchObject({ code: EXIT.usage, err: expect.stringMatching(what) as string });
    expect(temporal.calls).toEqual([]);
  });
});

describe('berth resume', () => {
  it('says what comes of it', async () => {
    temporal.hosts.set('host/mini-1', status('mini-1'));
    expect(await run('resume', 'mini-1')).toEqual({ code: EXIT.ok, out: 'mini-1 takes jobs\n', err: '' });
    expect(temporal.calls).toEqual([{ what: 'resume host/mini-1', args: undefined }]);
  });

  it('says what else keeps the host from jobs', async () => {
    const file = { state: 'drained', draining: true, drainedBy: ['file'] } as const;
    temporal.hosts.set('host/mini-1', status('mini-1', file));
    expect((await run('resume', 'mini-1')).out).toMatch(/takes no jobs \(a drain file is there\)/);
  });
});

describe.each(['drain', 'resume'])('berth %s', (command) => {
  it('says that there is no such host, and which there are', async () => {
    temporal.hosts.set('host/mini-1', status('mini-1'));
    const { code, err } = await run(command, 'mini-9');
    expect([code, err]).toEqual([EXIT.notFound, expect.stringContaining('known hosts: mini-1')]);
    expect(temporal.closed).toBe(1);
  });

  it('says that Temporal is away', async () => {
    temporal.connect = () => {
      throw new Error('Temporal at localhost:7233 (namespace berth) cannot be reached: refused');
    };
    const { code, err } = await run(command, 'mini-1');
    expect([code, err]).toEqual([EXIT.unavailable, expect.stringContaining('cannot be reached')]);
  });

  it('says that nobody answers', async () => {
    temporal.hosts.set('host/mini-1', new ServiceError('Workflow Update failed', { cause: new Error('deadline') }));
    const { code, err } = await run(command, 'mini-1');
    expect([code, err]).toEqual([
      EXIT.unavailable,
      expect.stringMatching(/\(deadline\); is `berth orchestrator` running/),
    ]);
  });

  it('says why it is refused', async () => {
    temporal.hosts.set('host/mini-1', new WorkflowUpdateFailedError('Workflow Update failed', new Error('because')));
    expect(await run(command, 'mini-1')).toMatchObject({ code: EXIT.failed, err: 'berth: refused: because\n' });
  });

  it('says what is wrong with the settings', async () => {
    temporal.connect = () => {
      throw new TemporalSettingsError('temporal.tls.ca: x.pem is missing');
    };
    expect(await run(command, 'mini-1')).toMatchObject({ code: EXIT.config });
  });
});

describe('waiting for a host', () => {
  const client = (...looks: readonly (HostStatus | Error)[]): HostsClient => {
    const left = [...looks];
    const unused = () => Promise.reject(new Error('not asked'));
    return {
      status: () => {
        const next = left.length > 1 ? left.shift() : left[0];
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? null);
      },
      workOn: (_pool, runners) => Promise.resolve(runners.map((runner) => ({ runner, jobId: null, title: null }))),
      drain: unused,
      resume: unused,
      forget: unused,
      names: unused,
    };
  };
  const waitFor = (hosts: HostsClient, said: string[] = []): Promise<HostStatus> =>
    untilHostDrained(status('mini-1', DRAINING), {
      hosts,
      say: (text) => void said.push(text),
      isPassing: (err) => (err as Error).message === 'away',
      everyMs: 1,
    });

  it('ends when its last VM has, through a short silence, and says each thing once', async () => {
    const said: string[] = [];
    const drained = status('mini-1', { ...DRAINING, state: 'drained', holds: [] });
    const looks = [status('mini-1', DRAINING), new Error('away'), status('mini-1', DRAINING), drained];
    expect(await waitFor(client(...looks), said)).toBe(drained);
    expect(said).toEqual([expect.stringContaining(A)]);
  });

  it('ends when somebody resumes it', async () => {
    await expect(waitFor(client(status('mini-1')))).rejects.toThrow('somebody resumed mini-1');
  });

  it('ends when nobody answers for long, and at once for another error', async () => {
    await expect(waitFor(client(new Error('away')))).rejects.toThrow('away');
    await expect(waitFor(client(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('a time', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['none', 'none'],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '0s', '-1h', '2', '2 h', '1.5h', '400d', '2H', 'never'])('is not %j', (text) =>
    expect(() => parseDuration(text)).toThrow('Expected a time'),
  );
});

it('work of which nothing is known is named all the same', () => {
  expect(workText([{ runner: A, jobId: null, title: null }])).toBe(`  ${A}  no job known\n`);
});
