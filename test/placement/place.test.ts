import { describe, expect, it } from 'vitest';
import type { HostReport } from '../../activities/contracts.js';
import type { Fleet } from '../../placement/fleet.js';
import { MAX_TAKEN } from '../../placement/pairing.js';
import { applyHostLost } from '../../placement/hosts-heard.js';
import { place } from '../../placement/place.js';
import { T0, fleetOf, grant, queue, report, runnerIn, slot } from './fixtures.js';

/** Who got what: "1 → mini-1/a". */
const granted = (fleet: Fleet): string[] =>
  place(fleet).grants.map(({ job, host, slot: { name } }) => `${job.jobId} → ${host}/${name}`);

const reason = (fleet: Fleet, jobId: number): string | undefined => place(fleet).reasons.get(jobId)?.words;

const one = (host: string, more: Partial<HostReport> = {}): HostReport => report(host, { slots: [slot('a')], ...more });

const template = (uuid: string, tag: string | null = null): HostReport['templates'][number] => ({
  uuid,
  name: `name-of-${uuid}`,
  tag,
});

describe('the order in which jobs are served', () => {
  it('is the order of their creation, not that in which they asked', () => {
    const fleet = fleetOf(one('mini-1'));
    queue(fleet, 1, { createdAt: T0 + 30 });
    queue(fleet, 2, { createdAt: T0 + 10 });
    queue(fleet, 3, { createdAt: T0 + 20 });
    expect(granted(fleet)).toEqual(['2 → mini-1/a']);
  });

  it('goes by job id between jobs of the same moment', () => {
    const fleet = fleetOf(report('mini-1'));
    // As large as GitHub's are: JavaScript keeps such keys in the order in which they came.
    for (const jobId of [60_000_000_009, 60_000_000_010, 60_000_000_008]) queue(fleet, jobId, { createdAt: T0 });
    expect(granted(fleet)).toEqual(['60000000008 → mini-1/a', '60000000009 → mini-1/b']);
  });

  it('lets a younger job pass one that fits nowhere', () => {
    const fleet = fleetOf(one('mini-1'));
    queue(fleet, 1, { owner: 'stranger' });
    queue(fleet, 2);
    expect(granted(fleet)).toEqual(['2 → mini-1/a']);
    expect(reason(fleet, 1)).toBe('none of 1 host has a slot for stranger/ios');
  });

  it('passes over a job that a runner is already meant for', () => {
    const fleet = fleetOf(report('mini-1'));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    queue(fleet, 2);
    expect(granted(fleet)).toEqual(['2 → mini-1/b']);
    expect(reason(fleet, 1)).toBeUndefined();
  });
});

describe('a host that pulls a template', () => {
  const pulling = { pulling: { template: 'big', tag: 'v1' }, templates: [template('here', 'v1')] };

  it.each([
    ['of the template that it pulls, which waits for that pull', 'big', 'v1', true],
    ['whose template is there', 'here', 'v1', true],
    ['of another tag of what it pulls', 'big', 'v2', false],
    ['whose template is not there', 'other', 'v1', false],
    ['that wants the latest, which has to be asked for', 'here', 'latest', false],
  ])('gets a job %s: template %s, tag %s: %s', (_, name, tag, isPlaced) => {
    const fleet = fleetOf(one('mini-1', pulling));
    queue(fleet, 1, { template: name, tag });
    expect(granted(fleet)).toEqual(isPlaced ? ['1 → mini-1/a'] : []);
    expect(reason(fleet, 1)).toBe(isPlaced ? undefined : '1 of 1 host pulling another template');
  });

  it('is passed over for one that does not pull, and holds up no other job of the repository', () => {
    const fleet = fleetOf(report('mini-1', pulling), one('mini-2'));
    for (const [jobId, name] of ['other', 'more', 'here'].entries()) queue(fleet, jobId, { template: name, tag: 'v1' });
    expect(granted(fleet)).toEqual(['0 → mini-2/a', '2 → mini-1/a']);
  });
});

it('a host that needs a reboot gets nothing, and the reason says so', () => {
  const fleet = fleetOf(one('mini-1', { needsReboot: true }));
  queue(fleet, 1);
  expect(granted(fleet)).toEqual([]);
  expect(reason(fleet, 1)).toBe('1 of 1 host needs-reboot');
});

