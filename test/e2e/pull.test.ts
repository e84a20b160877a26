/** `berth pull`: a template is on every host of the pool before a job needs it, or the operator knows where it is not. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AnkaTemplate } from '../../simulators/anka/host.js';
import type { Stack, StackHost } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { createDesk } from './desk.js';
import type { Desk } from './desk.js';
import { callsOn, hostNamed } from './hosts.js';
import {
  expectNothingLeft,
  fleetOf,
  hostStatusOf,
  newNamespace,
  testStack,
  until,
  untilConclusion,
} from './support.js';

const template = (n: number, name: string): AnkaTemplate => ({
  ...XCODE,
  uuid: `1b2c3d4e-0000-4000-8000-00000000000${n}`,
  name,
  imageBytes: 20e9,
});

const FIRST = template(1, 'first');
const SECOND = template(2, 'second');
const THIRD = template(3, 'third');

const argumentOf = ({ uuid, tag }: AnkaTemplate): string => `${uuid}:${tag}`;

const pullsOn = async (host: StackHost): Promise<readonly (string | undefined)[]> =>
  (await callsOn(host, '--shrink')).map(({ argv }) => argv.at(-3));

/** Temporal's lists are a moment behind. */
const SOON = { timeout: 20_000, interval: 200 };

describe('berth pull', () => {
  let stack: Stack;
  let desk: Desk;
  beforeAll(async () => {
    const temporal = await newNamespace();
    const anka = { templates: [], registry: [FIRST, SECOND, THIRD] };
    const hosts = ['mini-1', 'mini-2'].map((name) => ({ name, slots: 1, anka }));
    stack = await testStack({
      temporal,
      hosts: [...hosts, { name: 'stranger', slots: 1, anka, config: { pool: 'elsewhere' } }],
    });
    desk = await createDesk(stack, temporal);
  });
  afterEach(() => expectNothingLeft(stack));
  afterAll(async () => {
    await stack.stop();
    await desk.close();
  });

  const looks = () => ({
    names: async () => (await desk.hosts()).map(({ host }) => host),
    /** Hosts that the dispatcher knows. */
    fleet: async () => (await fleetOf(stack)).hosts.map(({ name }) => name).sort(),
  });

  it('pulls it to each host of the pool, tells how far it is, and leaves nothing for the job to pull', async () => {
    for (const { anka } of stack.hosts)
      await anka.setFaults([{ command: 'registry-pull', kind: 'slow', ms: 12_000, steps: 24 }]);
    const { code, out, err } = await desk.berth(['pull', argumentOf(FIRST)]);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out.trim().split('\n').sort()).toEqual(
      ['mini-1', 'mini-2'].map((name) => `${name} has ${FIRST.uuid}, tag v3: pulled`),
    );
    for (const name of ['mini-1', 'mini-2']) {
      expect(err).toMatch(new RegExp(`^${name}: pulls ${FIRST.uuid}, tag v3: \\d+ %, \\d+\\.\\d of 20\\.0 GB$`, 'm'));
      expect(await pullsOn(hostNamed(stack, name))).toEqual([FIRST.uuid]);
    }
    expect(await pullsOn(hostNamed(stack, 'stranger'))).toEqual([]);
    for (const { anka } of stack.hosts) await anka.setFaults([]);

    expect(await desk.berth(['pull', argumentOf(FIRST)])).toMatchObject({
      code: 0,
      out: expect.stringContaining('it was there') as string,
    });
    const job = stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(FIRST), durationMs: 50 });
    await untilConclusion(stack, job, 'success');
    for (const name of ['mini-1', 'mini-2']) expect(await pullsOn(hostNamed(stack, name))).toEqual([FIRST.uuid]);
  });

  it('has a host pull one at a time, and joins a pull that is under way', async () => {
    const host = hostNamed(stack, 'mini-1');
    await host.anka.setFaults([{ command: 'registry-pull', kind: 'slow', ms: 3_000 }]);
    const on = (wanted: AnkaTemplate) => desk.berth(['pull', argumentOf(wanted), '--host', 'mini-1']);
    const ends = await Promise.all([on(SECOND), on(THIRD), on(SECOND)]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect([...(await pullsOn(host))].sort()).toEqual([FIRST.uuid, SECOND.uuid, THIRD.uuid]);
    expect(await host.anka.violations()).toEqual([]);
    expect(await pullsOn(hostNamed(stack, 'mini-2'))).toEqual([FIRST.uuid]);
    await host.anka.setFaults([]);
  });

  it('names the hosts that have it not, and why, and fails', async () => {
    await hostNamed(stack, 'mini-1').anka.setFaults([
      { command: 'registry-show', kind: 'error', code: 1, message: 'connection refused' },
    ]);
    const refused = await desk.berth(['pull', `${SECOND.uuid}:v9`]);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/is not on 2 of 2 hosts:/);
    expect(refused.err).toMatch(/^ {2}mini-1: .*\(BERTH-T005\)$/m);
    expect(refused.err).toMatch(/^ {2}mini-2: .*not found.*\(BERTH-T001\)$/m);
    await hostNamed(stack, 'mini-1').anka.setFaults([]);

    await hostNamed(stack, 'mini-2').agent.kill();
    await until('mini-2 is lost', async () => (await hostStatusOf(stack, 'mini-2')).state === 'lost', 60_000);
    const partly = await desk.berth(['pull', argumentOf(SECOND)]);
    expect(partly).toMatchObject({
      code: 1,
      out: `mini-1 has ${SECOND.uuid}, tag v3: it was there\n`,
      err: expect.stringMatching(
        /is not on 1 of 2 hosts:\n {2}mini-2: host mini-2 does not answer \(BERTH-H002\)/,
      ) as string,
    });
  });

  it('leaves out a lost host once that is forgotten, and has it again when it is back', async () => {
    const { fleet, names } = looks();
    expect(await names()).toEqual(['mini-1', 'mini-2', 'stranger']);
    const answers = await desk.berth(['hosts', 'forget', 'mini-1']);
    expect(answers).toMatchObject({
      code: 1,
      err: expect.stringContaining('host mini-1 answers: stop its agent') as string,
    });
    const forgotten = await desk.berth(['hosts', 'forget', 'mini-2']);
    expect(forgotten).toEqual({ code: 0, out: 'mini-2 is forgotten; it is listed again if it comes back\n', err: '' });
    await expect.poll(names, SOON).toEqual(['mini-1', 'stranger']);
    await expect.poll(fleet, SOON).toEqual(['mini-1']);
    expect(await desk.berth(['pull', argumentOf(SECOND)])).toMatchObject({ code: 0, err: '' });
    await hostNamed(stack, 'mini-2').restart();
    await expect.poll(names, SOON).toEqual(['mini-1', 'mini-2', 'stranger']);
    await until('the dispatcher has it again', async () => (await fleet()).includes('mini-2'));
  });

  it('refuses what cannot be a template or a host', async () => {
    expect(await desk.berth(['pull', '--', '-rf:v1'])).toMatchObject({ code: 64 });
    expect(await desk.berth(['pull', argumentOf(FIRST), '--host', 'mini-9'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('known hosts: mini-1, mini-2, stranger') as string,
    });
  });
});
