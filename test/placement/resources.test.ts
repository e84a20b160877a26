import { describe, expect, it } from 'vitest';
import type { HostReport, VmSize } from '../../activities/contracts.js';
import type { Fleet } from '../../placement/fleet.js';
import { applyHostReport } from '../../placement/hosts-heard.js';
import { notePlaced, place } from '../../placement/place.js';
import { sizeBook } from '../../placement/size.js';
import { giveUpTooBig } from '../../placement/unplaceable.js';
import { T0, fleetOf, grant, inShort, jobIn, queue, report, runnerIn, slot } from './fixtures.js';

const GB = 2 ** 30;
const size = (cpus: number, gigabytes: number, imageBytes?: number): VmSize => ({
  cpus,
  memoryBytes: gigabytes * GB,
  ...(imageBytes !== undefined && { imageBytes }),
});
const SMALL = { uuid: 'small', name: 'small-one', tag: 'v1', size: size(4, 8) };
const BIG = { uuid: 'big', name: 'big-one', tag: 'v1', size: size(10, 24) };
const small = { template: 'small', tag: 'v1' };
const big = { template: 'big', tag: 'v1' };

const mac = (host: string, cpus: number, gigabytes: number, more: Partial<HostReport> = {}): HostReport =>
  report(host, {
    resources: { cpus, memoryBytes: gigabytes * GB, diskFreeBytes: 100 * GB },
    templates: [SMALL, BIG],
    pulling: null,
    ...more,
  });

const granted = (fleet: Fleet): string[] =>
  place(fleet).grants.map(({ job, host, slot: { name } }) => `${job.jobId} → ${host}/${name}`);

const why = (fleet: Fleet, jobId: number): [string | undefined, string | undefined] => {
  const { code, words } = place(fleet).reasons.get(jobId) ?? {};
  return [code, words];
};

/** One round of the dispatcher: what is granted runs. */
function round(fleet: Fleet): string[] {
  const { grants, kept, passed } = place(fleet);
  for (const { job, host, slot: given } of grants) grant(fleet, job.jobId, `R${job.jobId}`, [host, given.name]);
  notePlaced(fleet, { kept, passed });
  return grants.map(({ job, host }) => `${job.jobId} → ${host}`);
}

function end(fleet: Fleet, jobId: number): void {
  runnerIn(fleet, `R${jobId}`).goneSince = T0;
  delete fleet.jobs[String(jobId)];
}

describe('the size of a VM', () => {
  it.each([
    ['by id', { template: 'small', tag: 'v1' }, size(4, 8)],
    ['by name', { template: 'small-one', tag: 'v1' }, size(4, 8)],
    ['for latest, of any tag', { template: 'small', tag: 'latest' }, size(4, 8)],
    ['not of another tag', { template: 'small', tag: 'v2' }, undefined],
    ['not of a template that no host has', { template: 'none', tag: 'v1' }, undefined],
  ])('is known %s', (_, wish, expected) => {
    expect(sizeBook(fleetOf(mac('mini-1', 12, 32)))(wish)).toEqual(expected);
  });

  it('is the smallest that hosts report, where they differ', () => {
    const other = { ...SMALL, size: size(2, 16, 5) };
    const fleet = fleetOf(mac('mini-1', 12, 32), mac('mini-2', 12, 32, { templates: [other] }));
    expect(sizeBook(fleet)(small)).toEqual(size(2, 8, 5));
  });
});