describe('where a job fits', () => {
  it('is a slot of its repository, its owner or its enterprise, in any case of letters', () => {
    const slots = [
      slot('repo', { scope: { kind: 'repo', owner: 'Acme', repo: 'iOS' } }),
      slot('org', { scope: { kind: 'org', owner: 'Globex' } }),
      slot('all', { scope: { kind: 'enterprise', enterprise: 'big' } }),
    ];
    const fleet = fleetOf(report('mini-1', { slots, vmLimit: 3 }));
    queue(fleet, 1, { owner: 'acme', repo: 'ios' });
    queue(fleet, 2, { owner: 'globex', repo: 'web' });
    queue(fleet, 3, { owner: 'globex', repo: 'web' });
    queue(fleet, 4, { owner: 'acme', repo: 'android' });
    // The first takes the wide slot only if nothing tells them apart but their names.
    expect(granted(fleet).map((text) => text.slice(0, 1))).toEqual(['1', '2']);
    expect(reason(fleet, 4)).toBe('1 of 1 host with slots for other scopes only');
  });

  it('tries a host that just failed the job only when there is no other', () => {
    const fleet = fleetOf(one('mini-1', { templates: [template('mac-15')] }), one('mini-2'));
    queue(fleet, 1, { avoid: ['mini-1'] });
    queue(fleet, 2, { avoid: ['mini-1', 'mini-2'] });
    expect(granted(fleet)).toEqual(['1 → mini-2/a', '2 → mini-1/a']);
  });

  it('is first of all a host that has the template, by id or by name', () => {
    const slots = [slot('a', { sleepInterval: 99 })];
    const fleet = fleetOf(one('mini-1'), one('mini-2', { slots, templates: [template('mac-15')] }));
    queue(fleet, 1, { template: 'mac-15' });
    expect(granted(fleet)).toEqual(['1 → mini-2/a']);
    const byName = fleetOf(one('mini-1'), one('mini-2', { slots, templates: [template('uuid-1')] }));
    queue(byName, 1, { template: 'name-of-uuid-1' });
    expect(granted(byName)).toEqual(['1 → mini-2/a']);
  });

  it.each([
    ['v1', 'v1', true, true],
    ['v2', 'v1', false, false],
    ['v1', null, false, false],
    ['latest', 'v1', true, false],
    ['latest', null, true, false],
  ])('asked for tag %s, where a host has tag %s: preferred %s, without a pull %s', (tag, has, isPreferred, isLocal) => {
    const fleet = fleetOf(one('mini-1'), one('mini-2', { templates: [template('mac-15', has)] }));
    queue(fleet, 1, { tag });
    expect(place(fleet).grants).toMatchObject([{ host: isPreferred ? 'mini-2' : 'mini-1', local: isLocal }]);
  });

  it('is the slot with the lower sleep_interval when all else is equal', () => {
    const fleet = fleetOf(
      report('mini-1', { slots: [slot('a', { sleepInterval: 5 }), slot('b', { sleepInterval: 2 })] }),
      report('mini-2', { slots: [slot('a', { sleepInterval: 3 })] }),
    );
    for (const jobId of [1, 2, 3]) queue(fleet, jobId);
    expect(granted(fleet)).toEqual(['1 → mini-1/b', '2 → mini-2/a', '3 → mini-1/a']);
  });

  it('is the emptier host after that, and then goes by name, whatever order the hosts reported in', () => {
    const fleet = fleetOf(report('mini-2'), report('mini-10'), report('mini-1'));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    for (const jobId of [2, 3, 4]) queue(fleet, jobId);
    expect(granted(fleet)[0]).toBe('2 → mini-10/a');
  });

  it('is the emptier host even if the other one has more room left', () => {
    const four = ['a', 'b', 'c', 'd'].map((name) => slot(name));
    const fleet = fleetOf(report('mini-1', { slots: four, vmLimit: 4 }), report('mini-2'));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    queue(fleet, 2);
    expect(granted(fleet)).toEqual(['2 → mini-2/a']);
  });

  it('is another slot with each try where VMs run that nobody here knows, because they may have any of them', () => {
    const fleet = fleetOf(report('mini-1', { holds: ['berth-7-1-aaaa'] }));
    const tries = [0, 1, 2].map((made) => {
      queue(fleet, 1, { made });
      return granted(fleet)[0];
    });
    expect(tries).toEqual(['1 → mini-1/a', '1 → mini-1/b', '1 → mini-1/a']);
  });
});

