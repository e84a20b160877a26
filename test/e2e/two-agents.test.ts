/** Two agents of one name, and one agent that is killed and comes back: who may attend the host. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Stack, StackHost, StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { HostStatus } from '../../workflows/messages.js';
import { clonesOn, hostNamed } from './hosts.js';
import { expectNothingLeft, hostStatusOf, testStack, until, untilConclusion, untilStep } from './support.js';

const anka = { templates: [XCODE], delays: { start: 200 } };

describe('an agent that dies while nobody asks how its host is', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({ hosts: [{ name: 'mini-1', slots: 1, anka }] });
  });
  afterAll(() => stack.stop());

  it('is lost all the same', async () => {
    const host = hostNamed(stack, 'mini-1');
    await stack.orchestrator.kill();
    // Its news ends the question under way; the next one comes when an orchestrator is back.
    await writeFile(join(host.pluginsPath, '..', 'state', 'drain'), '');
    await until('no question is under way', async () => {
      const { raw } = await stack.client.workflow.getHandle('host/mini-1').describe();
      return (raw.pendingActivities ?? []).length === 0;
    });
    await host.agent.kill();
    await stack.restartOrchestrator();
    await until('the host is lost', async () => (await hostStatusOf(stack, 'mini-1')).state === 'lost', 90_000);
  });
});

describe('the agent of a host', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await testStack({ hosts: [{ name: 'mini-1', slots: 1, anka }] });
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(() => stack.stop());

  const first = (): StackHost => {
    const [host] = stack.hosts;
    if (host === undefined) throw new Error('there is no host');
    return host;
  };

  /** Attends `mini-1`, too, with a folder of its own: as if it were another machine. */
  const twin = (name: string, config: object = {}): StackHostOptions => ({
    name,
    slots: 1,
    anka,
    config: { host_name: 'mini-1', ...config },
  });

  const status = (): Promise<HostStatus> => hostStatusOf(stack, 'mini-1');

  /** Null: until the test says that it is done. */
  const queue = (durationMs: number | null) =>
    stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs });

  it('is the only one on its machine: another one with its folder does not start', async () => {
    const folder = join(first().pluginsPath, '..', 'state');
    await expect(stack.addHost(twin('beside', { work_dir: folder }))).rejects.toThrow(
      new RegExp(
        `host mini-1 is attended by process ${first().agent.pid} on this machine already .*stop that one first`,
      ),
    );
    expect((await status()).state).toBe('up');
  });

  it('is the only one anywhere while it answers: one on another machine is refused, and takes none of its tasks', async () => {
    const { sessionId } = await status();
    const jobs = [queue(200), queue(200)];
    await expect(stack.addHost(twin('elsewhere'))).rejects.toThrow(
      /another machine attends host mini-1 right now; give this one another host_name/,
    );
    for (const job of jobs) await untilConclusion(stack, job, 'success');
    expect(await clonesOn(first())).toBe(2);
    expect(await status()).toMatchObject({ sessionId, state: 'up' });
  });

  it('is not refused when it was killed and is started again at once, and takes its VM up again', async () => {
    const { sessionId } = await status();
    const job = queue(null);
    await untilStep(stack, job, /^running/);
    const before = await clonesOn(first());
    await first().agent.kill();
    await first().restart();
    expect(first().agent.output.join('\n')).not.toContain('another machine');
    const now = await until('its new session is known', async () => {
      const known = await status();
      return known.sessionId !== sessionId && known;
    });
    expect(now.state).toBe('up');
    stack.github.finishJob(job.id);
    await untilConclusion(stack, job, 'success');
    expect(await clonesOn(first())).toBe(before);
  });

  it('may be replaced once it is lost; then it is the one that is refused', async () => {
    await first().agent.kill();
    await until('the host is lost', async () => (await status()).state === 'lost', 90_000);
    const heir = await stack.addHost(twin('heir'));
    const job = queue(200);
    await untilConclusion(stack, job, 'success');
    expect(await clonesOn(heir)).toBe(1);
    await expect(first().restart()).rejects.toThrow(/another machine attends host mini-1 right now/);
    expect((await status()).state).toBe('up');
  });
});
