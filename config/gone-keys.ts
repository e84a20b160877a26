/** Keys of anklet whose subject has gone: accepted, so that an old file works, with one warning each. */

const OWN_RETRIES = 'Berth reconnects to Redis in its own way';

/** As paths with `[]` for any entry. */
export const GONE_KEYS: Readonly<Record<string, string>> = {
  log_file_dir: 'set `log.file_dir` for log files',
  'log.split_by_plugin': 'each role writes a log file of its own when `log.file_dir` is set',
  'metrics.metrics_urls': 'hosts announce themselves to the aggregator',
  'metrics.database.max_retries': OWN_RETRIES,
  'metrics.database.retry_delay': OWN_RETRIES,
  'metrics.database.retry_backoff_factor': OWN_RETRIES,
  global_database_max_retries: OWN_RETRIES,
  global_database_retry_delay: OWN_RETRIES,
  global_database_retry_backoff_factor: OWN_RETRIES,
  'plugins[].workflows': "a job's labels decide whether Berth serves it",
  'plugins[].database.max_retries': OWN_RETRIES,
  'plugins[].database.retry_delay': OWN_RETRIES,
  'plugins[].database.retry_backoff_factor': OWN_RETRIES,
};
