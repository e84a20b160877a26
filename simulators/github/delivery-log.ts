/** The log of deliveries that hooks keep: what REST lists, shows and lets be repeated. */

import type { SimDelivery } from './types.js';
import type { World } from './world.js';

/** What only the detail of a delivery shows. Kept apart, so that snapshots stay small. */
export interface DeliveryDetail {
  readonly owner: string;
  readonly repo: string;
  readonly installationId: number | null;
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** The JSON text that was signed or wrapped in a form. */
  readonly json: string;
  readonly responseHeaders: Readonly<Record<string, unknown>>;
  readonly responseBody: string;
}

export interface LoggedDelivery {
  readonly delivery: SimDelivery;
  readonly detail: DeliveryDetail;
}

export interface DeliveryLog {
  readonly put: (delivery: SimDelivery, detail: DeliveryDetail) => void;
  /** Of one delivery that can still be listed. */
  readonly find: (hookId: number, id: number) => LoggedDelivery | undefined;
  /** Ended attempts of a hook within the window, newest first. */
  readonly list: (hookId: number) => readonly LoggedDelivery[];
  readonly all: () => readonly SimDelivery[];
}

/** The oldest are forgotten beyond this, so that a long bench does not fill the memory. */
const MAX_ENTRIES = 10_000;

export function createDeliveryLog(world: World): DeliveryLog {
  const entries = new Map<number, LoggedDelivery>();
  const isListed = ({ delivery }: LoggedDelivery, hookId: number): boolean =>
    delivery.hookId === hookId &&
    delivery.statusCode !== null &&
    Date.now() - delivery.deliveredAt < world.settings.deliveryWindowMs;

  return {
    put: (delivery, detail) => {
      entries.set(delivery.id, { delivery, detail });
      const [oldest] = entries.keys();
      if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
      world.changes.changed();
    },
    find: (hookId, id) => {
      const entry = entries.get(id);
      return entry !== undefined && isListed(entry, hookId) ? entry : undefined;
    },
    list: (hookId) => [...entries.values()].filter((entry) => isListed(entry, hookId)).reverse(),
    all: () => [...entries.values()].map(({ delivery }) => delivery),
  };
}