describe('hosts that get nothing', () => {
  it.each<[string, Partial<HostReport>, string]>([
    ['drains', { draining: true }, '1 of 1 host draining'],
    [
      'is broken',
      { provider: { kind: 'anka', version: '3', problems: ['the licence has expired'] } },
      '1 of 1 host broken',
    ],
    ['has two VMs of other people', { foreignVms: ['dev', 'test'] }, '1 of 1 host busy'],
    ['has VMs of ours that nobody here knows', { holds: ['berth-7-1-aaaa', 'berth-8-1-bbbb'] }, '1 of 1 host busy'],
    ['has one of each', { holds: ['berth-7-1-aaaa'], foreignVms: ['dev'] }, '1 of 1 host busy'],
    ['has no slots', { slots: [] }, 'none of 1 host has a slot for acme/ios'],
  ])('a host that %s', (_, more, why) => {
    const fleet = fleetOf(report('mini-1', more));
    queue(fleet, 1);
    expect(granted(fleet)).toEqual([]);
    expect(reason(fleet, 1)).toBe(why);
  });

  it('a lost host, until it reports again', () => {
    const fleet = fleetOf(report('mini-1'));
    queue(fleet, 1);
    applyHostLost(fleet, { host: 'mini-1', sessionId: 'session-1' });
    expect(granted(fleet)).toEqual([]);
    expect(reason(fleet, 1)).toBe('1 of 1 host lost');
  });
});

describe('the room on a host', () => {
  const fourSlots = ['a', 'b', 'c', 'd'].map((name) => slot(name));

  it('is never more than its VM limit, however many slots are configured', () => {
    const fleet = fleetOf(report('mini-1', { slots: fourSlots, vmLimit: 2 }));
    for (const jobId of [1, 2, 3, 4]) queue(fleet, jobId);
    expect(granted(fleet)).toEqual(['1 → mini-1/a', '2 → mini-1/b']);
    expect(reason(fleet, 3)).toBe('1 of 1 host busy');
  });

  it('is never more than its slots, however high the VM limit is', () => {
    const fleet = fleetOf(report('mini-1', { vmLimit: 10 }));
    for (const jobId of [1, 2, 3]) queue(fleet, jobId);
    expect(granted(fleet)).toHaveLength(2);
  });

  it('shrinks by running VMs of other people only where the VM limit is what binds', () => {
    const tight = fleetOf(report('mini-1', { vmLimit: 2, foreignVms: ['dev'] }));
    const wide = fleetOf(report('mini-1', { vmLimit: 3, foreignVms: ['dev'] }));
    for (const fleet of [tight, wide]) for (const jobId of [1, 2, 3]) queue(fleet, jobId);
    expect(granted(tight)).toHaveLength(1);
    expect(granted(wide)).toHaveLength(2);
  });

  it('counts a runner once, whether or not the host has seen its VM yet', () => {
    const unseen = fleetOf(report('mini-1'));
    const seen = fleetOf(report('mini-1', { holds: ['R1'] }));
    for (const fleet of [unseen, seen]) {
      queue(fleet, 1);
      grant(fleet, 1, 'R1', ['mini-1', 'a']);
      queue(fleet, 2);
      queue(fleet, 3);
      expect(granted(fleet)).toEqual(['2 → mini-1/b']);
    }
  });

  it('grows when the host says that a VM is gone', () => {
    const fleet = fleetOf(one('mini-1'));
    queue(fleet, 1);
    grant(fleet, 1, 'R1', ['mini-1', 'a']);
    queue(fleet, 2);
    expect(granted(fleet)).toEqual([]);
    runnerIn(fleet, 'R1').goneSince = T0;
    expect(granted(fleet)).toEqual(['2 → mini-1/a']);
  });
});

describe('the reason of a job that waits', () => {
  it('says that no host is there', () => {
    const fleet = fleetOf();
    queue(fleet, 1);
    expect(reason(fleet, 1)).toBe('no host has announced itself yet');
  });

  it('counts the hosts that could serve it by what they do, most first', () => {
    const draining = one('mini-3', { draining: true });
    const elsewhere = one('mini-4', { slots: [slot('a', { scope: { kind: 'org', owner: 'globex' } })] });
    const fleet = fleetOf(
      one('mini-1', { holds: ['berth-7-1-aaaa'] }),
      one('mini-2', { holds: ['berth-8-1-bbbb'] }),
      draining,
      elsewhere,
    );
    queue(fleet, 1);
    expect(reason(fleet, 1)).toBe('2 of 3 hosts busy, 1 draining');
  });

  it('calls a slot busy that an older job gets in the same moment', () => {
    const fleet = fleetOf(one('mini-1'));
    queue(fleet, 1);
    queue(fleet, 2);
    expect(granted(fleet)).toEqual(['1 → mini-1/a']);
    expect(reason(fleet, 2)).toBe('1 of 1 host busy');
  });

  it('names the jobs that took its runners when there were too many, and no runner is made then', () => {
    const fleet = fleetOf(report('mini-1'));
    const job = queue(fleet, 1);
    job.taken = MAX_TAKEN;
    expect(granted(fleet)).toHaveLength(1);
    job.taken = MAX_TAKEN + 1;
    queue(fleet, 2);
    expect(granted(fleet)).toEqual(['2 → mini-1/a']);
    expect(reason(fleet, 1)).toContain("jobs that aren't Berth's took its runner 4 times");
  });
});
