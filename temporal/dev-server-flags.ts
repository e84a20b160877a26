/** The command line of Temporal's dev server, tuned. */

/**
 * Settings of the server that decide how fast a workflow's steps follow each other. With the defaults each step waits
 * on a poll limit: start → first activity on a host takes 190 ms instead of 31 ms (measured on two cores, server
 * 1.29). Partitions and poll limits belong together: one without the other stalls now and then; one partition also
 * makes a task queue first in, first out. The compose file has the same values.
 */
export const TUNED_SERVER: Readonly<Record<string, number>> = {
  'history.transferProcessorMaxPollRPS': 1000,
  'history.timerProcessorMaxPollRPS': 1000,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
};

export interface FlagsInput {
  readonly port: number;
  /** Null: no web UI. */
  readonly uiPort: number | null;
  /** Where the server's own metrics are served. Null or absent: a port of its choice. */
  readonly metricsPort?: number | null;
  /** Null: everything is forgotten when the server ends. */
  readonly dbFile: string | null;
  readonly namespace: string;
  /** Names of search attributes, all of type Keyword. */
  readonly searchAttributes: readonly string[];
  /** More dynamic config, beside `TUNED_SERVER`. */
  readonly settings?: Readonly<Record<string, number>>;
}

/** The arguments after the CLI's own name. The server listens on the loopback address only. */
export function devServerArgs(input: FlagsInput): readonly string[] {
  const { port, uiPort, metricsPort = null, dbFile, namespace, searchAttributes, settings = {} } = input;
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
    ...(uiPort === null ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(metricsPort === null ? [] : ['--metrics-port', String(metricsPort)]),
    ...['--log-level', 'error', '--namespace', namespace],
    ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ...Object.entries({ ...TUNED_SERVER, ...settings }).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${value}`,
    ]),
    ...(dbFile === null ? [] : ['--db-filename', dbFile]),
    ...(dbFile === null ? [] : ['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL']),
  ];
}
