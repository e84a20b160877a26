/** Labels that only some hosts have: who may have which job, and what is said to those who wait. */

import { describe, expect, it } from 'vitest';
import type { HostReport } from '../../activities/contracts.js';
import type { Policy } from '../../jobs/policy.js';
import { DEFAULT_POLICY } from '../../jobs/policy.js';
import type { Fleet } from '../../placement/fleet.js';
import { applyHostForgotten, applyHostLost, applyHostReport } from '../../placement/hosts-heard.js';
import { turnAway } from '../../placement/inside.js';
import { applyJobEnded } from '../../placement/pairing.js';
import { place } from '../../placement/place.js';
import { giveUpTooBig } from '../../placement/unplaceable.js';
import { T0, fleetOf, grant, inShort, queue, report, slot } from './fixtures.js';

const mac = (host: string, labels: readonly string[] = [], more: Partial<HostReport> = {}): HostReport =>
  report(host, { slots: [slot('a')], labels, ...more });

const granted = (fleet: Fleet, policy: Policy = DEFAULT_POLICY): string[] =>
  place(fleet, policy).grants.map(({ job, host }) => `${job.jobId} → ${host}`);

const why = (fleet: Fleet, jobId = 1): [string | undefined, string | undefined] => {
  const { code, words } = place(fleet).reasons.get(jobId) ?? {};
  return [code, words];
};

const lose = (fleet: Fleet, host: string): void => applyHostLost(fleet, { host, sessionId: 'session-1' });

describe('a job', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['with a label of one host goes there', ['iphone'], ['1 → b']],
    ['with it in other letters, too', ['iPhone'], ['1 → b']],
    ['with labels of two hosts goes to the one that has both', ['signing', 'iphone'], ['1 → c']],
    ['with a label of no host goes anywhere', ['run-42'], ['1 → a']],
    ['with one of each goes where the one leads', ['run-42', 'signing'], ['1 → c']],
    ['without labels goes anywhere', [], ['1 → a']],
  ])('%s', (_, labels, expected) => {
    const fleet = fleetOf(mac('a'), mac('b', ['IPHONE']), mac('c', ['iphone', 'Signing']));
    queue(fleet, 1, { labels: ['self-hosted', 'macOS', 'anka-template:mac-15', ...labels] });
    expect(granted(fleet)).toEqual(expected);
  });

  it('with a label goes anywhere once the one host that declared it declares it no more, or is forgotten', () => {
    const fleet = fleetOf(mac('a'), mac('b', ['iphone'], { draining: true }));
    queue(fleet, 1, { labels: ['iphone'] });
    expect(granted(fleet)).toEqual([]);
    const restarted = structuredClone(fleet);
    applyHostReport(restarted, mac('b', [], { draining: true, sequence: 2 }), T0);
    expect(granted(restarted)).toEqual(['1 → a']);
    lose(fleet, 'b');
    expect(granted(fleet)).toEqual([]);
    applyHostForgotten(fleet, { host: 'b' });
    expect(granted(fleet)).toEqual(['1 → a']);
  });

  it('with a label does not hold up those without, and these leave its host alone when it comes', () => {
    const fleet = fleetOf(mac('a'), mac('b', ['iphone'], { draining: true }));
    queue(fleet, 1, { labels: ['iphone'] });
    queue(fleet, 2);
    queue(fleet, 3);
    expect(granted(fleet)).toEqual(['2 → a']);
    applyHostReport(fleet, mac('b', ['iphone'], { sequence: 2 }), T0);
    expect(granted(fleet)).toEqual(['1 → b', '2 → a']);
  });

  it('goes anywhere in runs of the dispatcher that began before hosts had labels', () => {
    for (const rules of [undefined, { emptiesDrained: true }, { emptiesDrained: true, hostLabels: false }]) {
      const fleet = fleetOf(mac('b', ['iphone'], { draining: true }), mac('a'));
      if (rules === undefined) delete fleet.rules;
      else fleet.rules = rules;
      queue(fleet, 1, { labels: ['iphone'] });
      expect(granted(fleet)).toEqual(['1 → a']);
    }
  });
});

