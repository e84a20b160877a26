/** One attempt to deliver one event to one hook: sent, signed, and written into the hook's log. */

import type { Logger } from 'pino';
import type { DeliveryDetail, DeliveryLog } from './delivery-log.js';
import type { Hook, Hooks } from './hooks.js';
import { signatures } from './send.js';
import type { Sender } from './send.js';
import type { SimDelivery } from './types.js';
import type { World } from './world.js';

/** An event on its way to one hook. */
export interface Outgoing {
  readonly hook: Hook;
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly jobId: number | null;
  readonly owner: string;
  readonly repo: string;
  readonly installationId: number | null;
  readonly json: string;
}

interface Deps {
  readonly world: World;
  readonly hooks: Hooks;
  readonly deliveries: DeliveryLog;
  readonly sender: Sender;
  readonly log: Logger;
}

/** Gives the function that makes one attempt; with `lost` nothing is sent, only the failure is logged. */
export function createAttempt({ world, hooks, deliveries, sender, log }: Deps) {
  return async (out: Outgoing, redelivery: boolean, lost = false): Promise<void> => {
    const id = world.nextId('delivery');
    const body = out.hook.contentType === 'form' ? `payload=${encodeURIComponent(out.json)}` : out.json;
    const requestHeaders = headersOf(out, body, hooks.targetId(out.hook));
    const { owner, repo, installationId, json } = out;
    const detail: DeliveryDetail = {
      owner,
      repo,
      installationId,
      url: out.hook.url,
      requestHeaders,
      json,
      responseHeaders: {},
      responseBody: '',
    };
    const { guid, event, action, jobId } = out;
    const begun: SimDelivery = {
      id,
      guid,
      hookId: out.hook.id,
      event,
      action,
      jobId,
      redelivery,
      deliveredAt: Date.now(),
      durationMs: 0,
      statusCode: null,
      status: 'pending',
    };
    if (lost) {
      deliveries.put({ ...begun, statusCode: 502, status: 'failed to connect to host' }, detail);
      return;
    }
    deliveries.put(begun, detail);
    const sent = await sender.send(out.hook.url, requestHeaders, body);
    const { statusCode, status, durationMs, responseHeaders, responseBody } = sent;
    deliveries.put({ ...begun, statusCode, status, durationMs }, { ...detail, responseHeaders, responseBody });
    log.debug({ guid, hook: out.hook.id, action, job: jobId, status: statusCode }, 'webhook delivered');
  };
}

/** The headers of GitHub's deliveries (GitHub docs "Webhook events and payloads", delivery headers). */
function headersOf(out: Outgoing, body: string, targetId: number): Readonly<Record<string, string>> {
  return {
    Accept: '*/*',
    'Content-Type': out.hook.contentType === 'form' ? 'application/x-www-form-urlencoded' : 'application/json',
    'User-Agent': 'GitHub-Hookshot/simulated',
    'X-GitHub-Delivery': out.guid,
    'X-GitHub-Event': out.event,
    'X-GitHub-Hook-ID': String(out.hook.id),
    'X-GitHub-Hook-Installation-Target-ID': String(targetId),
    'X-GitHub-Hook-Installation-Target-Type': out.hook.kind,
    ...(out.hook.secret === undefined ? {} : signatures(out.hook.secret, body)),
  };
}
