import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { WebhookResult } from './decide.js';

export interface ReceiverMetrics {
  count(result: WebhookResult): void;
  /** How long Temporal took to accept an event. */
  observeAccept(seconds: number): void;
}

export function createReceiverMetrics(registry: Registry): ReceiverMetrics {
  const webhooks = new Counter({
    name: 'berth_webhooks_total',
    help: 'Webhook deliveries by what became of them',
    labelNames: ['result'],
    registers: [registry],
  });
  const accepts = new Histogram({
    name: 'berth_webhook_accept_seconds',
    help: 'Time until Temporal had an event',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 8],
    registers: [registry],
  });
  return {
    count: (result) => webhooks.inc({ result }),
    observeAccept: (seconds) => accepts.observe(seconds),
  };
}
