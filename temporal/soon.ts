import type { Client } from '@temporalio/client';

/** A client, or a connection. */
export type Bounded = Pick<Client, 'withDeadline'>;

/**
 * Makes calls that fail when they have not been answered after so long.
 * @param withinMs bounds all that `call` asks by this client, together
 */
export function soon<T>(client: Bounded, withinMs: number, call: () => Promise<T>): Promise<T> {
  // eslint-disable-next-line no-restricted-properties -- turned into a duration before the call leaves
  return client.withDeadline(Date.now() + withinMs, call);
}