describe('of hosts that fit', () => {
  const here = { templates: [{ uuid: 'mac-15', name: 'mac-15', tag: null }] };
  const slow = { slots: [slot('a', { sleepInterval: 9 })] };

  it.each<[string, readonly HostReport[], readonly string[], string]>([
    [
      'the one with the fewest labels beyond the job’s',
      [mac('a', ['x', 'y']), mac('b', ['y']), mac('c', ['z'])],
      [],
      'b',
    ],
    ['the same for a job with a label', [mac('a', ['x', 'y']), mac('b', ['x'])], ['x'], 'b'],
    ['that counts before the sleep interval', [mac('a', ['x']), mac('b', [], slow)], [], 'b'],
    ['and after the template', [mac('a', ['x'], here), mac('b')], [], 'a'],
  ])('%s', (_, hosts, labels, expected) => {
    for (const order of ['spread', 'pack'] as const) {
      const fleet = fleetOf(...hosts);
      queue(fleet, 1, { labels });
      expect(granted(fleet, { ...DEFAULT_POLICY, hosts: order })).toEqual([`1 → ${expected}`]);
    }
  });

  it('one with labels does for a job that needs none, when no other is free', () => {
    const fleet = fleetOf(mac('a', ['iphone']), mac('b'));
    queue(fleet, 1);
    queue(fleet, 2);
    expect(granted(fleet)).toEqual(['1 → b', '2 → a']);
  });
});

describe('the reason', () => {
  const GLOBEX = { slots: [slot('a', { scope: { kind: 'org', owner: 'globex' } })] };
  const broken = { provider: { kind: 'anka', version: '3', problems: ['no licence'] } };
  const many = Array.from({ length: 7 }, (_, n) => mac(`m-${n}`, ['iphone'], { draining: true }));

  it.each<[string, readonly HostReport[], readonly string[], string, string]>([
    [
      'names what is wrong with each host that has the label, when none can take it',
      [mac('a'), mac('c', ['iphone'], broken), mac('b', ['iphone'], { draining: true })],
      ['iPhone'],
      'no-label',
      'no host with label iphone can take it: b draining; c broken',
    ],
    [
      'names five of many',
      [...many, mac('z')],
      ['iphone'],
      'no-label',
      'no host with label iphone can take it: m-0 draining; m-1 draining; m-2 draining; m-3 draining; m-4 draining; and 2 more',
    ],
    [
      'says who has what, when no host has all of the labels',
      [mac('b', ['signing', 'iphone']), mac('a', ['gpu']), mac('c')],
      ['gpu', 'signing', 'run-42'],
      'no-label',
      'no host has all of its labels gpu, signing: a has gpu; b has signing',
    ],
    [
      'counts the hosts with the label only',
      [
        mac('a', [], { draining: true }),
        mac('b', ['iphone'], { vmLimit: 0 }),
        mac('c', ['iphone'], { draining: true }),
      ],
      ['iphone'],
      'busy',
      '1 of 2 hosts with label iphone busy, 1 draining',
    ],
    [
      'says that those with the label have no slot for the repository',
      [mac('a'), mac('b', ['iphone'], GLOBEX)],
      ['iphone'],
      'no-slot',
      'none of 1 host with label iphone has a slot for acme/ios',
    ],
    [
      'is that of before where no host has labels',
      [mac('a', [], { draining: true })],
      ['iphone'],
      'draining',
      '1 of 1 host draining',
    ],
  ])('%s', (_, hosts, labels, code, words) => {
    const fleet = fleetOf(...hosts);
    queue(fleet, 1, { labels });
    expect(granted(fleet)).toEqual([]);
    expect(why(fleet)).toEqual([code, words]);
  });

  it('does not change with the order in which hosts became known', () => {
    const hosts = [mac('b', ['x'], { draining: true }), mac('a', ['x'], { draining: true })];
    const [one, other] = [fleetOf(...hosts), fleetOf(...hosts.reverse())];
    for (const fleet of [one, other]) queue(fleet, 1, { labels: ['x'] });
    expect(why(one)).toEqual(why(other));
  });
});

