import type { DatabaseKeys, Entry, Root } from './schema.js';
import { Secret } from './secret.js';
import type { DatabaseConfig } from './types.js';

const isUsed = (keys: DatabaseKeys | undefined): keys is DatabaseKeys => keys !== undefined && keys.enabled !== false;

/**
 * Redis for the aggregator: each `global_database_` key wins over the same key of `metrics.database`, which wins over
 * an entry's. Null when nothing names a server.
 */
export function buildDatabase(root: Root, entries: readonly Entry[]): DatabaseConfig | null {
  const own = [root.metrics?.database, ...entries.map((entry) => entry.database)].find(isUsed) ?? {};
  const url = root.global_database_url ?? own.url;
  if (url === undefined) return null;
  const password = root.global_database_password ?? own.password;
  return {
    url,
    port: root.global_database_port || own.port || 6379,
    user: root.global_database_user ?? own.user ?? null,
    password: password === undefined ? null : new Secret(password),
    database: root.global_database_database ?? own.database ?? 0,
    clusterMode: root.global_database_cluster_mode ?? own.cluster_mode ?? false,
    tls: root.global_database_tls_enabled ?? own.tls_enabled ?? false,
    tlsInsecure: root.global_database_tls_insecure ?? own.tls_insecure ?? false,
  };
}