describe('CPUs and memory of a host', () => {
  it.each<[string, number, number, string | undefined]>([
    ['has both', 10, 24, undefined],
    ['has too few CPUs', 9, 64, 'too-big'],
    ['has too little memory', 12, 23, 'too-big'],
  ])('a host that %s', (_, cpus, gigabytes, code) => {
    const fleet = fleetOf(mac('mini-1', cpus, gigabytes));
    queue(fleet, 1, big);
    expect(why(fleet, 1)[0]).toBe(code);
    expect(granted(fleet)).toHaveLength(code === undefined ? 1 : 0);
  });

  it('are shared by its VMs, one that was granted this moment included', () => {
    const fleet = fleetOf(mac('mini-1', 12, 32));
    queue(fleet, 1, small);
    queue(fleet, 2, big);
    expect(granted(fleet)).toEqual(['1 → mini-1/a']);
    expect(why(fleet, 2)).toEqual(['resources', '1 of 1 host without the CPUs or the memory free for its VM']);
    expect(round(fleet)).toEqual(['1 → mini-1']);
    expect(granted(fleet)).toEqual([]);
    end(fleet, 1);
    expect(granted(fleet)).toEqual(['2 → mini-1/a']);
  });

  it("are taken by other people's VMs, too", () => {
    const fleet = fleetOf(mac('mini-1', 12, 32, { foreignVms: ['dev'], foreignUse: size(4, 4) }));
    queue(fleet, 1, big);
    expect(why(fleet, 1)[0]).toBe('resources');
    queue(fleet, 2, small);
    expect(granted(fleet)).toEqual(['2 → mini-1/a']);
  });

  it('do not count in a slot that may overcommit', () => {
    const slots = [slot('a'), slot('b', { skipResourceChecks: true })];
    const fleet = fleetOf(mac('mini-1', 8, 16, { slots }));
    queue(fleet, 1, big);
    expect(granted(fleet)).toEqual(['1 → mini-1/b']);
  });

  it('do not count for a VM of unknown size: the host decides', () => {
    const fleet = fleetOf(mac('mini-1', 1, 1, { templates: [{ uuid: 'small', name: 's', tag: 'v1' }] }));
    queue(fleet, 1, small);
    expect(granted(fleet)).toEqual(['1 → mini-1/a']);
  });

  it('send a job that is too big for one host to a larger one, even if that must pull its template', () => {
    const fleet = fleetOf(mac('mini-1', 8, 16), mac('studio-1', 24, 128, { templates: [] }));
    queue(fleet, 1, big);
    expect(place(fleet).grants).toMatchObject([{ host: 'studio-1', local: false, pulls: true }]);
  });

  it('let a big job start as soon as a larger host joins', () => {
    const fleet = fleetOf(mac('mini-1', 8, 16));
    queue(fleet, 1, big);
    expect(granted(fleet)).toEqual([]);
    applyHostReport(fleet, mac('studio-1', 24, 128, { templates: [] }), T0 + 1);
    expect(granted(fleet)).toEqual(['1 → studio-1/a']);
  });
});

describe('a host without disk for the template', () => {
  const image = { ...BIG, size: size(2, 2, 50 * GB) };
  const full = { cpus: 12, memoryBytes: 32 * GB, diskFreeBytes: 20 * GB };

  it('gets no job that must pull it, unless other templates can make way', () => {
    const has = mac('mini-1', 12, 32, { templates: [image], draining: true });
    const cannot = fleetOf(has, mac('mini-2', 12, 32, { resources: full, templates: [] }));
    queue(cannot, 1, big);
    expect(granted(cannot)).toEqual([]);
    expect(why(cannot, 1)[1]).toBe('1 of 2 hosts draining, 1 without the disk space for its template');
    const old = { uuid: 'old', name: 'old', tag: 'v1', size: size(2, 2, 30 * GB) };
    const can = fleetOf(has, mac('mini-2', 12, 32, { resources: full, templates: [old] }));
    queue(can, 1, big);
    expect(granted(can)).toEqual(['1 → mini-2/a']);
  });
});

