import type pino from 'pino';
import type { CliContext } from './context.js';
import { EXIT } from './exit-codes.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const;
type Signal = (typeof SIGNALS)[number];

export interface Service {
  /** Takes nothing new, finishes what it has begun. */
  stop(): Promise<void>;
  /** Whether this signal wants what runs to be waited for before the stop. */
  drainsAt?(signal: Signal): boolean;
  /** Takes nothing new, and waits for what runs, or until `cut` is aborted. Throws nothing. */
  drain?(cut: AbortSignal): Promise<void>;
}

/**
 * Waits for SIGINT, SIGTERM or SIGQUIT, then stops the service, after a drain if the service has one for this signal.
 * A second signal cuts the drain short; one during the stop ends the process at once, with code 1.
 */
export async function untilStopped(service: Service, log: pino.Logger, context: CliContext): Promise<void> {
  const { signals, exit } = context;
  const cut = new AbortController();
  let isStopping = false;
  let onFirst: (signal: Signal) => void = () => undefined;
  const first = new Promise<Signal>((resolve) => (onFirst = resolve));
  let isFirst = true;
  const onSignal = (signal: Signal): void => {
    if (isFirst) {
      isFirst = false;
      isStopping = service.drainsAt?.(signal) !== true;
      onFirst(signal);
    } else if (isStopping) exit(EXIT.failed);
    else {
      isStopping = true;
      cut.abort();
    }
  };
  for (const name of SIGNALS) signals.on(name, onSignal);
  try {
    const signal = await first;
    if (!isStopping) {
      log.info({ signal }, 'draining');
      await service.drain?.(cut.signal);
    }
    isStopping = true;
    log.info({ signal }, 'stopping');
    await service.stop();
    log.info('stopped');
  } finally {
    for (const name of SIGNALS) signals.off(name, onSignal);
  }
}
