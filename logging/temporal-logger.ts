import type { LogLevel, LogMetadata, Logger } from '@temporalio/common';
import type pino from 'pino';

type Method = 'trace' | 'debug' | 'info' | 'warn' | 'error';

const METHODS: Readonly<Record<LogLevel, Method>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** Lets Temporal's SDK write to our log; its metadata become fields of the line. */
export function temporalLogger(log: pino.Logger): Logger {
  const writer = (method: Method) => (message: string, meta?: LogMetadata) => {
    log[method](fieldsOf(meta), message);
  };
  return {
    trace: writer('trace'),
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    log: (level, message, meta) => writer(METHODS[level])(message, meta),
  };
}

/** JSON has no bigint, which the SDK's timestamps are; pino knows errors by the name `err`. */
function fieldsOf(meta: LogMetadata = {}): Record<string, unknown> {
  const fields = Object.entries(meta).map(([name, value]: [string, unknown]) => {
    return [name === 'error' ? 'err' : name, typeof value === 'bigint' ? String(value) : value] as const;
  });
  return Object.fromEntries(fields);
}