describe('pulls', () => {
  const other = { template: 'other', tag: 'v1' };

  it('are one at a time on a host: a second job goes elsewhere, or waits, while jobs of local templates go on', () => {
    const fleet = fleetOf(mac('mini-1', 12, 64), mac('mini-2', 12, 64, { slots: [slot('a')] }));
    queue(fleet, 1, { template: 'x', tag: 'v1' });
    queue(fleet, 2, { template: 'y', tag: 'v1' });
    queue(fleet, 3, { template: 'z', tag: 'v1' });
    queue(fleet, 4, small);
    expect(granted(fleet)).toEqual(['1 → mini-1/a', '2 → mini-2/a', '4 → mini-1/b']);
    expect(why(fleet, 3)[1]).toBe('2 of 2 hosts busy');
  });

  it('count from the grant on, until the host itself says what it pulls', () => {
    const fleet = fleetOf(mac('mini-1', 12, 64));
    queue(fleet, 1, { template: 'x', tag: 'v1' });
    const [first] = place(fleet).grants;
    expect(first).toMatchObject({ pulls: true });
    Object.assign(grant(fleet, 1, 'R1', ['mini-1', 'a']), { pulls: true });
    queue(fleet, 2, other);
    expect(why(fleet, 2)).toEqual(['pulling', '1 of 1 host pulling another template']);
    applyHostReport(fleet, mac('mini-1', 12, 64, { sequence: 2, holds: ['R1'], pulling: null }), T0);
    expect(granted(fleet)).toEqual(['2 → mini-1/b']);
  });

  it('are not held against a host whose agent does not speak of them', () => {
    const fleet = fleetOf(report('mini-1'));
    queue(fleet, 1, { template: 'x', tag: 'v1' });
    queue(fleet, 2, other);
    expect(granted(fleet)).toHaveLength(2);
  });

  it('do not starve a job that never finds its slot free while none is under way', () => {
    const slots = [slot('a', { scope: { kind: 'repo', owner: 'acme', repo: 'ios' } }), slot('b')];
    const fleet = fleetOf(mac('mini-1', 64, 256, { slots, pulling: { template: 'x', tag: 'v1' } }));
    queue(fleet, 1, other);
    expect(round(fleet)).toEqual([]);
    applyHostReport(fleet, mac('mini-1', 64, 256, { slots, pulling: null, sequence: 2 }), T0);
    // Both slots get taken by younger jobs of local templates meanwhile; the pull that comes next is the old job's.
    jobIn(fleet, 1).position = T0 + 2;
    queue(fleet, 2, { ...small, createdAt: T0 });
    queue(fleet, 3, { ...small, createdAt: T0 });
    expect(round(fleet)).toEqual(['2 → mini-1', '3 → mini-1']);
    queue(fleet, 4, { template: 'y', tag: 'v1', repo: 'web' });
    end(fleet, 3);
    end(fleet, 2);
    expect(round(fleet)).toEqual(['1 → mini-1']);
  });
});

describe('a job too big for what is free', () => {
  it('has one host kept for it, so that small ones behind it do not starve it; they go elsewhere', () => {
    const fleet = fleetOf(mac('mini-1', 12, 32), mac('mini-2', 12, 32));
    for (const jobId of [1, 2, 3, 4]) queue(fleet, jobId, small);
    expect(round(fleet)).toEqual(['1 → mini-1', '2 → mini-2', '3 → mini-1', '4 → mini-2']);
    queue(fleet, 5, big);
    for (const jobId of [6, 7, 8]) queue(fleet, jobId, small);
    end(fleet, 1);
    // Room for a small one, and kept for the big one.
    expect(round(fleet)).toEqual([]);
    expect(jobIn(fleet, 5).kept).toEqual({ host: 'mini-1', what: 'room' });
    expect(why(fleet, 6)).toEqual(['kept', '1 of 2 hosts kept for an older job, 1 busy']);
    end(fleet, 2);
    expect(round(fleet)).toEqual(['6 → mini-2']);
    end(fleet, 3);
    expect(round(fleet)).toEqual(['5 → mini-1']);
    expect(jobIn(fleet, 5).kept).toBeNull();
    end(fleet, 5);
    expect(round(fleet)).toEqual(['7 → mini-1', '8 → mini-1']);
  });

  it('keeps that host until it begins, even if another looks better for a moment', () => {
    const fleet = fleetOf(mac('mini-1', 16, 40), mac('mini-2', 16, 40));
    for (const jobId of [1, 2, 3, 4]) queue(fleet, jobId, { template: 'mid', tag: 'v1' });
    const mid = { uuid: 'mid', name: 'mid', tag: 'v1', size: size(8, 20) };
    for (const host of ['mini-1', 'mini-2'])
      applyHostReport(fleet, mac(host, 16, 40, { templates: [mid, BIG], sequence: 2 }), T0);
    expect(round(fleet)).toHaveLength(4);
    queue(fleet, 5, big);
    const onFirst = [1, 2, 3, 4].filter((id) => runnerIn(fleet, `R${id}`).host === 'mini-1');
    end(fleet, onFirst[0] ?? 0);
    queue(fleet, 6, { template: 'mid', tag: 'v1' });
    expect(round(fleet)).toEqual([]);
    const { kept } = jobIn(fleet, 5);
    for (const runner of Object.values(fleet.runners)) if (runner.host === 'mini-2') runner.grantedAt = 0;
    round(fleet);
    expect(jobIn(fleet, 5).kept).toEqual(kept);
  });

  it('gives it up when that host goes, and finds another', () => {
    const fleet = fleetOf(mac('mini-1', 12, 32, { slots: [slot('a'), slot('b')] }), mac('mini-2', 12, 32));
    queue(fleet, 1, small);
    queue(fleet, 2, small);
    round(fleet);
    queue(fleet, 3, big);
    round(fleet);
    const before = jobIn(fleet, 3).kept?.host ?? '';
    applyHostReport(fleet, mac(before, 12, 32, { draining: true, sequence: 2 }), T0);
    round(fleet);
    expect(jobIn(fleet, 3).kept?.host).toBe(before === 'mini-1' ? 'mini-2' : 'mini-1');
  });

  it('does not wait for a host on which VMs of others leave too little', () => {
    const taken = { foreignVms: ['dev'], foreignUse: size(4, 4) };
    const fleet = fleetOf(mac('mini-1', 12, 32, taken));
    queue(fleet, 1, big);
    queue(fleet, 2, small);
    expect(round(fleet)).toEqual(['2 → mini-1']);
    expect(jobIn(fleet, 1).kept ?? null).toBeNull();
  });

  it('keeps no more than one in four hosts busy with waiting', () => {
    const hosts = Array.from({ length: 8 }, (_, n) => mac(`mini-${n}`, 12, 32));
    const fleet = fleetOf(...hosts);
    for (let jobId = 1; jobId <= 8; jobId += 1) queue(fleet, jobId, small);
    round(fleet);
    const sizes = [9, 10, 11, 12];
    applyHostReport(
      fleet,
      mac('mini-0', 12, 32, {
        sequence: 2,
        templates: [SMALL, ...sizes.map((cpus) => ({ uuid: `t${cpus}`, name: 't', tag: 'v1', size: size(cpus, 24) }))],
      }),
      T0,
    );
    for (const cpus of sizes) queue(fleet, 100 + cpus, { template: `t${cpus}`, tag: 'v1' });
    expect(place(fleet).kept.size).toBe(2);
  });
});

