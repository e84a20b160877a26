import { join } from 'node:path';
import pino from 'pino';

export interface LogOptions {
  /** Which of Berth's processes writes: `receiver`, `host`, … */
  readonly role: string;
  readonly version?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A folder; the log is written there too, as `berth-<role>.log`. It is made if it is missing. */
  readonly fileDir?: string | null;
  /** Default: standard output. */
  readonly destination?: pino.DestinationStream;
}

/** The last line of defence: what holds a secret isn't logged in the first place (config/secret.ts). */
const SECRET_KEYS = [
  'token',
  'secret',
  'password',
  'privateKey',
  'private_key',
  'apiKey',
  'api_key',
  'authorization',
  'encoded_jit_config',
  'jitConfig',
];
const REDACTED = [
  ...SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
  // Errors of HTTP clients carry their request and its answer.
  'err.request.headers',
  'err.request.body',
  'err.response.headers',
  'err.response.data',
];

/** The names that anklet had for `LOG_LEVEL`, and `WARN`. */
const LEVELS: Readonly<Record<string, pino.Level>> = {
  ERROR: 'error',
  WARN: 'warn',
  INFO: 'info',
  DEBUG: 'debug',
  'DEBUG-PRETTY': 'debug',
  DEV: 'debug',
};

/** `LOG_LEVEL` in any case; anything unknown is `info`. */
export function levelOf(text: string | undefined): pino.Level {
  return LEVELS[(text ?? '').toUpperCase()] ?? 'info';
}

/** JSON lines with `time`, `level`, `role`, `msg`; `ERROR` is for what a person must act on. */
export function createLogger(options: LogOptions): pino.Logger {
  const { role, version, env, fileDir } = options;
  const level = levelOf(env['LOG_LEVEL']);
  // Written at once, for a process that ends must have said why.
  const output = options.destination ?? pino.destination({ dest: 1, sync: true });
  const file = fileDir
    ? pino.destination({ dest: join(fileDir, `berth-${role}.log`), mkdir: true, sync: true })
    : undefined;
  const streams = [output, ...(file ? [file] : [])].map((stream) => ({ stream, level }));
  return pino(
    {
      level,
      base: { role, ...(version !== undefined && { version }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      redact: { paths: REDACTED, censor: '[secret]' },
    },
    pino.multistream(streams),
  );
}
