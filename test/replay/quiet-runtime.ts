import { pino } from 'pino';
import { installRuntime } from '../../temporal/runtime.js';

/** The SDK warns of every replay that fails, which here is what a test expects. */
export const installQuietRuntime = (): void => installRuntime(pino({ level: 'silent' }));