describe('a VM that no host can ever hold', () => {
  const tenMinutes = 10 * 60_000;

  function giveUp(fleet: Fleet, atMs: number): string[] {
    return inShort(giveUpTooBig(fleet, place(fleet).reasons, T0 + atMs));
  }

  it('is waited for ten minutes, then its job is told and forgotten', () => {
    const fleet = fleetOf(mac('mini-1', 8, 16));
    queue(fleet, 1, big);
    expect(why(fleet, 1)).toEqual([
      'too-big',
      'its VM (10 CPUs, 24 GB) is too big for the one host with a slot for it; the largest, mini-1, has 8 CPUs, 16 GB',
    ]);
    expect(giveUp(fleet, 0)).toEqual([]);
    expect(giveUp(fleet, tenMinutes - 1)).toEqual([]);
    expect(giveUp(fleet, tenMinutes)).toEqual(['job 1 unplaceable']);
    expect(fleet.jobs).toEqual({});
  });

  it('is waited for anew when a larger host came and went', () => {
    const fleet = fleetOf(mac('mini-1', 8, 16));
    queue(fleet, 1, big);
    giveUp(fleet, 0);
    applyHostReport(fleet, mac('studio-1', 24, 128, { draining: true }), T0);
    expect(giveUp(fleet, tenMinutes)).toEqual([]);
    delete fleet.hosts['studio-1'];
    expect(giveUp(fleet, tenMinutes + 1)).toEqual([]);
    expect(giveUp(fleet, 2 * tenMinutes + 1)).toEqual(['job 1 unplaceable']);
  });

  it('is waited for while a host that could hold it is lost or draining', () => {
    const fleet = fleetOf(mac('mini-1', 8, 16), mac('studio-1', 24, 128, { draining: true }));
    queue(fleet, 1, big);
    expect(giveUp(fleet, 0)).toEqual([]);
    expect(giveUp(fleet, 100 * tenMinutes)).toEqual([]);
  });

  it('is waited for as long as the job says', () => {
    const fleet = fleetOf(mac('mini-1', 8, 16));
    queue(fleet, 1, big).unplaceableAfterMs = 5_000;
    giveUp(fleet, 0);
    expect(giveUp(fleet, 5_000)).toEqual(['job 1 unplaceable']);
  });
});
