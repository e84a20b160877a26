import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../github/deliveries.js';
import { MOST_OWN_FAILURES, dueAmong, missedIn, probesAmong, seemsUp } from '../../activities/sweeps/delivery-plan.js';

const MINUTE = 60_000;
let ids = 0;

function delivery(guid: string, at: number, statusCode: number, more: Partial<Delivery> = {}): Delivery {
  const isOk = statusCode >= 200 && statusCode < 300;
  return { id: (ids += 1), guid, at, statusCode, isOk, event: 'workflow_job', action: 'queued', ...more };
}

const guids = (all: readonly { readonly guid: string }[]): string[] => all.map(({ guid }) => guid);

describe('which events did not arrive', () => {
  const cases: readonly (readonly [string, readonly Delivery[], readonly string[]])[] = [
    ['one that arrived', [delivery('a', 1, 202)], []],
    ['one that failed', [delivery('a', 1, 502)], ['a']],
    ['GitHub gave no status', [delivery('a', 1, 0)], ['a']],
    ['a redirect is no success', [delivery('a', 1, 302)], ['a']],
    ['failed, then arrived when asked for again', [delivery('a', 9, 200), delivery('a', 1, 502)], []],
    ['arrived, then failed when somebody asked again', [delivery('a', 9, 502), delivery('a', 1, 200)], []],
    ['failed twice: once', [delivery('a', 9, 502), delivery('a', 1, 502)], ['a']],
    ['several, oldest first', [delivery('b', 5, 502), delivery('c', 3, 200), delivery('a', 1, 502)], ['a', 'b']],
    ['guids that begin alike', [delivery('aaaa-1', 1, 502), delivery('aaaa-2', 2, 200)], ['aaaa-1']],
    ['a ping', [delivery('a', 1, 502, { event: 'ping', action: null })], []],
    ['an event that Berth has no use for', [delivery('a', 1, 502, { event: 'push', action: null })], []],
    ['an action that Berth does not know', [delivery('a', 1, 502, { action: 'renamed' })], []],
    ['nothing', [], []],
  ];
  it.each(cases)('%s', (_what, deliveries, expected) => {
    expect(guids(missedIn(deliveries))).toEqual(expected);
  });

  it('the same attempt on two pages counts once', () => {
    const one = delivery('a', 1, 502);
    expect(missedIn([one, one])[0]?.attempts).toHaveLength(1);
  });
});

describe('which are given up', () => {
  const attempts = (count: number, statusCode: number): Delivery[] =>
    Array.from({ length: count }, (_, index) => delivery('a', (index + 1) * 10 * MINUTE, statusCode));
  const isHopeless = (deliveries: readonly Delivery[]): boolean | undefined =>
    missedIn(deliveries).find(({ guid }) => guid === 'a')?.isHopeless;

  it('one that the receiver refuses again and again', () => {
    expect(isHopeless(attempts(MOST_OWN_FAILURES - 1, 401))).toBe(false);
    expect(isHopeless(attempts(MOST_OWN_FAILURES, 401))).toBe(true);
  });

  it('never while the receiver is away, however long', () => {
    expect(isHopeless(attempts(100, 502))).toBe(false);
  });

  it('one that fails while others arrive', () => {
    const others = attempts(MOST_OWN_FAILURES, 502).map(({ at }) => delivery('b', at + MINUTE, 200));
    expect(isHopeless([...attempts(MOST_OWN_FAILURES, 503), ...others])).toBe(true);
    const longAfter = others.map((each) => ({ ...each, at: each.at + 2 * MINUTE }));
    expect(isHopeless([...attempts(MOST_OWN_FAILURES, 503), ...longAfter])).toBe(false);
  });
});

describe('which are asked for now', () => {
  const missed = missedIn([delivery('a', 1, 502), delivery('b', 2, 502), delivery('b', 3, 502)]);

  it('those that were not asked for since they failed last', () => {
    expect(guids(dueAmong(missed, {}, 100))).toEqual(['a', 'b']);
    const asked = { a: { attempts: 1, at: 50 }, b: { attempts: 1, at: 50 } };
    expect(guids(dueAmong(missed, asked, 100))).toEqual(['b']);
    expect(guids(dueAmong(missed, asked, 50 + 11 * MINUTE))).toEqual(['a', 'b']);
  });

  it('while the receiver is away those tried least', () => {
    expect(guids(probesAmong(missed, 1))).toEqual(['a']);
  });
});

it('the receiver seems to be up when it took the newest delivery, whatever that was', () => {
  expect(seemsUp([])).toBe(true);
  expect(seemsUp([delivery('a', 1, 502), delivery('b', 2, 200, { event: 'ping' })])).toBe(true);
  expect(seemsUp([delivery('b', 3, 502), delivery('a', 2, 200)])).toBe(false);
});