describe('a host with the label that is too small', () => {
  const GB = 2 ** 30;
  const templates = [{ uuid: 'big', name: 'big', tag: 'v1', size: { cpus: 8, memoryBytes: 16 * GB } }];
  const sized = (host: string, cpus: number, labels: readonly string[], more: Partial<HostReport> = {}): HostReport =>
    mac(host, labels, { resources: { cpus, memoryBytes: 64 * GB, diskFreeBytes: 500 * GB }, templates, ...more });
  const big = { template: 'big', tag: 'v1', labels: ['iphone'] };

  it('is waited beside for `unplaceable_after`, however large the others are; then the job ends', () => {
    const fleet = fleetOf(sized('a', 12, []), sized('b', 4, ['iphone'], { draining: true }));
    queue(fleet, 1, big).unplaceableAfterMs = 5_000;
    const words =
      'its VM (8 CPUs, 16 GB) is too big for the one host with label iphone and a slot for it; the largest, b, has 4 CPUs, 64 GB';
    expect(why(fleet)).toEqual(['too-big', words]);
    expect(inShort(giveUpTooBig(fleet, place(fleet).reasons, T0))).toEqual([]);
    expect(inShort(giveUpTooBig(fleet, place(fleet).reasons, T0 + 5_000))).toEqual(['job 1 unplaceable']);
  });

  it('is no reason to end a job while one that is large enough is only away', () => {
    const fleet = fleetOf(sized('b', 4, ['iphone']), sized('c', 12, ['iphone']));
    queue(fleet, 1, big);
    lose(fleet, 'c');
    expect(why(fleet)).toEqual(['no-label', 'no host with label iphone can take it: b too small for its VM; c lost']);
    expect(giveUpTooBig(fleet, place(fleet).reasons, T0)).toEqual([]);
    expect(giveUpTooBig(fleet, place(fleet).reasons, T0 + 86_400_000)).toEqual([]);
  });

  it('is not kept for the job, and neither is a larger one without the label', () => {
    const busy = { slots: [slot('a'), slot('b')], vmLimit: 2 };
    const fleet = fleetOf(sized('a', 12, [], busy), sized('b', 12, ['iphone'], busy), sized('c', 4, ['iphone']));
    for (const [index, host] of ['a', 'b'].entries()) {
      queue(fleet, 10 + index, { ...big, labels: host === 'b' ? ['iphone'] : [] });
      grant(fleet, 10 + index, `R${index}`, [host, 'a']);
    }
    queue(fleet, 20, big);
    const { kept, grants } = place(fleet);
    expect(grants).toEqual([]);
    expect([...kept]).toEqual([[20, { host: 'b', what: 'room' }]]);
  });
});

describe('a runner on a host without a label that another host has declared since', () => {
  const fleetWith = (labels: readonly string[]): Fleet => {
    const fleet = fleetOf(mac('a', []));
    queue(fleet, 1, { labels: ['iphone'] });
    grant(fleet, 1, 'R1', ['a', 'a']);
    applyHostReport(fleet, mac('b', labels, { draining: true }), T0);
    queue(fleet, 2, { labels: ['iphone'] });
    return fleet;
  };

  it('goes when its job needs it no more: the next one waits for the host with the label', () => {
    const fleet = fleetWith(['iphone']);
    expect(inShort(applyJobEnded(fleet, { jobId: 1, runner: null }))).toEqual(['runner R1 retire']);
    expect(why(fleet, 2)).toEqual(['no-label', 'no host with label iphone can take it: b draining']);
  });

  it('serves the next job if that host has other labels', () => {
    const fleet = fleetWith(['gpu']);
    expect(inShort(applyJobEnded(fleet, { jobId: 1, runner: null }))).toEqual([
      'job 2 swapped R1',
      'runner R1 meant-for 2',
    ]);
  });
});

it('jobs that wait for a host with a label do not keep those of their repository outside that need none', () => {
  const fleet = fleetOf(mac('a', []), mac('b', ['iphone'], { draining: true }));
  for (let n = 1; n <= 20; n += 1) queue(fleet, n, { labels: ['iphone'] });
  for (let n = 21; n <= 24; n += 1) queue(fleet, n);
  turnAway(fleet, 10);
  expect(Object.keys(fleet.jobs).map(Number)).toEqual([1, 2, 3, 4, 5, 6, 21, 22, 23, 24]);
});
