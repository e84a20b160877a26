import { describe, expect, it } from 'vitest';
import { idleSlots } from '../../bench/fleet/idle-slots.js';
import { ratesBetween, readRequests } from '../../bench/fleet/server-requests.js';

describe('idle slots', () => {
  const uses = [
    { slot: 'a', from: 110, until: 200 },
    { slot: 'a', from: 250, until: 300 },
    { slot: 'b', from: 130, until: 280 },
  ];

  it('are the gaps between two VMs and before the first, longest first', () => {
    expect(idleSlots(['a', 'b'], uses, { since: 100, until: 260 })).toEqual([
      { slot: 'a', from: 200, ms: 50 },
      { slot: 'b', from: 100, ms: 30 },
      { slot: 'a', from: 100, ms: 10 },
    ]);
  });

  it('count only while a job waits', () => {
    expect(idleSlots(['a', 'b'], uses, { since: 100, until: 220 }).map(({ ms }) => ms)).toEqual([30, 20, 10]);
    expect(idleSlots(['a'], uses, { since: 100, until: 320 }).map(({ from, ms }) => [from, ms])).toEqual([
      [200, 50],
      [300, 20],
      [100, 10],
    ]);
  });

  it('are slots that never had a VM, too', () => {
    expect(idleSlots(['c'], uses, { since: 100, until: 260 })).toEqual([{ slot: 'c', from: 100, ms: 160 }]);
  });
});

describe('calls to Temporal', () => {
  const text = (beats: number, polls: number): string =>
    [
      '# TYPE service_requests counter',
      `service_requests{namespace="berth",operation="RecordActivityTaskHeartbeat",service_name="frontend"} ${beats}`,
      `service_requests{namespace="berth",operation="PollActivityTaskQueue",service_name="frontend"} ${polls}`,
      'service_requests{namespace="temporal-system",operation="PollActivityTaskQueue",service_name="frontend"} 999',
      'service_requests{namespace="berth",operation="RecordActivityTaskHeartbeat",service_name="history"} 999',
      'service_requests_per_tl{namespace="berth",operation="X",service_name="frontend"} 999',
    ].join('\n');

  it('are those of the frontend for one namespace, by operation', () => {
    const rates = ratesBetween(readRequests(text(10, 4), 'berth'), readRequests(text(130, 64), 'berth'), 60);
    expect(rates).toEqual([
      ['RecordActivityTaskHeartbeat', 2],
      ['PollActivityTaskQueue', 1],
    ]);
  });

  it('cannot be told where the metrics have none', () => {
    expect(() => readRequests('up 1\n', 'berth')).toThrow(/no service_requests/);
  });
});
