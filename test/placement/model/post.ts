/**
 * Messages under way: in any order between different senders, some twice. One sender's arrive in its order, except
 * a runner's: it does not wait for one to arrive before it sends the next.
 */

import type { Chance } from './chance.js';

interface Letter {
  readonly sentAt: number;
  readonly open: () => void;
}

export interface Post {
  readonly send: (channel: string, now: number, open: () => void) => void;
  /** Delivers the oldest letter of one channel, sometimes twice. False when nothing is under way. */
  readonly deliverOne: (chance: Chance) => boolean;
  /** Nothing is under way longer than this. */
  readonly deliverSentBefore: (time: number, chance: Chance) => void;
  readonly isEmpty: () => boolean;
}

export function createPost(): Post {
  const channels = new Map<string, Letter[]>();

  function deliverFrom(channel: string, chance: Chance): void {
    const letters = channels.get(channel) ?? [];
    const next = channel.startsWith('runner') && chance.oneIn(3) ? chance.below(letters.length) : 0;
    const letter = letters[next];
    const rest = letters.filter((_, index) => index !== next);
    if (rest.length === 0) channels.delete(channel);
    else channels.set(channel, rest);
    letter?.open();
    if (chance.oneIn(5)) letter?.open();
  }

  const send: Post['send'] = (channel, sentAt, open) => {
    channels.set(channel, [...(channels.get(channel) ?? []), { sentAt, open }]);
  };
  return {
    send,
    deliverOne: (chance) => {
      const channel = chance.pick([...channels.keys()]);
      if (channel === undefined) return false;
      deliverFrom(channel, chance);
      return true;
    },
    deliverSentBefore: (time, chance) => {
      for (;;) {
        const late = [...channels].filter(([, [first]]) => first !== undefined && first.sentAt < time);
        const found = chance.pick(late);
        if (found === undefined) return;
        deliverFrom(found[0], chance);
      }
    },
    isEmpty: () => channels.size === 0,
  };
}
