/** The log of a webhook's deliveries, and another delivery of what is in it. Enterprises have no such log. */

import { z } from 'zod';
import { scopeText } from '../jobs/names.js';
import type { Scope } from '../jobs/scope.js';
import { parseAnswer } from './answers.js';
import { callsOf } from './conditional.js';
import type { AppCredential } from './credentials.js';
import { GitHubError } from './errors.js';
import { PAGE_SIZE } from './pages.js';
import { APP_HOOK, hookRight } from './rights.js';
import { scopePath } from './scope-path.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';

/** A webhook by where it is set up: at a repository or an organisation, or it is the GitHub App's own. */
export type Hook =
  | { readonly kind: 'scope'; readonly scope: Exclude<Scope, { kind: 'enterprise' }>; readonly hookId: number }
  | { readonly kind: 'app' };

/** One attempt to deliver one event. */
export interface Delivery {
  /** Of the attempt. */
  readonly id: number;
  /** Of the event: all its attempts share it, in whole. */
  readonly guid: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly isOk: boolean;
  /** What the receiver answered; 0 or 5xx too when it could not be reached. */
  readonly statusCode: number;
  readonly event: string;
  readonly action: string | null;
}

export interface DeliveryPage {
  /** Newest first. */
  readonly deliveries: readonly Delivery[];
  /** Where the next page begins; null: this was the last. */
  readonly next: string | null;
  /** Of GitHub's limit: 0 when nothing had changed. */
  readonly calls: number;
}

export interface Deliveries {
  /** @param cursor null: from the newest on */
  listDeliveries(hook: Hook, cursor: string | null): Promise<DeliveryPage>;
  /** One more attempt, some seconds later. `refused`: GitHub will not, as when it has forgotten it (after three days). */
  redeliver(hook: Hook, id: number): Promise<'asked' | 'refused'>;
}

export interface DeliveriesOptions {
  readonly sessions: Sessions;
  /** The App whose own webhook is looked at. */
  readonly hookApp?: AppCredential | undefined;
}

const deliveriesSchema = z.array(
  z.object({
    id: z.number(),
    guid: z.string(),
    delivered_at: z.iso.datetime({ offset: true }),
    status: z.string().nullish(),
    status_code: z.number().nullish(),
    event: z.string(),
    action: z.string().nullish(),
  }),
);

export function createDeliveries({ sessions, hookApp }: DeliveriesOptions): Deliveries {
  const sessionOf = async (hook: Hook): Promise<Session> => {
    if (hook.kind === 'scope') return sessions.forScope(hook.scope);
    if (hookApp !== undefined) return sessions.forApp(hookApp);
    throw new GitHubError(
      'GitHubNoCredential',
      "The App's own webhook can be looked at with the App's private key only: give the config `global_app_id` and " +
        '`global_private_key`, or the receiver its `app_id` and `private_key`.',
    );
  };

  return {
    listDeliveries: async (hook, cursor) => {
      const session = await sessionOf(hook);
      const what = `list the deliveries of ${hookText(hook)}`;
      const { template, params } = pathOf(hook);
      const answer = await session.call({
        route: `GET ${template}`,
        params: { ...params, per_page: PAGE_SIZE, ...(cursor !== null && { cursor }) },
        what,
        right: rightOf(hook),
        purpose: 'sweep',
        // Pages behind the first are not read again soon.
        conditional: cursor === null,
      });
      const deliveries = parseAnswer(deliveriesSchema, answer, what).map(toDelivery);
      return { deliveries, next: nextCursor(answer.headers['link']), calls: callsOf(answer) };
    },

    redeliver: async (hook, id) => {
      const session = await sessionOf(hook);
      const { template, params } = pathOf(hook);
      const answer = await session.call({
        route: `POST ${template}/{delivery_id}/attempts`,
        params: { ...params, delivery_id: id },
        what: `deliver ${id} of ${hookText(hook)} again`,
        right: rightOf(hook),
        purpose: 'redelivery',
        accept: [400, 404, 422],
      });
      return answer.status >= 400 ? 'refused' : 'asked';
    },
  };
}

export function hookText(hook: Hook): string {
  return hook.kind === 'app' ? "the App's webhook" : `the webhook ${hook.hookId} of ${scopeText(hook.scope)}`;
}

const rightOf = (hook: Hook): string => (hook.kind === 'app' ? APP_HOOK : hookRight(hook.scope));

function pathOf(hook: Hook): { readonly template: string; readonly params: Readonly<Record<string, unknown>> } {
  if (hook.kind === 'app') return { template: '/app/hook/deliveries', params: {} };
  const { template, params } = scopePath(hook.scope);
  return { template: `${template}/hooks/{hook_id}/deliveries`, params: { ...params, hook_id: hook.hookId } };
}

function toDelivery(item: z.infer<typeof deliveriesSchema>[number]): Delivery {
  const statusCode = item.status_code ?? 0;
  return {
    id: item.id,
    guid: item.guid,
    at: Date.parse(item.delivered_at),
    isOk: statusCode >= 200 && statusCode < 300,
    statusCode,
    event: item.event,
    action: item.action ?? null,
  };
}

/** The `cursor` of the `Link` header's next page. */
function nextCursor(link: string | undefined): string | null {
  const url = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1];
  return url !== undefined && URL.canParse(url) ? new URL(url).searchParams.get('cursor') : null;
}
